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
#[command(after_help = "\
Examples:
  backprop describe patients.csv
  backprop describe measurements.csv.gz --no-header --json")]
pub struct Describe {
    /// Table to describe, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    reading: Reading,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Describe {
    /// Prints it.
    pub fn run(&self) -> Result<()> {
        let mut report = Report::default();
        let reader = self.reading.open(&self.file, &mut report)?;
        let inferred = reader.infer(&reader.header().features(&[])?).map_err(reading::with_advice)?;
        let table = reader.read(inferred.iter().map(|column| Column::new(&column.name, column.kind)).collect())?;
        report.line("data", format!("{}: {} rows of {} columns", table.file(), count(table.rows()), inferred.len()));
        report.value("data", table.file());
        report.value("rows", table.rows());
        let mut columns = Vec::new();
        for (position, column) in inferred.iter().enumerate() {
            let summary = table.summary(position);
            report.line("column", format!("{}: {summary}", column.name.escape_debug()));
            columns.push(serde_json::json!({
                "name": column.name,
                "kind": column.kind.to_string(),
                "missing": summary.missing,
                "distinct": summary.distinct,
                "range": summary.range,
                "most_frequent": summary.top.map(|(label, rows)| serde_json::json!({ "label": label, "rows": rows })),
                "note": column.note,
            }));
            if let Some(note) = &column.note {
                report.line("note", format!("column `{}` is {note}", column.name.escape_debug()));
            }
        }
        report.value("columns", columns);
        report.print(self.json)
    }
}
