//! `backprop report`: what a model is and how good it is on a table, as a page.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::judging::Judging;
use crate::page::Page;

/// Write a page of HTML about a model and how good it is on a table
///
/// The page is one file that loads nothing: metrics, ROC and precision-recall curves, reliability, confusion matrix,
/// scores of each class or residuals of numbers, learning curves, importance of columns, the data, hyperparameters, and
/// what is needed to do it again. `train --report` and `evaluate --report` write it as well.
#[derive(Args)]
#[command(after_help = "\
Examples:
  backprop report model.safetensors test.csv
  backprop report patients.safetensors other-clinic.csv --weights visits --output other-clinic.html")]
pub struct WriteReport {
    #[command(flatten)]
    judging: Judging,

    /// Page to write
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    output: PathBuf,
}

impl WriteReport {
    /// Judges, writes, and prints the metrics. `command` is the command line.
    pub fn run(&self, command: &[String]) -> Result<()> {
        self.judging.run(&Page::at(&self.output), command)?.print(false)
    }
}
