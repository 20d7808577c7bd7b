//! `backprop predict`: from a table and a model file to predictions.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use data::Target;
use model::Model;

use crate::destination;
use crate::machine::Machine;
use crate::predictions;
use crate::reading::{Reading, STANDARD};
use crate::report::{Report, count, print};
use crate::values;

/// Predict the class or the number of every row of a table
///
/// Writes a CSV file with a row for each row of the table, in the same order. A model of two classes gives two columns:
/// `prob_t1`, the probability of the class t = 1, which is the positive class of the training (`backprop info MODEL`
/// names it); and `class`, the label that is predicted. One of several classes gives `class` and a column `prob_LABEL` for
/// each label; one of numbers gives `prediction`. The table's columns are found by name, so that they may come in
/// another order and with others between them; the target is not needed.
#[derive(Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  backprop predict model.safetensors new.csv
  backprop predict patients.safetensors new.csv.gz --threshold 0.3 --output predictions.csv
  gunzip -c new.csv.gz | backprop predict model.safetensors - --json"
)]
pub struct Predict {
    /// Model that `backprop train` has saved
    model: PathBuf,

    /// Table with the feature columns of the model, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File to write [default: the standard output]
    #[arg(long, value_name = "OUT.csv")]
    output: Option<PathBuf>,

    /// Write an object of JSON for each row, one a line, with the names of the columns; what is said of a file as JSON too
    #[arg(long)]
    json: bool,

    /// Of two classes, t = 1 is predicted where its probability is at least this [default: 0.5]
    #[arg(long, value_name = "PROBABILITY", value_parser = values::probability)]
    threshold: Option<f32>,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    machine: Machine,
}

impl Predict {
    /// Predicts, and writes the predictions.
    pub fn run(&self) -> Result<()> {
        let compute = self.machine.compute()?;
        // As in the place of the table, - is a standard stream.
        let output = self.output.as_deref().filter(|output| *output != Path::new(STANDARD));
        if let Some(output) = output {
            let sources = self.reading.files_with(&self.model, &self.file);
            destination::check(&[("the predictions", output)], &sources)?;
        }
        let model = Model::load(&self.model)?;
        let target = model.pipeline.target();
        predictions::check_threshold(target, self.threshold)?;
        let threshold = self.threshold.unwrap_or(0.5);
        let mut report = Report::default();
        let predictions = self.predict(&model, compute, &mut report)?;
        let bytes = match self.json {
            true => predictions::to_json_lines(target, &predictions, threshold)?,
            false => predictions::to_csv(target, &predictions, threshold)?,
        };
        let Some(output) = output else {
            return print(&bytes);
        };
        net::file::write_atomically(output, &bytes)?;
        let rows = || predictions.chunks_exact(target.outputs());
        let of = |label| rows().filter(|row| predictions::class(target, row, threshold) == Some(label)).count();
        if let Target::Binary { classes, .. } = target {
            for t in [1, 0] {
                let (label, rows) = (classes.label(t), of(classes.label(t)));
                report.line(&format!("t = {t}"), format!("`{label}`, {} rows", count(rows)));
                report.value(&format!("rows_t{t}"), rows);
            }
        } else {
            report.line("rows", count(rows().count()).to_string());
        }
        report.value("rows", rows().count());
        report.line("predictions", output.display().to_string());
        report.value("predictions", output);
        report.print(self.json)
    }

    /// The predictions of all rows, in row-major order. The table is read in blocks.
    fn predict(&self, model: &Model, compute: model::Compute, report: &mut Report) -> Result<Vec<f32>> {
        let reader = self.reading.open(&self.file, report)?;
        let columns = model.pipeline.columns();
        let encoding = model.pipeline.encoding(&columns, reader.header().file())?;
        let mut predictor = model.predictor(compute)?;
        let (mut inputs, mut predictions) = (Vec::new(), Vec::new());
        let outputs = predictor.outputs();
        reader.read_blocks(columns.clone(), |block| -> Result<()> {
            inputs.clear();
            encoding.block(&block, &mut inputs);
            let done = predictions.len() / outputs;
            let of_block = predictor.predict(&inputs);
            let of_block = of_block.map_err(|error| error.in_table(reader.header().file(), |row| done + row))?;
            predictions.extend(of_block);
            Ok(())
        })?;
        Ok(predictions)
    }
}
