//! `backprop train`: from a table to a model file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ::report::{Judged, TableSummary};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use data::{Dropped, Split, Table, Target};
use model::{Checkpoint, Columns, DataSummary, Fit, Model, Prepared, Provenance, scores};
use net::Dataset;

use crate::checkpoints::{self, Checkpoints};
use crate::command::without_effect_removed;
use crate::config::Config;
use crate::destination;
use crate::hyperparameters::{self, Hyperparameters};
use crate::interrupt;
use crate::machine::Machine;
use crate::network;
use crate::page::{Contents, Page};
use crate::progress::TrainingProgress;
use crate::report::{Report, count};
use crate::training_table::{Partition, TrainingTable};
use crate::values;

/// Train a model on a table, and save it
///
/// What is predicted follows from the target column: one of two classes, one of several, or a number. Every other
/// column is a feature: numbers and dates are scaled, and text becomes an input for each frequent label; missing
/// values may occur. What that takes is learnt from the rows to train on. The other rows are held out, and how well the
/// model does on those is printed. Ctrl-C or SIGTERM stops the training after the minibatch and keeps what it has come to.
#[derive(Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  backprop train
  backprop train patients.csv --target outcome --positive sick --model patients.safetensors
  backprop train houses.parquet --target price --drop id --hidden 128,64 --ensemble 5
  backprop train flowers.csv --target species --validation-fraction 0.1 --patience 10
  backprop train patients.csv --target outcome --report patients.html
  backprop train --config run.toml --seed 7
  backprop train patients.csv --target outcome --checkpoint run.ckpt
  backprop train --resume run.ckpt"
)]
pub struct Train {
    #[command(flatten)]
    table: TrainingTable,

    /// Column that says which rows to train on and which to hold out, by the words train, validation and test
    #[arg(long, value_name = "COLUMN", help_heading = "Columns", conflicts_with = "test_fraction")]
    split: Option<String>,

    /// Part of the rows to hold out, of each class or of small, middling and large numbers; 0 for none
    #[arg(long, value_name = "FRACTION", value_parser = values::share_of_rows, default_value = "0.2")]
    test_fraction: f64,

    /// Table with rows to judge each network by after each epoch, read as the table to train on; the best epoch is kept
    #[arg(long, value_name = "FILE", conflicts_with = "validation_fraction")]
    validation: Option<PathBuf>,

    #[command(flatten)]
    hyperparameters: Hyperparameters,

    #[command(flatten)]
    checkpoints: Checkpoints,

    #[command(flatten)]
    machine: Machine,

    /// File to save the model to
    #[arg(long, value_name = "PATH", default_value = "model.safetensors")]
    model: PathBuf,

    #[command(flatten)]
    page: Page,

    #[command(flatten)]
    config: Config,

    /// Print a digest of the weights, too
    #[arg(long)]
    fingerprint: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Train {
    /// Trains, saves, and then prints what came of it. `arguments` are the command line, and `plainly` the same with the
    /// plain name of the program, for the page.
    pub fn run(&self, arguments: &[String], plainly: &[String]) -> Result<()> {
        let compute = self.machine.compute()?;
        let checkpoint = self.checkpoints.path().map(|path| ("the checkpoint", path));
        let outputs = [Some(("the model", &*self.model)), self.page.output(), checkpoint];
        let outputs: Vec<_> = outputs.into_iter().flatten().collect();
        let mut sources = self.table.files();
        sources.extend(self.validation.iter().flat_map(|path| self.table.reading.files(path)));
        sources.extend([self.config.path(), self.checkpoints.source()].into_iter().flatten().map(Path::to_owned));
        destination::check(&outputs, &sources)?;
        self.checkpoints.check()?;
        let resumed = self.checkpoints.resumed()?;
        // Whoever goes on has perhaps said less than who began.
        let arguments = resumed.as_ref().and_then(checkpoints::arguments).unwrap_or_else(|| arguments.to_vec());
        let mut report = Report::default();
        let (prepared, rows_held_out, data, table) = self.prepare(&mut report)?;
        let Prepared { pipeline, settings, training, validation, held_out, .. } = prepared;
        interrupt::listen()?;

        let start = Instant::now();
        let done_before = resumed.as_ref().map_or(0, Checkpoint::epochs_done);
        let progress = TrainingProgress::new("training", 1, &settings).after(done_before);
        let on_epoch = |epoch: &model::Progress| {
            progress.show(1, epoch);
            true
        };
        let fit = Fit::new(&settings, compute).on_epoch(&on_epoch).stop_when(&interrupt::happened);
        let fit = fit.held_out(held_out.as_ref());
        let mut fit = self.checkpoints.keep(fit, &arguments);
        if let Some(checkpoint) = resumed {
            fit = fit.resume(checkpoint);
        }
        let mut model =
            fit.run(pipeline, training, validation).map_err(|error| hyperparameters::with_advice(error, &data.file))?;
        drop(progress);
        let seconds = start.elapsed().as_secs_f64();
        let (file, command) = (data.file.clone(), without_effect_removed(&arguments));
        model.training.provenance = Some(Provenance { version: env!("CARGO_PKG_VERSION").to_owned(), command, data });
        // Before it is judged: what goes wrong from here on does not cost the training.
        model.save(&self.model)?;

        network::report(&model, &mut report);
        self.report_training(&model, done_before, seconds, &mut report);
        network::fingerprint(&model, self.fingerprint, &mut report);
        report.line("SIMD level", compute.level.to_string());
        report.line("threads", compute.threads.to_string());
        let mut predictions = Vec::new();
        if let Some(held_out) = &held_out {
            let saved = |error| anyhow!("{error}; the model has been saved to `{}` all the same", self.model.display());
            let row_of = |row: usize| rows_held_out[row];
            let predicted = model.predictor(compute)?.predict(&held_out.inputs);
            predictions = predicted.map_err(|error| saved(error.in_table(&file, row_of)))?;
            let scores = scores(model.pipeline.target(), held_out, &predictions, None).map_err(saved)?;
            report.scores(&scores, "held-out rows");
        }
        report.line("model", self.model.display().to_string());
        report.value("model", &self.model);
        if let Some(path) = self.checkpoints.path() {
            let advice = if interrupt::happened() { ", from which --resume goes on" } else { "" };
            report.line("checkpoint", format!("{}{advice}", path.display()));
            report.value("checkpoint", path);
        }
        let judged = |examples| Judged { rows: "held-out rows", examples, predictions: &predictions, threshold: None };
        let files = [("table", self.table.path()), ("validation table", self.validation.as_deref())];
        let contents = Contents {
            table,
            judged: held_out.as_ref().map(judged),
            model_file: &self.model,
            files: files.into_iter().filter_map(|(what, path)| Some((what, path?))).collect(),
            command: plainly,
            compute,
        };
        self.page.write(&model, contents, &mut report)?;
        report.print(self.json)
    }

    /// Reads the table, and makes of it the rows to train on and the rows held out, whose places in it are told as well.
    fn prepare(&self, report: &mut Report) -> Result<(Prepared, Vec<usize>, DataSummary, Option<TableSummary>)> {
        let partition = self.split.as_deref().map(Partition::Words);
        let (table, columns) = self.table.read(partition, report)?;
        let all: Vec<usize> = (0..table.rows()).collect();
        let target = Target::fit(&table, &columns.target, columns.positive.as_deref(), &all)?;
        let split = self.split(&table, &columns, &target, all)?;
        if let (Some(column), Some(path), false) = (&self.split, &self.validation, split.validation.is_empty()) {
            let path = path.display();
            bail!("column `{column}` has rows for validation, and --validation names `{path}`: give one of them");
        }
        let (file, rows) = (table.file().to_owned(), table.rows());
        report.line("data", format!("{file}: {} rows of {} features", count(rows), columns.features.len()));
        report_target(&table, &target, report)?;
        let summary = self.page.summary(&table);
        let mut prepared = columns.prepare(table, &split, &self.hyperparameters.recipe())?;
        if let Some(path) = &self.validation {
            let weights = columns.weights.as_deref();
            let table = self.table.reading.read_examples(path, &prepared.pipeline, weights, &mut Report::default())?;
            prepared.stop_by(table, weights)?;
        }
        let validation = prepared.validation.as_ref().map_or(0, Dataset::rows);
        let [training, held_out] = [&split.training, &split.held_out].map(|rows| rows.len());
        let judging = if validation > 0 { format!(", {} for validation", count(validation)) } else { String::new() };
        report.line("rows", format!("{} trained on, {} held out{judging}", count(training), count(held_out)));
        let dropped: Vec<(String, String)> =
            prepared.dropped.iter().map(|Dropped { name, reason }| (name.clone(), reason.to_string())).collect();
        if !dropped.is_empty() {
            let dropped: Vec<String> = dropped.iter().map(|(name, reason)| format!("`{name}` ({reason})")).collect();
            report.line("dropped", dropped.join(", "));
        }
        let data = DataSummary { file, rows, trained_on: training, validation, held_out, dropped };
        report.value("data", &data);
        report.value("settings", &prepared.settings);
        // Those of the rows to train on, which are most, need no memory during the training.
        Ok((prepared, split.held_out, data, summary))
    }

    /// Which rows to train on.
    fn split(&self, table: &Table, columns: &Columns, target: &Target, all: Vec<usize>) -> Result<Split> {
        if let Some(column) = &self.split {
            return Ok(Split::by_column(table, column)?);
        }
        let seed = self.hyperparameters.seed();
        Ok(match target {
            _ if self.test_fraction == 0.0 => Split { training: all, ..Split::default() },
            Target::Number { .. } => Split::of_numbers(&target.values(table)?, self.test_fraction, seed)?,
            _ => Split::stratified(&table.labels(&columns.target)?, self.test_fraction, seed)?,
        })
    }

    fn report_training(&self, model: &Model, done_before: usize, seconds: f64, report: &mut Report) {
        let curves = &model.training.curves;
        let epochs: usize = curves.iter().map(|curve| curve.training.len()).sum();
        let rows = model.training.provenance.as_ref().map_or(0, |provenance| provenance.data.trained_on);
        let rate = (epochs.saturating_sub(done_before) * rows) as f64 / seconds;
        let (stopped, members) = (if interrupt::happened() { ", interrupted" } else { "" }, curves.len());
        let of_members = if members > 1 { format!(" of {members} networks") } else { String::new() };
        let rates = format!("{} rows/s", count(rate as usize));
        let before = if done_before > 0 { format!(", {done_before} of them before,") } else { String::new() };
        report.line("training", format!("{epochs} epochs{of_members}{before} in {seconds:.2} s, {rates}{stopped}"));
        if curves.iter().any(|curve| !curve.validation.is_empty()) {
            let best: Vec<String> = curves.iter().map(|curve| curve.best_epoch.to_string()).collect();
            report.line("kept", format!("the weights after epoch {}", best.join(", ")));
        }
        let temperatures = curves.iter().filter_map(|curve| curve.temperature);
        let temperatures: Vec<String> = temperatures.map(|temperature| format!("{temperature:.4}")).collect();
        if !temperatures.is_empty() {
            report.line("temperature", temperatures.join(", "));
        }
        report.value("curves", curves);
        report.value("seconds", seconds);
        report.value("interrupted", interrupt::happened());
    }
}

/// What is predicted, and how often it occurs.
fn report_target(table: &Table, target: &Target, report: &mut Report) -> Result<()> {
    let column = target.column();
    let Target::Number { .. } = target else {
        let labels = table.labels(column)?;
        let code = |label: &str| labels.names().iter().position(|name| name == label);
        let rows = |label: &str| count(code(label).map_or(0, |code| labels.count(code)));
        match target {
            Target::Binary { classes, .. } => {
                let [negative, positive] = [0, 1].map(|t| classes.label(t));
                report.line("t = 1", format!("`{positive}`, {} rows of column `{column}`", rows(positive)));
                report.line("t = 0", format!("`{negative}`, {} rows", rows(negative)));
            }
            Target::Classes { labels, .. } => {
                report.line("target", format!("column `{column}`, one of {} classes", labels.len()));
                for label in labels.iter().take(MOST_CLASSES) {
                    report.line("class", format!("`{}`, {} rows", label.escape_debug(), rows(label)));
                }
                if labels.len() > MOST_CLASSES {
                    report.line("class", format!("... ({} more)", labels.len() - MOST_CLASSES));
                }
            }
            Target::Number { .. } => {}
        }
        return Ok(());
    };
    let summary = table.summary(table.position(column)?);
    report.line("target", format!("column `{column}`, {summary}"));
    Ok(())
}

/// The most classes that are listed.
const MOST_CLASSES: usize = 10;
