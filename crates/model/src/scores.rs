//! How good predictions are.

use data::Target;
use net::metrics;
use serde::Serialize;

use crate::{Error, Examples, Result};

/// A metric and its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Its name, as the field writes it: `ROC AUC`.
    pub name: &'static str,
    /// Its value, unless it has none because a class has no rows.
    pub value: Option<f64>,
}

/// All metrics of this kind of target, for the predictions of a model, as [`crate::Predictor::predict`] gives them, for these
/// examples.
///
/// # Errors
/// If there are no rows, or not a prediction for each.
pub fn scores(target: &Target, examples: &Examples, predictions: &[f32]) -> Result<Vec<Score>> {
    let targets = &examples.targets[..];
    let score = |name, value| Score { name, value: Some(value) };
    Ok(match target {
        Target::Binary { .. } => vec![
            score("accuracy", metrics::accuracy(targets, predictions)?),
            score("log loss", metrics::log_loss(targets, predictions)?),
            Score { name: "ROC AUC", value: metrics::roc_auc(targets, predictions).ok() },
        ],
        Target::Classes { labels, .. } => {
            let rows = || targets.iter().zip(predictions.chunks_exact(labels.len()));
            // The first of several equal ones.
            let best = |p: &[f32]| (0..p.len()).rev().max_by(|a, b| p[*a].total_cmp(&p[*b]));
            let right = rows().filter(|(target, p)| best(p) == Some(**target as usize)).count();
            let surprise = |(target, p): (&f32, &[f32])| {
                -f64::from(p[*target as usize]).max(metrics::MIN_LOG_LOSS_PROBABILITY).ln()
            };
            let count = targets.len() as f64;
            vec![score("accuracy", right as f64 / count), score("log loss", rows().map(surprise).sum::<f64>() / count)]
        }
        Target::Number { .. } => {
            let errors = || targets.iter().zip(predictions).map(|(t, y)| f64::from(*y) - f64::from(*t));
            let count = targets.len() as f64;
            let mean = targets.iter().map(|t| f64::from(*t)).sum::<f64>() / count;
            let spread: f64 = targets.iter().map(|t| (f64::from(*t) - mean) * (f64::from(*t) - mean)).sum();
            let square = errors().map(|error| error * error).sum::<f64>();
            vec![
                score("root mean squared error", (square / count).sqrt()),
                score("mean absolute error", errors().map(f64::abs).sum::<f64>() / count),
                Score { name: "R squared", value: (spread > 0.0).then_some(1.0 - square / spread) },
            ]
        }
    })
}

/// The score that says most about such predictions, the lower the better: the log loss, or the root mean squared error.
pub(crate) fn main_loss(target: &Target, examples: &Examples, predictions: &[f32]) -> Result<f64> {
    let name = match target {
        Target::Number { .. } => "root mean squared error",
        _ => "log loss",
    };
    let scores = scores(target, examples, predictions)?;
    let value = scores.iter().find(|score| score.name == name).and_then(|score| score.value);
    value.ok_or(Error::Metric(metrics::MetricError::NoRows))
}
