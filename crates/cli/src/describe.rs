//! `backprop describe`: what is in a table.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use data::Column;

use crate::reading::{self, Reading};
use crate::report::{Report, count};

/// Show the columns of a table: types, missing and different values
///
/// The types are those that `backprop train` uses unless it is told others.
#[derive(Args)]
pub struct Describe {
    /// Table to describe, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    reading: Reading,
}

impl Describe {
    /// Prints it.
    pub fn run(&self) -> Result<()> {
        let mut report = Report::default();
        let reader = self.reading.open(&self.file, &mut report)?;
        let inferred = reader.infer(&reader.header().features(&[])?).map_err(reading::with_advice)?;
        let table = reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect())?;
        report.line("data", format!("{}: {} rows of {} columns", table.file(), count(table.rows()), inferred.len()));
        for (position, column) in inferred.iter().enumerate() {
            report.line("column", format!("{}: {}", column.name.escape_debug(), table.summary(position)));
            if let Some(note) = &column.note {
                report.line("note", format!("column `{}` is {note}", column.name.escape_debug()));
            }
        }
        report.print()
    }
}
