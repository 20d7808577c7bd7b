//! Why a metric has no value.

use super::Metric;
use crate::TargetKind;

/// Why a metric has no value. Rows are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// There is nothing to judge.
    #[error("there are no rows to compute a metric on")]
    NoRows,
    /// The slices do not belong together.
    #[error("{found} {what} for {targets} targets, but there must be {expected}")]
    Lengths {
        /// What there are too many or too few of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// The number of targets.
        targets: usize,
        /// How many would fit.
        expected: usize,
    },
    /// Targets of several labels or values that do not make whole rows.
    #[error("{targets} targets do not make rows of {columns}")]
    Columns {
        /// The number of targets.
        targets: usize,
        /// Targets of a row.
        columns: usize,
    },
    /// A target that is no class.
    #[error("the target of row {row} is {target}, but must be a class, from 0 to {last}")]
    Target {
        /// The row.
        row: usize,
        /// Its target.
        target: f32,
        /// The last class; 1 if there are two.
        last: usize,
    },
    /// A probability is NaN or outside of 0..=1.
    #[error("a probability of row {row} is {probability}, but must lie between 0 and 1")]
    Probability {
        /// The row.
        row: usize,
        /// Its probability.
        probability: f32,
    },
    /// The probabilities of the classes do not add up to 1.
    #[error("the probabilities of row {row} add up to {sum}, but must be those of all classes and add up to 1")]
    Sum {
        /// The row.
        row: usize,
        /// The sum of its probabilities.
        sum: f64,
    },
    /// A real target or its prediction is NaN or infinite.
    #[error("the {what} of row {row} is {value}, but must be finite")]
    NotFinite {
        /// Target or prediction.
        what: &'static str,
        /// The row.
        row: usize,
        /// The number.
        value: f32,
    },
    /// A weight is negative, NaN or infinite.
    #[error("the weight of row {row} is {weight}, but must be finite and at least 0")]
    Weight {
        /// The row.
        row: usize,
        /// Its weight.
        weight: f32,
    },
    /// All weights are 0.
    #[error("all weights are 0: at least one row must count")]
    NoWeight,
    /// The metric compares rows of all classes, and a class has none that counts.
    #[error("{metric} needs rows of every class, and no row that counts is of class {missing}")]
    MissingClass {
        /// What was to be computed.
        metric: &'static str,
        /// The first class without a row.
        missing: usize,
    },
    /// A metric of other targets.
    #[error("{} is no metric of {kind}", metric.title())]
    Unsuited {
        /// What was to be computed.
        metric: Metric,
        /// What the targets are.
        kind: TargetKind,
    },
}
