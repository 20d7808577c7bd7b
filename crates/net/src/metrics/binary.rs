//! Metrics of two classes.

use super::calibration::{self, ReliabilityBin};
use super::checks::{check_classes, check_lengths, check_probabilities};
use super::curve::CurvePoint;
use super::ranking::Ranking;
use super::weights::Weights;
use super::{ConfusionMatrix, DEFAULT_THRESHOLD, MetricError, clipped, surprise};

/// The class t of every row, 0 or 1, and the probability p(t = 1) that was predicted for it, in the same order.
#[derive(Clone, Copy, Debug)]
pub struct BinaryPredictions<'a> {
    targets: &'a [f32],
    prob_t1: &'a [f32],
    weights: Weights<'a>,
}

impl<'a> BinaryPredictions<'a> {
    /// Targets and probabilities, one of each for every row.
    ///
    /// # Errors
    /// If there are no rows, the lengths differ, a target is neither 0 nor 1, or a probability is not in 0..=1.
    pub fn new(targets: &'a [f32], prob_t1: &'a [f32]) -> Result<Self, MetricError> {
        check_lengths(targets, "probabilities", prob_t1, 1)?;
        check_classes(targets, 2)?;
        check_probabilities(prob_t1, 1)?;
        Ok(BinaryPredictions { targets, prob_t1, weights: Weights::ONES })
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

    /// The mean negative log likelihood, in nats per row:
    ///
    /// -1/n sum ( t ln p + (1 - t) ln (1 - p) ),  where p is p(t = 1), clipped to
    /// [[`MIN_LOG_LOSS_PROBABILITY`](super::MIN_LOG_LOSS_PROBABILITY), 1 -
    /// [`MIN_LOG_LOSS_PROBABILITY`](super::MIN_LOG_LOSS_PROBABILITY)].
    ///
    /// 0 is perfect; a constant prediction of 1/2 scores ln 2 = 0.693. (I. J. Good: Rational decisions, 1952.)
    pub fn log_loss(&self) -> f64 {
        self.mean(|t, p| {
            let p = clipped(p);
            // A clipped f32 leaves an exact difference.
            surprise(if t { p } else { 1.0 - p })
        })
    }

    /// The mean squared difference, 1/n sum (p - t)^2. From 0, which is perfect, to 1; a constant prediction of 1/2 scores
    /// 1/4. (G. W. Brier: Verification of forecasts expressed in terms of probability, 1950; half of what he defines.)
    pub fn brier_score(&self) -> f64 {
        self.mean(|t, p| {
            let error = p - f64::from(u8::from(t));
            error * error
        })
    }

    /// How many rows of each class are taken for which, if those of p(t = 1) >= `threshold` are taken for class 1: of class t
    /// for class u at \[t\]\[u\].
    pub fn confusion_matrix(&self, threshold: f32) -> ConfusionMatrix {
        let rows = self.counting().map(|(t, p, weight)| (usize::from(t), usize::from(p >= threshold), weight));
        ConfusionMatrix::new(2, rows)
    }

    /// The area under the receiver operating characteristic: the probability that a row with t = 1 gets a higher p(t = 1)
    /// than a row with t = 0, where equal ones count one half. 1 is perfect, 1/2 is guessing.
    ///
    /// It is the Mann-Whitney statistic,
    ///
    /// 1 / (n1 n0) sum_i sum_j ( \[p_i > p_j\] + \[p_i = p_j\] / 2 ),
    ///
    /// over the n1 rows i with t = 1 and the n0 rows j with t = 0. (J. A. Hanley and B. J. McNeil: The meaning and use of the
    /// area under a receiver operating characteristic curve, 1982.) With weights, a pair has the product of its rows'.
    /// Without, counted exactly and divided once, up to 10^8 rows.
    ///
    /// # Errors
    /// If a class has no rows that count.
    pub fn roc_auc(&self) -> Result<f64, MetricError> {
        self.ranking().roc_auc()
    }

    /// The mean precision over the recall,
    ///
    /// sum_k ( R_k - R_(k-1) ) P_k,
    ///
    /// where P_k and R_k are precision and recall at the k-th threshold from above, without interpolation. From 0 to 1;
    /// guessing scores the share of rows with t = 1. 0 if there are none. (C. Buckley and E. M. Voorhees 2000.)
    pub fn average_precision(&self) -> f64 {
        self.ranking().average_precision()
    }

    /// The receiver operating characteristic: x is the false positive rate and y the true positive rate, at every p(t = 1) that
    /// occurs, from (0, 0) to (1, 1). [`thinned`](super::thinned) makes fewer points of many.
    ///
    /// # Errors
    /// If a class has no rows that count.
    pub fn roc_curve(&self) -> Result<Vec<CurvePoint>, MetricError> {
        self.ranking().roc_curve()
    }

    /// x is recall and y is precision, at every p(t = 1) that occurs, from (0, 1), no row, to recall 1. To be drawn in steps:
    /// precision is not linear between two points.
    ///
    /// # Errors
    /// If no row that counts has t = 1.
    pub fn precision_recall_curve(&self) -> Result<Vec<CurvePoint>, MetricError> {
        self.ranking().precision_recall_curve()
    }

    /// The reliability table: of each of `bins` equally wide bins of p(t = 1), how often t = 1.
    ///
    /// # Panics
    /// If there are no bins.
    pub fn reliability(&self, bins: usize) -> Vec<ReliabilityBin> {
        calibration::reliability(bins, self.counting().map(|(t, p, weight)| (f64::from(p), t, weight)))
    }

    /// [`expected_calibration_error`](super::expected_calibration_error) of a [`reliability`](Self::reliability) table.
    ///
    /// # Panics
    /// If there are no bins.
    pub fn expected_calibration_error(&self, bins: usize) -> f64 {
        calibration::expected_calibration_error(&self.reliability(bins))
    }

    pub(super) fn ranking(&self) -> Ranking {
        Ranking::new(self.counting())
    }

    /// Whether t = 1, p(t = 1) and the weight of each row that counts.
    fn counting(&self) -> impl Iterator<Item = (bool, f32, f64)> {
        self.weights.counting(self.rows()).map(|(row, weight)| (self.targets[row] == 1.0, self.prob_t1[row], weight))
    }

    fn mean(&self, number: impl Fn(bool, f64) -> f64) -> f64 {
        self.weights.mean(self.rows(), |row| number(self.targets[row] == 1.0, f64::from(self.prob_t1[row])))
    }
}

/// [`ConfusionMatrix::accuracy`] of two classes, told apart at p(t = 1) >= 1/2.
///
/// # Errors
/// As [`BinaryPredictions::new`].
pub fn accuracy(targets: &[f32], prob_t1: &[f32]) -> Result<f64, MetricError> {
    Ok(BinaryPredictions::new(targets, prob_t1)?.confusion_matrix(DEFAULT_THRESHOLD).accuracy())
}

/// [`BinaryPredictions::log_loss`].
///
/// # Errors
/// As [`BinaryPredictions::new`].
pub fn log_loss(targets: &[f32], prob_t1: &[f32]) -> Result<f64, MetricError> {
    Ok(BinaryPredictions::new(targets, prob_t1)?.log_loss())
}

/// [`BinaryPredictions::roc_auc`].
///
/// # Errors
/// As [`BinaryPredictions::new`], or if a class has no rows.
pub fn roc_auc(targets: &[f32], prob_t1: &[f32]) -> Result<f64, MetricError> {
    BinaryPredictions::new(targets, prob_t1)?.roc_auc()
}
