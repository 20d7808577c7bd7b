//! The table to train on: which file, which columns, which class is t = 1.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use data::{Classes, Error, Labels, Table, TableReader};

use crate::report::Report;
use crate::values;

/// The data set that is trained on if no file is given.
const BUNDLED: &[u8] = include_bytes!("../../../data/wdbc.csv");
const BUNDLED_NAME: &str = "wdbc.csv (bundled)";
const BUNDLED_TARGET: &str = "diagnosis";

/// The arguments that say what to learn.
#[derive(Args)]
pub struct TrainingTable {
    /// Table to train on [default: the bundled Wisconsin Diagnostic Breast Cancer data]
    #[arg(value_name = "FILE.csv")]
    file: Option<PathBuf>,

    /// Column that holds the class
    #[arg(long, value_name = "COLUMN")]
    target: Option<String>,

    /// Label that is t = 1, the positive class [default: 1 of 0 and 1, else the rarer one]
    #[arg(long, value_name = "LABEL")]
    positive: Option<String>,

    /// Column to leave out; may be given several times
    #[arg(long, value_name = "COLUMN")]
    ignore: Vec<String>,

    /// Character between cells, or the word tab [default: found in the first line]
    #[arg(long, value_name = "CHARACTER", value_parser = values::delimiter)]
    delimiter: Option<u8>,
}

impl TrainingTable {
    /// The file, unless the bundled data are meant.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Reads the features and the labels, and decides which label is t = 1.
    pub fn read(&self, report: &mut Report) -> Result<(Table, Labels, Classes)> {
        let reader = match &self.file {
            Some(path) => TableReader::open(path, self.delimiter)?,
            None => TableReader::from_bytes(BUNDLED_NAME, BUNDLED, self.delimiter)?,
        };
        if self.delimiter.is_none() && reader.delimiter() != ',' {
            report.line("delimiter", format!("{:?}, found in the first line", reader.delimiter()));
        }
        let header = reader.header();
        let target = match (&self.target, &self.file) {
            (Some(target), _) => target,
            (None, None) => BUNDLED_TARGET,
            (None, Some(path)) => {
                bail!("which column of `{}` holds the class? Give --target, one of {header}", path.display())
            }
        };
        let columns = header.features(target, &self.ignore).map_err(|error| with_advice(error, target))?;
        let (table, labels) = reader.read_labelled(&columns, target).map_err(|error| with_advice(error, target))?;
        let classes = Classes::choose(&labels, self.positive.as_deref())?;
        Ok((table, labels, classes))
    }
}

/// Names the argument that helps if a column cannot be used as a feature.
fn with_advice(error: Error, target: &str) -> anyhow::Error {
    match error.avoidable_column() {
        Some(column) if column != target => anyhow!("{error}; --ignore {column:?} leaves the column out"),
        _ => error.into(),
    }
}
