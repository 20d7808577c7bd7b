//! `backprop predict`: from a table and a model file to probabilities.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use data::Target;
use net::Predictor;

use crate::destination;
use crate::machine::Machine;
use crate::model::Model;
use crate::reading::Reading;
use crate::report::{Report, count, print};
use crate::values;

/// Predict the class of every row of a table
///
/// Writes a CSV file with a row for each row of the table, in the same order, and two columns: `prob_t1`, the
/// probability of the class t = 1, which is the positive class of the training (`backprop info MODEL` names it); and
/// `class`, the label that is predicted. The table's columns are found by name, so that they may come in another order
/// and with others between them; the target is not needed.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Predict {
    /// Model that `backprop train` has saved
    model: PathBuf,

    /// Table with the feature columns of the model, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File to write [default: the standard output]
    #[arg(long, value_name = "OUT.csv")]
    output: Option<PathBuf>,

    /// The class is t = 1 where its probability is at least this
    #[arg(long, value_name = "PROBABILITY", value_parser = values::probability, default_value = "0.5")]
    threshold: f32,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    machine: Machine,
}

impl Predict {
    /// Predicts, and writes the predictions.
    pub fn run(&self) -> Result<()> {
        let level = self.machine.level()?;
        if let Some(output) = &self.output {
            destination::check(output, &[&self.model, &self.file])?;
        }
        let Model { network, pipeline } = Model::load(&self.model)?;
        let Target::Binary { classes, .. } = pipeline.target() else {
            bail!("`{}` does not tell two classes apart, as this version can only do", self.model.display());
        };
        let mut report = Report::default();
        let reader = self.reading.open(&self.file, &mut report)?;
        let columns = pipeline.columns();
        let encoding = pipeline.encoding(&columns, reader.header().file())?;
        let mut predictor = Predictor::new(&network).with_level(level).with_threads(self.machine.threads())?;
        let (mut features, mut prob_t1) = (Vec::new(), Vec::new());
        reader.read_blocks(columns.clone(), |block| -> Result<()> {
            features.clear();
            encoding.block(&block, &mut features);
            let before = prob_t1.len();
            prob_t1.resize(before + block.rows(), 0.0);
            Ok(predictor.prob_t1(&features, &mut prob_t1[before..])?)
        })?;
        if let Some(row) = prob_t1.iter().position(|probability| probability.is_nan()) {
            let (file, row) = (self.file.display(), row + 1);
            bail!("`{file}`, row {row}: no finite answer, its values are too far from those that were trained on");
        }

        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["prob_t1", "class"])?;
        for &prob_t1 in &prob_t1 {
            // `{:?}` is the shortest decimal that reads back to the same f32, with an exponent where it is tiny.
            writer.write_record([&format!("{prob_t1:?}"), classes.decide(prob_t1, self.threshold)])?;
        }
        let bytes = writer.into_inner()?;
        let Some(output) = &self.output else {
            return print(&bytes);
        };
        net::file::write_atomically(output, &bytes)?;
        let positives = prob_t1.iter().filter(|prob_t1| **prob_t1 >= self.threshold).count();
        report.line("t = 1", format!("`{}`, {} rows", classes.label(1), count(positives)));
        report.line("t = 0", format!("`{}`, {} rows", classes.label(0), count(prob_t1.len() - positives)));
        report.line("predictions", output.display().to_string());
        report.print()
    }
}
