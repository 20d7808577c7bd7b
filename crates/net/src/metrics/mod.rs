//! How good predictions are.
//!
//! | targets | what is judged | all usual metrics at once |
//! |---|---|---|
//! | two classes | [`BinaryPredictions`] | [`BinaryMetrics`] |
//! | several classes | [`ClassPredictions`] | [`ClassMetrics`] |
//! | real numbers | [`NumberPredictions`] | [`NumberMetrics`] |
//!
//! [`Metric`] names each of them, for a flag or a table. Rows may have weights: a row of weight k counts as k rows, and one of
//! weight 0 not at all.
//!
//! Remember that the network's own output y is p(t = 0): the metrics of two classes want `prob_t1`.
//!
//! Computed in f64, with sums in row order and logarithms of this library's own, so that a decision that depends on a metric
//! is the same on every machine. The values agree with scikit-learn's, those of a zero division included; where one of them
//! has no value, which scikit-learn gives as NaN, that is an error here, and `None` among all metrics at once.
//!
//! ```
//! use net::metrics::{BinaryMetrics, BinaryPredictions};
//!
//! let (targets, prob_t1) = ([0.0, 1.0, 1.0, 0.0], [0.1, 0.8, 0.4, 0.4]);
//! let predictions = BinaryPredictions::new(&targets, &prob_t1)?;
//! assert_eq!(predictions.roc_auc()?, 0.875);
//! let metrics = BinaryMetrics::evaluate(predictions, 0.5);
//! assert_eq!((metrics.accuracy, metrics.recall), (0.75, 0.5));
//! for (metric, value) in metrics.values() {
//!     println!("{:<30}{}", metric.title(), value.map_or("undefined".into(), |value| format!("{value:.4}")));
//! }
//! # Ok::<(), net::metrics::MetricError>(())
//! ```

mod binary;
mod calibration;
mod checks;
mod classes;
mod confusion;
mod curve;
mod error;
mod metric;
mod numbers;
mod ranking;
mod summary;
mod weights;

pub use binary::{BinaryPredictions, accuracy, log_loss, roc_auc};
pub use calibration::{CALIBRATION_BINS, ReliabilityBin, expected_calibration_error};
pub use classes::ClassPredictions;
pub use confusion::ConfusionMatrix;
pub use curve::{CurvePoint, thinned};
pub use error::MetricError;
pub use metric::{Metric, UnknownMetric};
pub use numbers::NumberPredictions;
pub use summary::{BinaryMetrics, ClassMetrics, NumberMetrics};

use crate::elementary::ln;

/// The threshold of p(t = 1) at which a row is taken for one of class 1, unless another one is chosen.
pub const DEFAULT_THRESHOLD: f32 = 0.5;

/// The smallest probability that a log loss takes at its word, 2^-23: the distance from 1 to the next f32.
///
/// A prediction of exactly 0 for a class that occurs would cost infinitely much. scikit-learn's `log_loss` clips
/// single-precision probabilities at the same value.
pub const MIN_LOG_LOSS_PROBABILITY: f64 = f32::EPSILON as f64;

/// p, clipped to [[`MIN_LOG_LOSS_PROBABILITY`], 1 - [`MIN_LOG_LOSS_PROBABILITY`]].
fn clipped(p: f64) -> f64 {
    p.clamp(MIN_LOG_LOSS_PROBABILITY, 1.0 - MIN_LOG_LOSS_PROBABILITY)
}

/// -ln p of a probability that has been clipped.
fn surprise(p: f64) -> f64 {
    -ln(p)
}

/// a / b, but 0 where b is 0.
fn ratio(a: f64, b: f64) -> f64 {
    if b == 0.0 { 0.0 } else { a / b }
}
