//! The page of HTML that `train` and `evaluate` write with `--report`.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use ::report::{Judged, Report, TableSummary};
use anyhow::{Context, Result};
use clap::Args;
use data::Table;
use model::{Compute, Model};
use net::digest::Digester;

use crate::report::{self, command_line};

/// The argument of the subcommands that write a page.
#[derive(Args)]
pub struct Page {
    /// Page of HTML to write: curves, confusion matrix, calibration, importance of columns, the data, and how to do it again
    #[arg(long = "report", value_name = "FILE.html")]
    path: Option<PathBuf>,
}

/// What a page is made of, besides the model.
pub struct Contents<'a> {
    /// What is known of the table.
    pub table: Option<TableSummary>,
    /// The rows to judge by.
    pub judged: Option<Judged<'a>>,
    /// The model file.
    pub model_file: &'a Path,
    /// The files that were read, each with what it is.
    pub files: Vec<(&'a str, &'a Path)>,
    /// The command line.
    pub command: &'a [String],
    /// What is computed with.
    pub compute: Compute,
}

impl Page {
    /// A page in this file.
    pub fn at(path: &Path) -> Self {
        Self { path: Some(path.to_owned()) }
    }

    /// The file to be written, for [`destination::check`](crate::destination::check).
    pub fn output(&self) -> Option<(&'static str, &Path)> {
        Some(("the page", self.path.as_deref()?))
    }

    /// What is in a table, if a page is wanted.
    pub fn summary(&self, table: &Table) -> Option<TableSummary> {
        self.path.as_ref().map(|_| TableSummary {
            file: table.file().to_owned(),
            rows: table.rows(),
            columns: (0..table.columns().len()).map(|column| table.summary(column)).collect(),
        })
    }

    /// Writes the page, if one is wanted, and says so.
    ///
    /// # Errors
    /// If it cannot be made or written.
    pub fn write(&self, model: &Model, contents: Contents, lines: &mut report::Report) -> Result<()> {
        let (Some(path), Some(table)) = (&self.path, contents.table) else { return Ok(()) };
        let mut origin = Vec::new();
        if let Some(provenance) = &model.training.provenance {
            origin.push(("model made by".to_owned(), command_line(&provenance.command)));
            origin.push(("with version".to_owned(), format!("backprop {}", provenance.version)));
        }
        origin.push(("page made by".to_owned(), command_line(contents.command)));
        origin.push(("with version".to_owned(), format!("backprop {}", env!("CARGO_PKG_VERSION"))));
        let Compute { threads, level } = contents.compute;
        origin.push(("computed with".to_owned(), format!("threads {threads}, SIMD level {level}")));
        for (what, file) in [("model file", contents.model_file)].into_iter().chain(contents.files) {
            // What came from the standard input is gone.
            if file.is_file() {
                origin.push((format!("{what}, SHA-256"), format!("{}  {}", sha256(file)?, file.display())));
            }
        }
        let report = Report { model, table, judged: contents.judged, origin, compute: contents.compute };
        net::file::write_atomically(path, ::report::page(&report)?.as_bytes())?;
        lines.line("report", path.display().to_string());
        lines.value("report", path);
        Ok(())
    }
}

/// The digest of a file, as `sha256sum` prints it.
fn sha256(path: &Path) -> Result<String> {
    let cannot = || format!("cannot read `{}`", path.display());
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).with_context(cannot)?);
    let (mut digester, mut buffer) = (Digester::default(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer).with_context(cannot)? {
            0 => return Ok(digester.digest().to_string()),
            length => digester.bytes(&buffer[..length]),
        }
    }
}
