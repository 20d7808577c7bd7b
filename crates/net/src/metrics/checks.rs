//! What targets and predictions have to be.

use super::MetricError;

/// Whether every target has `columns` predictions.
pub(super) fn check_lengths(
    targets: &[f32],
    what: &'static str,
    predictions: &[f32],
    columns: usize,
) -> Result<(), MetricError> {
    let (found, expected) = (predictions.len(), targets.len().saturating_mul(columns));
    if found != expected {
        return Err(MetricError::Lengths { what, found, targets: targets.len(), expected });
    }
    if targets.is_empty() {
        return Err(MetricError::NoRows);
    }
    Ok(())
}

/// Whether all targets are whole numbers from 0 to `classes` - 1.
pub(super) fn check_classes(targets: &[f32], classes: usize) -> Result<(), MetricError> {
    let is_class = |target: f32| target >= 0.0 && target < classes as f32 && target.fract() == 0.0;
    match targets.iter().position(|target| !is_class(*target)) {
        Some(row) => Err(MetricError::Target { row: row + 1, target: targets[row], last: classes - 1 }),
        None => Ok(()),
    }
}

/// Whether all are in 0..=1, `columns` of them in a row.
pub(super) fn check_probabilities(probabilities: &[f32], columns: usize) -> Result<(), MetricError> {
    match probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
        Some(at) => Err(MetricError::Probability { row: at / columns + 1, probability: probabilities[at] }),
        None => Ok(()),
    }
}
