//! Whether a probability of 0.8 comes true in 80 of 100 rows.

use serde::Serialize;

/// The bins of an expected calibration error, unless another number is chosen: as C. Guo and others 2017.
pub const CALIBRATION_BINS: usize = 15;

/// A bin of a reliability table: the rows whose probability lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// The least probability of the bin.
    pub from: f64,
    /// The bin's end, which belongs to the next bin; but 1 belongs to the last one.
    pub to: f64,
    /// The number of rows that count.
    pub rows: usize,
    /// The sum of their weights.
    pub weight: f64,
    /// The mean of their probabilities; `None` if there are no rows.
    pub mean_probability: Option<f64>,
    /// The share of rows in which it came true; `None` if there are no rows.
    pub share_true: Option<f64>,
}

/// Cuts 0..=1 into `bins` bins of equal width, [0, 1 / bins) and so on, and sorts (probability, whether it came true,
/// weight) of each row into them.
pub(super) fn reliability(bins: usize, rows: impl Iterator<Item = (f64, bool, f64)>) -> Vec<ReliabilityBin> {
    assert!(bins > 0, "a reliability table has at least one bin");
    let mut sums = vec![(0, 0.0, 0.0, 0.0); bins];
    for (probability, is_true, weight) in rows {
        let (count, total, probabilities, trues) = &mut sums[((probability * bins as f64) as usize).min(bins - 1)];
        *count += 1;
        *total += weight;
        *probabilities += weight * probability;
        *trues += if is_true { weight } else { 0.0 };
    }
    let edge = |bin: usize| bin as f64 / bins as f64;
    let bins = sums.into_iter().enumerate().map(|(bin, (rows, weight, probabilities, trues))| {
        let mean = |sum: f64| (rows > 0).then_some(sum / weight);
        let (mean_probability, share_true) = (mean(probabilities), mean(trues));
        ReliabilityBin { from: edge(bin), to: edge(bin + 1), rows, weight, mean_probability, share_true }
    });
    bins.collect()
}

/// The expected calibration error of a reliability table,
///
/// sum_b (w_b / w) | share_true_b - mean_probability_b |,
///
/// over its bins b of weight w_b, with w their sum. From 0 to 1; 0 is perfect. It depends on the number of bins, and a
/// constant prediction can be perfect. (M. P. Naeini and others: Obtaining well calibrated probabilities using Bayesian
/// binning, 2015; with the top label of several classes, C. Guo and others: On calibration of modern neural networks, 2017.)
pub fn expected_calibration_error(table: &[ReliabilityBin]) -> f64 {
    let (mut error, mut total) = (0.0, 0.0);
    for bin in table {
        if let (Some(mean_probability), Some(share_true)) = (bin.mean_probability, bin.share_true) {
            error += bin.weight * (share_true - mean_probability).abs();
            total += bin.weight;
        }
    }
    error / total
}
