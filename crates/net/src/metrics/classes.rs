//! Metrics of several classes.

use super::calibration::{self, ReliabilityBin};
use super::checks::{check_classes, check_lengths, check_probabilities};
use super::ranking::Ranking;
use super::weights::Weights;
use super::{ConfusionMatrix, MetricError, clipped, surprise};

/// The most that the probabilities of a row may differ from 1 in sum: f32 of many classes, or read from rounded decimals.
const SUM_TOLERANCE: f64 = 1e-3;

/// The class of every row, from 0, and the probabilities of all classes that were predicted for it: (rows, classes), row-major.
/// A row is taken for the class of the greatest probability, the first one of equal ones.
#[derive(Clone, Copy, Debug)]
pub struct ClassPredictions<'a> {
    classes: usize,
    targets: &'a [f32],
    probabilities: &'a [f32],
    weights: Weights<'a>,
}

impl<'a> ClassPredictions<'a> {
    /// A target for every row, and as many probabilities as there are classes.
    ///
    /// # Errors
    /// If there are no rows, the lengths do not fit, a target is no class, or the probabilities of a row are not in 0..=1 or
    /// differ from 1 in sum by more than 0.001.
    ///
    /// # Panics
    /// If there are fewer than two classes.
    pub fn new(classes: usize, targets: &'a [f32], probabilities: &'a [f32]) -> Result<Self, MetricError> {
        assert!(classes >= 2, "several classes are at least two");
        check_lengths(targets, "probabilities", probabilities, classes)?;
        check_classes(targets, classes)?;
        check_probabilities(probabilities, classes)?;
        for (row, probabilities) in probabilities.chunks_exact(classes).enumerate() {
            let sum: f64 = probabilities.iter().map(|p| f64::from(*p)).sum();
            if (sum - 1.0).abs() > SUM_TOLERANCE {
                return Err(MetricError::Sum { row: row + 1, sum });
            }
        }
        Ok(ClassPredictions { classes, targets, probabilities, weights: Weights::ONES })
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

    /// The mean negative log likelihood, in nats per row: -1/n sum ln p_t, where p_t is the probability of the row's class,
    /// clipped to [[`MIN_LOG_LOSS_PROBABILITY`](super::MIN_LOG_LOSS_PROBABILITY), 1 -
    /// [`MIN_LOG_LOSS_PROBABILITY`](super::MIN_LOG_LOSS_PROBABILITY)].
    ///
    /// 0 is perfect; equal probabilities score ln(classes). (I. J. Good: Rational decisions, 1952.)
    pub fn log_loss(&self) -> f64 {
        self.weights.mean(self.rows(), |row| surprise(clipped(f64::from(self.row(row)[self.class(row)]))))
    }

    /// 1/n sum sum_k (p_k - t_k)^2, where t_k is 1 for the row's class and 0 for the others. From 0, which is perfect, to 2.
    /// Of two classes it is twice the [Brier score](super::BinaryPredictions::brier_score) of one of them. (G. W. Brier:
    /// Verification of forecasts expressed in terms of probability, 1950.)
    pub fn brier_score(&self) -> f64 {
        self.weights.mean(self.rows(), |row| {
            let class = self.class(row);
            let errors = self.row(row).iter().enumerate().map(|(k, p)| f64::from(*p) - f64::from(u8::from(k == class)));
            errors.map(|error| error * error).sum()
        })
    }

    /// How many rows of each class are taken for which: of class i for class j at \[i\]\[j\].
    pub fn confusion_matrix(&self) -> ConfusionMatrix {
        let rows = self.weights.counting(self.rows());
        let rows = rows.map(|(row, weight)| (self.class(row), top_label(self.row(row)).0, weight));
        ConfusionMatrix::new(self.classes, rows)
    }

    /// The mean over the classes k of the [ROC AUC](super::BinaryPredictions::roc_auc) of p_k, class k against all others:
    /// macro-averaged, one against the rest. 1 is perfect, 1/2 is guessing. (T. Fawcett: An introduction to ROC analysis, 2006,
    /// section 10, without weights for the classes.)
    ///
    /// # Errors
    /// If a class has no rows that count.
    pub fn roc_auc(&self) -> Result<f64, MetricError> {
        let mut sum = 0.0;
        for class in 0..self.classes {
            let rows = self.weights.counting(self.rows());
            let rows = rows.map(|(row, weight)| (self.class(row) == class, self.row(row)[class], weight));
            sum += Ranking::new(rows).roc_auc().map_err(|_| self.missing_class())?;
        }
        Ok(sum / self.classes as f64)
    }

    /// The reliability table of the top label: of each of `bins` equally wide bins of the greatest probability, how often its
    /// class is the row's.
    ///
    /// # Panics
    /// If there are no bins.
    pub fn reliability(&self, bins: usize) -> Vec<ReliabilityBin> {
        let rows = self.weights.counting(self.rows()).map(|(row, weight)| {
            let (label, confidence) = top_label(self.row(row));
            (f64::from(confidence), label == self.class(row), weight)
        });
        calibration::reliability(bins, rows)
    }

    /// [`expected_calibration_error`](super::expected_calibration_error) of a [`reliability`](Self::reliability) table.
    ///
    /// # Panics
    /// If there are no bins.
    pub fn expected_calibration_error(&self, bins: usize) -> f64 {
        calibration::expected_calibration_error(&self.reliability(bins))
    }

    fn class(&self, row: usize) -> usize {
        self.targets[row] as usize
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.probabilities[row * self.classes..][..self.classes]
    }

    /// The error that names the first class without rows.
    fn missing_class(&self) -> MetricError {
        let occurs = |class: usize| self.weights.counting(self.rows()).any(|(row, _)| self.class(row) == class);
        let missing = (0..self.classes).find(|class| !occurs(*class)).expect("a class without rows");
        MetricError::MissingClass { metric: "the ROC AUC", missing }
    }
}

/// The class of the greatest probability, the first one of equal ones, and that probability.
fn top_label(probabilities: &[f32]) -> (usize, f32) {
    let mut top = (0, probabilities[0]);
    for (class, p) in probabilities.iter().enumerate() {
        if *p > top.1 {
            top = (class, *p);
        }
    }
    top
}
