//! How to read the file of a table.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use data::{Column, Error, Format, Kind, Pipeline, ReadOptions, Source, Table, TableReader};

use crate::report::Report;
use crate::values;

/// The name that means the standard input or, of a file to be written, the standard output.
pub const STANDARD: &str = "-";

/// Arguments of every subcommand that reads a table.
#[derive(Args)]
pub struct Reading {
    /// Format of the table: csv, libsvm, idx, parquet or arrow [default: recognised by its first bytes]
    #[arg(long)]
    format: Option<Format>,

    /// Character between the cells of a CSV file, or the word tab [default: found in the first line]
    #[arg(long, value_name = "CHARACTER", value_parser = values::delimiter)]
    delimiter: Option<u8>,

    /// Character around cells of a CSV file that contain delimiters
    #[arg(long, value_name = "CHARACTER", value_parser = values::quote, default_value = "\"")]
    quote: u8,

    /// The first line of the CSV file is a row; the columns are then named 1, 2, ...
    #[arg(long)]
    no_header: bool,

    /// Lines to skip at the beginning of a CSV file
    #[arg(long, value_name = "N", default_value = "0")]
    skip_lines: u64,

    /// Labels of an IDX file of images [default: the file beside it with labels in its name in the place of images]
    #[arg(long, value_name = "PATH")]
    labels: Option<PathBuf>,
}

impl Reading {
    /// Opens the table at `path`; `-` is the standard input.
    pub fn open(&self, path: &Path, report: &mut Report) -> Result<TableReader> {
        let source = match path.to_str() {
            Some(STANDARD) => Source::standard_input()?,
            _ => Source::file(path)?,
        };
        self.open_source(source, report)
    }

    /// Reads from a table what a pipeline needs to predict and to be judged: its columns, its target, and the column of
    /// weights, if there is one.
    pub fn read_examples(
        &self,
        path: &Path,
        pipeline: &Pipeline,
        weights: Option<&str>,
        report: &mut Report,
    ) -> Result<Table> {
        let reader = self.open(path, report)?;
        let target = pipeline.target();
        let mut columns = pipeline.columns();
        columns.push(target.to_read());
        if let Some(name) = weights {
            if columns.iter().any(|column| column.name() == name) {
                let what = if name == target.column() { "the target" } else { "a feature" };
                let name = name.escape_debug();
                bail!("--weights: the column `{name}` is {what} of the model, and cannot hold weights as well");
            }
            columns.push(Column::new(name, Kind::Number));
        }
        Ok(reader.read(columns)?)
    }

    fn options(&self) -> ReadOptions {
        ReadOptions {
            format: self.format,
            delimiter: self.delimiter,
            quote: self.quote,
            has_header: !self.no_header,
            skip_lines: self.skip_lines,
            labels: self.labels.clone(),
        }
    }

    /// The files that are read for the table at `path`.
    pub fn files(&self, path: &Path) -> Vec<PathBuf> {
        self.options().files(path)
    }

    /// The files that are read for a model and the table at `path`.
    pub fn files_with(&self, model: &Path, path: &Path) -> Vec<PathBuf> {
        let mut files = self.files(path);
        files.push(model.to_owned());
        files
    }

    /// Opens any table.
    pub fn open_source(&self, source: Source, report: &mut Report) -> Result<TableReader> {
        let reader = TableReader::open(source, &self.options()).map_err(with_advice)?;
        if self.format.is_none() && reader.format() != Format::Csv {
            report.line("format", format!("{}, recognised by the first bytes", reader.format()));
        }
        match reader.delimiter() {
            Some(delimiter) if self.delimiter.is_none() && delimiter != ',' => {
                report.line("delimiter", format!("{delimiter:?}, found in the first line"));
            }
            _ => {}
        }
        Ok(reader)
    }
}

/// Names the argument that helps if it is the header that is wrong.
pub fn with_advice(error: Error) -> anyhow::Error {
    match error {
        Error::NoHeader { .. } | Error::DoubtfulHeader { .. } => {
            anyhow!("{error}; or give --no-header, and the columns are named 1, 2, ...")
        }
        error => error.into(),
    }
}
