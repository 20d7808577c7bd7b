//! Bringing every column to mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};

/// The mean and the standard deviation of each column, learnt from training rows.
///
/// A value x becomes (x - mean) / deviation, computed in f64 and rounded once to f32. A column that holds one value
/// in all training rows carries no information and becomes 0, whatever it holds later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standardizer {
    mean: Vec<f64>,
    /// 0 for a constant column.
    deviation: Vec<f64>,
}

impl Standardizer {
    /// Learns from rows of `columns` finite values each. The deviation is that of the rows themselves (the sum of
    /// squares is divided by their number); both sums run in row order.
    ///
    /// # Panics
    /// If there is no row, or a part of one.
    pub fn fit(columns: usize, values: &[f32]) -> Self {
        assert!(!values.is_empty() && values.len().is_multiple_of(columns), "whole rows, at least one");
        let rows = (values.len() / columns) as f64;
        let mut mean = vec![0.0; columns];
        for row in values.chunks_exact(columns) {
            for (sum, &value) in mean.iter_mut().zip(row) {
                *sum += f64::from(value);
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= rows);

        let mut deviation = vec![0.0; columns];
        let mut varies = vec![false; columns];
        let (first, _) = values.split_at(columns);
        for row in values.chunks_exact(columns) {
            for (column, &value) in row.iter().enumerate() {
                let difference = f64::from(value) - mean[column];
                deviation[column] += difference * difference;
                // Asked of the values themselves: the rounded mean of equal values may differ from them.
                varies[column] |= value != first[column];
            }
        }
        for (sum, varies) in deviation.iter_mut().zip(varies) {
            *sum = if varies { (*sum / rows).sqrt() } else { 0.0 };
        }
        Self { mean, deviation }
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// The mean of each column, in the column's own unit.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The standard deviation of each column, in the column's own unit; 0 for a constant column.
    pub fn deviation(&self) -> &[f64] {
        &self.deviation
    }

    /// The places of the constant columns.
    pub fn constant_columns(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.columns()).filter(|&column| self.deviation[column] == 0.0)
    }

    /// Standardises rows in place. A result beyond f32's range becomes its largest or smallest number.
    ///
    /// # Panics
    /// If `values` does not hold whole rows.
    pub fn apply(&self, values: &mut [f32]) {
        assert!(values.len().is_multiple_of(self.columns()), "whole rows");
        for row in values.chunks_exact_mut(self.columns()) {
            for ((value, mean), deviation) in row.iter_mut().zip(&self.mean).zip(&self.deviation) {
                *value = match *deviation {
                    0.0 => 0.0,
                    deviation => (((f64::from(*value) - mean) / deviation) as f32).clamp(f32::MIN, f32::MAX),
                };
            }
        }
    }

    /// Whether the numbers are such as [`Standardizer::fit`] gives.
    pub(crate) fn is_sound(&self) -> bool {
        self.mean.len() == self.deviation.len()
            && self.mean.iter().all(|mean| mean.is_finite())
            && self.deviation.iter().all(|deviation| deviation.is_finite() && *deviation >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_out_with_mean_0_and_deviation_1() {
        let mut values = [1.0, -1e6, 3.0, 1e6];
        let standardizer = Standardizer::fit(2, &values);
        assert_eq!((standardizer.mean(), standardizer.deviation()), (&[2.0, 0.0][..], &[1.0, 1e6][..]));
        standardizer.apply(&mut values);
        assert_eq!(values, [-1.0, -1.0, 1.0, 1.0]);
    }

    #[test]
    fn constant_columns_become_zero_even_where_later_values_differ() {
        // The f64 mean of ten times 0.1_f32 is not 0.1_f32.
        let standardizer = Standardizer::fit(1, &[0.1; 10]);
        assert_eq!(standardizer.constant_columns().collect::<Vec<_>>(), [0]);
        let mut values = [0.1, 5.0];
        standardizer.apply(&mut values);
        assert_eq!(values, [0.0, 0.0]);
    }

    #[test]
    fn extreme_values_stay_finite() {
        let standardizer = Standardizer::fit(1, &[f32::MIN, f32::MAX]);
        assert_eq!((standardizer.mean()[0], standardizer.deviation()[0]), (0.0, f64::from(f32::MAX)));
        let tiny = f32::from_bits(1);
        let standardizer = Standardizer::fit(1, &[0.0, tiny]);
        let mut values = [0.0, tiny, f32::MAX, f32::MIN];
        standardizer.apply(&mut values);
        assert_eq!(values, [-1.0, 1.0, f32::MAX, f32::MIN]);
    }
}
