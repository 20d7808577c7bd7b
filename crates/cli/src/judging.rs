//! Judging a model by a table that has the answers: what `evaluate` and `report` have in common.

use std::path::PathBuf;

use ::report::Judged;
use anyhow::Result;
use clap::Args;
use model::{Examples, Model, scores};

use crate::destination;
use crate::machine::Machine;
use crate::page::{Contents, Page};
use crate::predictions;
use crate::reading::Reading;
use crate::report::{Report, count};
use crate::values;

/// The model, the table, and how to judge.
#[derive(Args)]
pub struct Judging {
    /// Model that `backprop train` has saved
    model: PathBuf,

    /// Table with the feature columns of the model and its target, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Of two classes, t = 1 is predicted where its probability is at least this [default: 0.5]
    #[arg(long, value_name = "PROBABILITY", value_parser = values::probability)]
    threshold: Option<f32>,

    /// Column of numbers from 0 on that say how much each row counts, by its name
    #[arg(long, value_name = "COLUMN")]
    weights: Option<String>,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    machine: Machine,
}

impl Judging {
    /// Predicts and compares, and writes `page` if it is wanted. `command` is the command line.
    pub fn run(&self, page: &Page, command: &[String]) -> Result<Report> {
        let compute = self.machine.compute()?;
        let sources = self.reading.files_with(&self.model, &self.file);
        destination::check(page.output().as_slice(), &sources)?;
        let model = Model::load(&self.model)?;
        predictions::check_threshold(model.pipeline.target(), self.threshold)?;
        let mut report = Report::default();
        let weights = self.weights.as_deref();
        let table = self.reading.read_examples(&self.file, &model.pipeline, weights, &mut report)?;
        let file = table.file().to_owned();
        report.line("data", format!("{file}: {} rows", count(table.rows())));
        report.value("data", &file);
        report.value("rows", table.rows());
        let summary = page.summary(&table);
        let examples = Examples::of_table(&model.pipeline, table, weights)?;
        let predictions = model.predictor(compute)?.predict(&examples.inputs);
        let predictions = predictions.map_err(|error| error.in_table(&file, |row| row))?;
        report.scores(&scores(model.pipeline.target(), &examples, &predictions, self.threshold)?, "rows of the table");
        let judged = Judged {
            rows: "rows of the table",
            examples: &examples,
            predictions: &predictions,
            threshold: self.threshold,
        };
        let contents = Contents {
            table: summary,
            judged: Some(judged),
            model_file: &self.model,
            files: vec![("table", &self.file)],
            command,
            compute,
        };
        page.write(&model, contents, &mut report)?;
        Ok(report)
    }
}
