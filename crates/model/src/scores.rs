//! How good predictions are.

use data::Target;
use net::TargetKind;
use net::metrics::{
    BinaryMetrics, BinaryPredictions, ClassMetrics, ClassPredictions, DEFAULT_THRESHOLD, Metric, NumberMetrics,
    NumberPredictions,
};
use serde::Serialize;

use crate::{Examples, Result};

/// A metric and its value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Score {
    /// The metric.
    pub metric: Metric,
    /// Its value, unless it has none because a class has no rows.
    pub value: Option<f64>,
}

/// All metrics of this kind of target, for the predictions of a model, as [`crate::Predictor::predict`] gives them, for these
/// examples, which count by their weights. Two classes are told apart at p(t = 1) >= `threshold`, or 1/2.
///
/// # Errors
/// If there are no rows, or not a prediction for each.
pub fn scores(target: &Target, examples: &Examples, predictions: &[f32], threshold: Option<f32>) -> Result<Vec<Score>> {
    let (targets, weights) = (&examples.targets[..], examples.weights.as_deref());
    let score = |(metric, value)| Score { metric, value };
    Ok(match target {
        Target::Binary { .. } => {
            let mut predictions = BinaryPredictions::new(targets, predictions)?;
            if let Some(weights) = weights {
                predictions = predictions.with_weights(weights)?;
            }
            BinaryMetrics::evaluate(predictions, threshold.unwrap_or(DEFAULT_THRESHOLD)).values().map(score).collect()
        }
        Target::Classes { labels, .. } => {
            let mut predictions = ClassPredictions::new(labels.len(), targets, predictions)?;
            if let Some(weights) = weights {
                predictions = predictions.with_weights(weights)?;
            }
            ClassMetrics::evaluate(predictions).values().map(score).collect()
        }
        Target::Number { .. } => {
            let mut predictions = NumberPredictions::new(targets, predictions)?;
            if let Some(weights) = weights {
                predictions = predictions.with_weights(weights)?;
            }
            NumberMetrics::evaluate(predictions).values().map(score).collect()
        }
    })
}

/// The score that says most about such predictions, the lower the better: the log loss, or the root mean squared error.
pub(crate) fn main_loss(target: &Target, examples: &Examples, predictions: &[f32]) -> Result<f64> {
    let metric = match target {
        Target::Number { .. } => Metric::RootMeanSquaredError,
        _ => Metric::LogLoss,
    };
    Ok(metric.evaluate(target_kind(target), &examples.targets, predictions, examples.weights.as_deref())?)
}

/// The kind of targets that a network has for it.
pub(crate) fn target_kind(target: &Target) -> TargetKind {
    match target {
        Target::Binary { .. } => TargetKind::Labels(1),
        Target::Classes { labels, .. } => TargetKind::Classes(labels.len()),
        Target::Number { .. } => TargetKind::Values(1),
    }
}
