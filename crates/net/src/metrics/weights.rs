//! The weights of rows.

use super::MetricError;

/// The weight of each row, 1 if none were given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights<'a>(Option<&'a [f32]>);

impl<'a> Weights<'a> {
    /// All 1.
    pub(super) const ONES: Self = Weights(None);

    pub(super) fn checked(rows: usize, weights: &'a [f32]) -> Result<Self, MetricError> {
        if weights.len() != rows {
            let (what, found) = ("weights", weights.len());
            return Err(MetricError::Lengths { what, found, targets: rows, expected: rows });
        }
        if let Some(row) = weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
            return Err(MetricError::Weight { row: row + 1, weight: weights[row] });
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(MetricError::NoWeight);
        }
        Ok(Weights(Some(weights)))
    }

    /// The rows that count, and their weights.
    pub(super) fn counting(self, rows: usize) -> impl Iterator<Item = (usize, f64)> {
        (0..rows).map(move |row| (row, self.0.map_or(1.0, |weights| f64::from(weights[row])))).filter(|(_, w)| *w > 0.0)
    }

    /// The mean of a number of each row: sum w_i x_i / sum w_i.
    pub(super) fn mean(self, rows: usize, number: impl Fn(usize) -> f64) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for (row, weight) in self.counting(rows) {
            sum += weight * number(row);
            total += weight;
        }
        sum / total
    }
}
