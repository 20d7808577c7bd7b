//! Metrics of real targets.

use super::MetricError;
use super::checks::check_lengths;
use super::weights::Weights;

/// The real target t of every row, and the number y that was predicted for it, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct NumberPredictions<'a> {
    targets: &'a [f32],
    predictions: &'a [f32],
    weights: Weights<'a>,
}

impl<'a> NumberPredictions<'a> {
    /// Targets and predictions, one of each for every row.
    ///
    /// # Errors
    /// If there are no rows, the lengths differ, or a number is not finite.
    pub fn new(targets: &'a [f32], predictions: &'a [f32]) -> Result<Self, MetricError> {
        check_lengths(targets, "predictions", predictions, 1)?;
        for (what, numbers) in [("target", targets), ("prediction", predictions)] {
            if let Some(row) = numbers.iter().position(|number| !number.is_finite()) {
                return Err(MetricError::NotFinite { what, row: row + 1, value: numbers[row] });
            }
        }
        Ok(NumberPredictions { targets, predictions, weights: Weights::ONES })
    }

    /// The same rows with a weight for each.
    ///
    /// # Errors
    /// If there is not a weight for every row, one is negative or not finite, or all are 0.
    pub fn with_weights(mut self, weights: &'a [f32]) -> Result<Self, MetricError> {
        self.weights = Weights::checked(self.targets.len(), weights)?;
        Ok(self)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.targets.len()
    }

    /// 1/n sum (y - t)^2. At least 0, in squares of the target's unit.
    pub fn mean_squared_error(&self) -> f64 {
        self.weights.mean(self.rows(), |row| self.error(row) * self.error(row))
    }

    /// The square root of the [mean squared error](Self::mean_squared_error). At least 0, in the target's unit.
    pub fn root_mean_squared_error(&self) -> f64 {
        self.mean_squared_error().sqrt()
    }

    /// 1/n sum |y - t|. At least 0, in the target's unit.
    pub fn mean_absolute_error(&self) -> f64 {
        self.weights.mean(self.rows(), |row| self.error(row).abs())
    }

    /// The median of |y - t|, of an even number the mean of both in the middle. At least 0, in the target's unit.
    ///
    /// With weights: the least error at which the sum of the weights of it and the smaller ones exceeds half of all; where it
    /// equals half, the mean of that error and the next one. (R. J. Hyndman and Y. Fan: Sample quantiles in statistical
    /// packages, 1996, definition 2.)
    pub fn median_absolute_error(&self) -> f64 {
        let rows = self.weights.counting(self.rows());
        let mut errors: Vec<(f64, f64)> = rows.map(|(row, weight)| (self.error(row).abs(), weight)).collect();
        errors.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut sum = 0.0;
        let add = |weight| {
            sum += weight;
            sum
        };
        let sums: Vec<f64> = errors.iter().map(|(_, weight)| *weight).map(add).collect();
        let half = sum / 2.0;
        let at = sums.partition_point(|sum| *sum < half);
        let next = if sums[at] == half { at + 1 } else { at };
        (errors[at].0 + errors[next].0) / 2.0
    }

    /// The coefficient of determination R^2, the share of the targets' variance that the predictions account for,
    ///
    /// 1 - sum (y - t)^2 / sum (t - m)^2,  where m is the mean of the targets.
    ///
    /// 1 is perfect, 0 no better than m, and there is no lower bound. Where all targets are equal it is 1 if all predictions
    /// are right, and else 0. (N. R. Draper and H. Smith: Applied Regression Analysis, 1998.)
    pub fn r_squared(&self) -> f64 {
        let target = |row: usize| f64::from(self.targets[row]);
        let error = self.mean_squared_error();
        if error == 0.0 {
            return 1.0;
        }
        let mut counting = self.weights.counting(self.rows()).map(|(row, _)| target(row));
        let first = counting.next().expect("a row counts");
        if counting.all(|target| target == first) {
            return 0.0;
        }
        let mean = self.weights.mean(self.rows(), target);
        let variance = self.weights.mean(self.rows(), |row| (target(row) - mean) * (target(row) - mean));
        1.0 - error / variance
    }

    /// y - t.
    fn error(&self, row: usize) -> f64 {
        f64::from(self.predictions[row]) - f64::from(self.targets[row])
    }
}
