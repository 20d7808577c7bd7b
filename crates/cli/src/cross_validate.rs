//! `backprop cross-validate`: how good models of a recipe are on rows that they have not seen.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use comfy_table::{CellAlignment, Table as Grid, presets};
use data::{Split, Target};
use model::{CrossValidation, Fold, cross_validate, cross_validation};

use crate::config::Config;
use crate::destination;
use crate::hyperparameters::{self, Hyperparameters};
use crate::interrupt;
use crate::machine::Machine;
use crate::predictions;
use crate::progress::TrainingProgress;
use crate::report::{Report, count, print, scores_by_name};
use crate::training_table::{Partition, TrainingTable};
use crate::values;

/// Train and judge a model for each part of a table that is left out in turn
///
/// The rows are dealt out to folds, each with its share of every class or of small, middling and large numbers. For each
/// fold a model is trained on all other rows, by the same hyperparameters as `backprop train`, and judged by the fold.
/// The folds depend on the seed and nothing else. After Ctrl-C, the folds that are done are reported.
#[derive(Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  backprop cross-validate patients.csv --target outcome
  backprop cross-validate flowers.csv --target species --folds 10 --repeats 3 --epochs 30
  backprop cross-validate visits.csv --target outcome --fold-column clinic --predictions out-of-fold.csv"
)]
pub struct CrossValidate {
    #[command(flatten)]
    table: TrainingTable,

    /// Folds
    #[arg(long, value_name = "N", value_parser = values::folds, default_value = "5")]
    folds: usize,

    /// Times that all of it is done, each time with other folds
    #[arg(long, value_name = "N", value_parser = values::repeats, default_value = "1")]
    repeats: usize,

    /// Column that says which fold each row is in
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["folds", "repeats"])]
    fold_column: Option<String>,

    /// File of CSV to write: for each row its prediction by the model that was not trained on it
    #[arg(long, value_name = "OUT.csv")]
    predictions: Option<PathBuf>,

    #[command(flatten)]
    hyperparameters: Hyperparameters,

    #[command(flatten)]
    machine: Machine,

    #[command(flatten)]
    config: Config,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl CrossValidate {
    /// Trains and judges, and prints a table.
    pub fn run(&self) -> Result<()> {
        interrupt::listen()?;
        let compute = self.machine.compute()?;
        if let Some(path) = &self.predictions {
            let mut sources = self.table.files();
            sources.extend(self.config.path().map(Path::to_owned));
            destination::check(&[("the predictions", path)], &sources)?;
        }
        let mut report = Report::default();
        let partition = self.fold_column.as_deref().map(Partition::Folds);
        let (table, columns) = self.table.read(partition, &mut report)?;
        let splits = match &self.fold_column {
            Some(column) => Split::folds_by_column(&table, column)?,
            None => {
                let seed = self.hyperparameters.seed();
                cross_validation::stratified(&table, &columns, self.folds, self.repeats, seed)?
            }
        };
        report.line(
            "data",
            format!("{}: {} rows of {} features", table.file(), count(table.rows()), columns.features.len()),
        );
        report.value("data", table.file());
        report.value("rows", table.rows());

        let recipe = self.hyperparameters.recipe();
        // For how long it will take at most; each fit resolves the recipe for its own rows.
        let settings = recipe.resolve(splits[0].training.len())?;
        let progress = TrainingProgress::new("cross-validation", splits.len(), &settings);
        let show = |fold, epoch: &model::Progress| progress.show(fold, epoch);
        let result = cross_validate(&table, &columns, &splits, &recipe, compute, &show, &interrupt::happened)
            .map_err(|error| hyperparameters::with_advice(error, table.file()))?;
        drop(progress);
        let done = result.folds.len();
        if done == 0 {
            interrupt::end("interrupted before a fold was done, so that there are no scores");
        }

        if let Some(path) = &self.predictions {
            let all: Vec<usize> = (0..table.rows()).collect();
            let target = Target::fit(&table, &columns.target, columns.positive.as_deref(), &all)?;
            net::file::write_atomically(path, &predictions::to_csv(&target, &result.out_of_fold, 0.5)?)?;
            report.line("predictions", path.display().to_string());
        }
        if done < splits.len() {
            report.line("folds", format!("{} of {}, interrupted", count(done), count(splits.len())));
        }
        report.value("interrupted", done < splits.len());
        report.line("held out", held_out(&result));
        report.value("folds", folds(&result));
        report.value("summary", &result.summary);
        report.print(self.json)?;
        if !self.json {
            print(format!("{}\n", grid(&result)).as_bytes())?;
        }
        Ok(())
    }
}

/// With more folds, lines would be too long; JSON has them all.
const MOST_FOLDS: usize = 10;

/// How many rows.
fn held_out(result: &CrossValidation) -> String {
    let rows = result.folds.iter().map(|fold| fold.held_out);
    match (rows.clone().min(), rows.clone().max()) {
        (Some(least), Some(most)) if rows.len() > MOST_FOLDS => {
            let range = if least < most { format!("{} to ", count(least)) } else { String::new() };
            format!("{range}{} rows in each of {} folds", count(most), count(rows.len()))
        }
        _ => format!("{} rows", rows.map(|rows| rows.to_string()).collect::<Vec<_>>().join(", ")),
    }
}

/// The folds for machines.
fn folds(result: &CrossValidation) -> Vec<serde_json::Value> {
    let fold = |fold: &Fold| {
        let scores = scores_by_name(&fold.scores);
        let Fold { number, trained_on, held_out, .. } = fold;
        serde_json::json!({ "fold": number, "trained_on": trained_on, "held_out": held_out, "scores": scores })
    };
    result.folds.iter().map(fold).collect()
}

/// A line for each metric: mean and standard deviation, and each fold.
fn grid(result: &CrossValidation) -> Grid {
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
    let folds = if result.folds.len() <= MOST_FOLDS { &result.folds[..] } else { &[] };
    let mut grid = Grid::new();
    grid.load_style(presets::ASCII_MARKDOWN);
    let titles = ["metric", "mean", "sd"].map(str::to_owned);
    grid.set_header(titles.into_iter().chain(folds.iter().map(|fold| format!("fold {}", fold.number))));
    for (place, metric) in result.summary.iter().enumerate() {
        let cells = [metric.metric.title().to_owned(), number(metric.mean), number(metric.standard_deviation)];
        grid.add_row(cells.into_iter().chain(folds.iter().map(|fold| number(fold.scores[place].value))));
    }
    grid.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    grid
}
