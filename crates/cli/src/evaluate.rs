//! `backprop evaluate`: how good a model is on a table.

use anyhow::Result;
use clap::Args;

use crate::judging::Judging;
use crate::page::Page;

/// Show how good the predictions of a model are for a table that has the answers
///
/// The table's columns are found by name, and the target is one of them. All metrics of the kind of target are printed.
/// They say how good a model is only if it was not trained on the table.
#[derive(Args)]
#[command(after_help = "\
Examples:
  backprop evaluate model.safetensors test.csv
  backprop evaluate patients.safetensors other-clinic.csv --weights visits --json
  backprop evaluate model.safetensors test.csv --report test.html")]
pub struct Evaluate {
    #[command(flatten)]
    judging: Judging,

    #[command(flatten)]
    page: Page,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Evaluate {
    /// Predicts, compares, and prints. `command` is the command line.
    pub fn run(&self, command: &[String]) -> Result<()> {
        self.judging.run(&self.page, command)?.print(self.json)
    }
}
