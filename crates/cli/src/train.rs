//! `backprop train`: from a table to a model file.

use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use data::{Classes, Dropped, Pipeline, Scaling, Split, Target};
use net::metrics::{accuracy, log_loss, roc_auc};
use net::{Activation, Dataset, Network, Optimizer, Predictor, Shape, Trainer, TrainingOptions};

use crate::destination;
use crate::machine::Machine;
use crate::model::Model;
use crate::progress::Progress;
use crate::report::{Report, count};
use crate::training_table::{Columns, TrainingTable};
use crate::values::{self, Widths};

/// The largest network, in weights and biases: 4 GiB of them, which training needs three times over.
const MAX_PARAMETERS: usize = 1 << 30;

/// Train a network on a table with two classes, and save it
///
/// The table is a CSV, LIBSVM, IDX, Parquet or Arrow file, compressed with gzip or not. Every column besides the target is
/// a feature: numbers and dates are scaled, and text becomes an input for each frequent label; missing values may occur. What
/// that takes is learnt from the rows to train on. The other rows are held out, and how well the network does on
/// those is printed.
#[derive(Args)]
#[command(allow_negative_numbers = true)]
pub struct Train {
    #[command(flatten)]
    table: TrainingTable,

    /// Units in each hidden layer, separated by commas
    #[arg(long, value_name = "UNITS", default_value = "64,64")]
    hidden: Widths,

    /// Activation of the hidden layers: sigmoid, tanh, relu, silu or gelu
    #[arg(long, default_value = "sigmoid")]
    activation: Activation,

    /// Times that every row is trained on
    #[arg(long, value_name = "N", value_parser = values::epochs, default_value = "50")]
    epochs: usize,

    /// Rows in a minibatch, for each of which the weights take one step
    #[arg(long, value_name = "ROWS", value_parser = values::batch_size, default_value = "32")]
    batch_size: usize,

    /// Length of a step, as a multiple of the mean gradient of the minibatch
    #[arg(long, value_name = "RATE", value_parser = values::learning_rate, default_value = "0.03")]
    learning_rate: f32,

    /// Part of the last step that is added to the next one, from 0 to below 1
    #[arg(long, value_parser = values::momentum, default_value = "0.9")]
    momentum: f32,

    /// Seed of all that is random: rows held out, first weights, order of the rows
    #[arg(long, value_name = "N", value_parser = values::seed, default_value = "0")]
    seed: u64,

    /// Part of the rows of each class to hold out
    #[arg(long, value_name = "FRACTION", value_parser = values::fraction, default_value = "0.2")]
    test_fraction: f64,

    /// How numbers are scaled: standard (mean 0, standard deviation 1) or robust (by quartiles, outliers clipped)
    #[arg(long, value_name = "WAY", value_parser = values::scaling, default_value = "standard")]
    scale: Scaling,

    #[command(flatten)]
    machine: Machine,

    /// File to save the model to
    #[arg(long, value_name = "PATH", default_value = "model.safetensors")]
    model: PathBuf,
}

impl Train {
    /// Trains, saves, and then prints what came of it.
    pub fn run(&self) -> Result<()> {
        let (level, threads) = (self.machine.level()?, self.machine.threads());
        destination::check(&self.model, self.table.path().as_slice())?;
        let mut report = Report::default();
        let (pipeline, training, held_out) = self.prepare(&mut report)?;
        let network = self.fit(&training, &mut report)?;

        let mut prob_t1 = vec![0.0; held_out.rows()];
        let mut predictor = Predictor::new(&network).with_level(level).with_threads(threads)?;
        predictor.prob_t1(held_out.features(), &mut prob_t1)?;
        let (targets, prob_t1) = (held_out.targets(), &prob_t1[..]);
        report.line("accuracy", format!("{:.4} on the held-out rows", accuracy(targets, prob_t1)?));
        report.line("log loss", format!("{:.4}", log_loss(targets, prob_t1)?));
        report.line("ROC AUC", format!("{:.4}", roc_auc(targets, prob_t1)?));

        Model { network, pipeline }.save(&self.model)?;
        report.line("model", self.model.display().to_string());
        report.print()
    }

    /// Reads the table, and makes of it the rows to train on and the rows held out.
    fn prepare(&self, report: &mut Report) -> Result<(Pipeline, Dataset, Dataset)> {
        let Columns { table, features, target: column } = self.table.read(report)?;
        let labels = table.labels(&column)?;
        let (file, positive) = (table.file().to_owned(), self.table.positive.as_deref());
        // Before the split, which needs two classes, too.
        let classes = Classes::choose(&labels, positive)?;
        let split = match &self.table.split {
            Some(column) => Split::by_column(&table, column)?,
            None => Split::stratified(&labels, self.test_fraction, self.seed)?,
        };
        let judged = if split.held_out.is_empty() { &split.validation } else { &split.held_out };
        let unused = table.rows() - split.training.len() - judged.len();

        let target = Target::fit(&table, &column, positive, &split.training)?;
        let targets = target.values(&table)?;
        let positives = targets.iter().filter(|&&target| target == 1.0).count();
        let [rows, positives, negatives, trained, held, unused] =
            [table.rows(), positives, table.rows() - positives, split.training.len(), judged.len(), unused].map(count);
        report.line("data", format!("{file}: {rows} rows of {} features", features.len()));
        report.line("t = 1", format!("`{}`, {positives} rows of column `{column}`", classes.label(1)));
        report.line("t = 0", format!("`{}`, {negatives} rows", classes.label(0)));
        let unused = if unused.0 > 0 { format!(", {unused} for validation not used") } else { String::new() };
        report.line("rows", format!("{trained} trained on, {held} held out{unused}"));

        let (pipeline, dropped) = Pipeline::fit(&table, &features, &split.training, target, self.scale)?;
        if !dropped.is_empty() {
            let dropped: Vec<String> =
                dropped.iter().map(|Dropped { name, reason }| format!("`{name}` ({reason})")).collect();
            report.line("dropped", dropped.join(", "));
        }
        let [training, held_out] = pipeline.consume(table, [&split.training, judged])?;
        let dataset = |features, rows: &[usize]| {
            Dataset::new(pipeline.inputs(), features, rows.iter().map(|&row| targets[row]).collect())
        };
        let (training, held_out) = (dataset(training, &split.training)?, dataset(held_out, judged)?);
        Ok((pipeline, training, held_out))
    }

    /// Trains a new network.
    fn fit(&self, training: &Dataset, report: &mut Report) -> Result<Network> {
        let parameters = Shape::new(training.inputs(), &self.hidden.0, self.activation)?.parameter_count();
        if parameters > MAX_PARAMETERS {
            let (wanted, most) = (count(parameters), count(MAX_PARAMETERS));
            bail!("the network would have {wanted} parameters, and at most {most} are possible: narrow --hidden");
        }
        let network = Network::builder(training.inputs())
            .hidden(&self.hidden.0)
            .activation(self.activation)
            .seed(self.seed)
            .build()?;
        let options = TrainingOptions {
            epochs: self.epochs,
            batch_size: self.batch_size.min(training.rows()),
            optimizer: Optimizer::Sgd { learning_rate: self.learning_rate, momentum: self.momentum },
            seed: self.seed,
            threads: self.machine.threads(),
            level: self.machine.level()?,
            ..Default::default()
        };
        let mut trainer = Trainer::new(network, options)?;
        let progress = Progress::new(trainer.network().shape().to_string(), "epoch", self.epochs);
        let (mut samples, mut seconds) = (0, 0.0);
        trainer.train(training, |epoch| {
            progress.show_epoch(epoch);
            samples += epoch.samples;
            seconds += epoch.seconds;
            ControlFlow::Continue(())
        })?;

        let (shape, parameters) = (trainer.network().shape(), count(trainer.network().parameter_count()));
        report.line("network", format!("{shape}, {}, {parameters} parameters", shape.activation()));
        let rate = count((samples as f64 / seconds) as usize);
        report.line("training", format!("{} epochs in {seconds:.2} s, {rate} samples/s", self.epochs));
        report.line("SIMD level", trainer.level().to_string());
        report.line("threads", trainer.threads_used().to_string());
        Ok(trainer.into_network())
    }
}
