//! Cross-validation: how good a recipe is on rows that it has not seen.

use data::{Split, Table, Target};
use net::metrics::Metric;
use serde::Serialize;

use crate::examples::classes;
use crate::{Columns, Compute, Error, Examples, Fit, Progress, Recipe, Result, Score, jobs, scores};

/// One fit of a cross-validation, judged by the rows that it left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fold {
    /// The split, counted from 1.
    pub number: usize,
    /// Rows trained on.
    pub trained_on: usize,
    /// Rows held out.
    pub held_out: usize,
    /// The metrics on the rows held out.
    pub scores: Vec<Score>,
}

/// The folds of a cross-validation and what they have in common.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrossValidation {
    /// In the order of the splits: of all, unless it was stopped.
    pub folds: Vec<Fold>,
    /// Of each metric, its mean and standard deviation over the folds.
    pub summary: Vec<Summary>,
    /// For each row of the table its predictions by models that were not trained on it, (rows, outputs), row-major: their
    /// mean if it was held out several times, NaN if it never was.
    #[serde(skip)]
    pub out_of_fold: Vec<f32>,
}

/// A metric over the folds of a cross-validation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The metric.
    pub metric: Metric,
    /// The mean over the folds in which it has a value; nothing if there is none.
    pub mean: Option<f64>,
    /// The standard deviation over those folds, of the sample (the sum of squares is divided by their number less one).
    pub standard_deviation: Option<f64>,
}

/// The splits of a stratified cross-validation of a table: each class, or each tenth of the numbers by size, has its share in
/// every fold. `repeats` times, with other folds.
///
/// # Errors
/// If there is no such column, or there cannot be so many folds.
pub fn stratified(table: &Table, columns: &Columns, folds: usize, repeats: usize, seed: u64) -> Result<Vec<Split>> {
    let rows: Vec<usize> = (0..table.rows()).collect();
    let target = Target::fit(table, &columns.target, columns.positive.as_deref(), &rows)?;
    Ok(Split::stratified_folds(&classes(&target, &target.values(table)?), folds, repeats, seed)?)
}

/// Fits a model for each split, on its rows to train on, and judges it by the rows held out. With several threads, several
/// fits go on at a time; the result has the same bits with any number of them.
///
/// `progress` learns after each epoch which split it is, counted from 1, and what a [`Fit`] says. `is_stopped` is asked after
/// each minibatch, and before each fit: when it says so, the folds are those that are done, and there may be none.
///
/// # Errors
/// If a fit fails; the error names the fold.
pub fn cross_validate(
    table: &Table,
    columns: &Columns,
    splits: &[Split],
    recipe: &Recipe,
    compute: Compute,
    progress: &(dyn Fn(usize, &Progress) + Sync),
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<CrossValidation> {
    let results = jobs::run(splits.len(), compute, |number, compute| {
        let on_epoch = |of_epoch: &Progress| {
            progress(number + 1, of_epoch);
            true
        };
        one_fold(table, columns, (number + 1, &splits[number]), recipe, compute, &on_epoch, is_stopped)
            .map_err(|source| Error::Fold { fold: number + 1, source: Box::new(source) })
    })?;
    let results: Vec<(Fold, Vec<f32>)> = results.into_iter().flatten().collect();
    let outputs = results.iter().find(|(fold, _)| fold.held_out > 0);
    let outputs = outputs.map_or(1, |(fold, predictions)| predictions.len() / fold.held_out);
    let mut sums = vec![0.0; table.rows() * outputs];
    let mut counts = vec![0_usize; table.rows()];
    for (fold, predictions) in &results {
        let held_out = &splits[fold.number - 1].held_out;
        for (row, prediction) in held_out.iter().zip(predictions.chunks_exact(outputs)) {
            counts[*row] += 1;
            let sums: &mut [f64] = &mut sums[row * outputs..][..outputs];
            sums.iter_mut().zip(prediction).for_each(|(sum, prediction)| *sum += f64::from(*prediction));
        }
    }
    // 0 / 0 is NaN.
    let out_of_fold = sums.iter().enumerate().map(|(at, sum)| (sum / counts[at / outputs] as f64) as f32).collect();
    let folds: Vec<Fold> = results.into_iter().map(|(fold, _)| fold).collect();
    let summary = summary(&folds);
    Ok(CrossValidation { folds, summary, out_of_fold })
}

/// One fold and its predictions, unless it is stopped before they are there.
fn one_fold(
    table: &Table,
    columns: &Columns,
    (number, split): (usize, &Split),
    recipe: &Recipe,
    compute: Compute,
    on_epoch: &(dyn Fn(&Progress) -> bool + Sync),
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Option<(Fold, Vec<f32>)>> {
    if is_stopped() {
        return Ok(None);
    }
    let prepared = columns.prepare_from(table, split, recipe)?;
    let (trained_on, held_out) = (prepared.training.rows(), split.held_out.len());
    let examples: Examples = prepared.held_out.unwrap_or_default();
    let fit = Fit::new(&prepared.settings, compute).on_epoch(on_epoch).stop_when(is_stopped);
    let model = fit.run(prepared.pipeline, prepared.training, prepared.validation)?;
    if is_stopped() {
        return Ok(None);
    }
    let predictions = model.predictor(compute)?.predict(&examples.inputs);
    let predictions = predictions.map_err(|error| error.in_table(table.file(), |row| split.held_out[row]))?;
    let scores = scores(model.pipeline.target(), &examples, &predictions, None)?;
    Ok(Some((Fold { number, trained_on, held_out, scores }, predictions)))
}

fn summary(folds: &[Fold]) -> Vec<Summary> {
    // In the order of the first fold.
    let scores = folds.first().map_or(&[][..], |fold| &fold.scores);
    let of_metric = |(place, score): (usize, &Score)| {
        let values: Vec<f64> = folds.iter().filter_map(|fold| fold.scores[place].value).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Summary {
            metric: score.metric,
            mean: (!values.is_empty()).then_some(mean),
            standard_deviation: (values.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
        }
    };
    scores.iter().enumerate().map(of_metric).collect()
}
