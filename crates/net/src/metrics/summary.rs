//! All usual metrics at once.

use serde::Serialize;

use super::{BinaryPredictions, CALIBRATION_BINS, ClassPredictions, ConfusionMatrix, Metric, NumberPredictions};

/// The usual metrics of two classes. `None` is a metric without a value, because a class has no rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BinaryMetrics {
    /// The number of rows, those that do not count included.
    pub rows: usize,
    /// The threshold of p(t = 1) at which a row is taken for one of class 1: for the confusion matrix and what follows from it.
    pub threshold: f32,
    /// [`BinaryPredictions::log_loss`].
    pub log_loss: f64,
    /// [`BinaryPredictions::brier_score`].
    pub brier_score: f64,
    /// [`BinaryPredictions::expected_calibration_error`] with [`CALIBRATION_BINS`] bins.
    pub expected_calibration_error: f64,
    /// [`BinaryPredictions::roc_auc`].
    pub roc_auc: Option<f64>,
    /// [`BinaryPredictions::average_precision`].
    pub average_precision: f64,
    /// [`ConfusionMatrix::accuracy`].
    pub accuracy: f64,
    /// [`ConfusionMatrix::balanced_accuracy`].
    pub balanced_accuracy: f64,
    /// [`ConfusionMatrix::precision`] of class 1.
    pub precision: f64,
    /// [`ConfusionMatrix::recall`] of class 1.
    pub recall: f64,
    /// [`ConfusionMatrix::f1`] of class 1.
    pub f1: f64,
    /// [`ConfusionMatrix::matthews_correlation`].
    pub matthews_correlation: f64,
    /// [`BinaryPredictions::confusion_matrix`].
    pub confusion_matrix: ConfusionMatrix,
}

impl BinaryMetrics {
    /// All of them, with rows of p(t = 1) >= `threshold` taken for class 1.
    pub fn evaluate(predictions: BinaryPredictions<'_>, threshold: f32) -> Self {
        let confusion_matrix = predictions.confusion_matrix(threshold);
        let ranking = predictions.ranking();
        BinaryMetrics {
            rows: predictions.rows(),
            threshold,
            log_loss: predictions.log_loss(),
            brier_score: predictions.brier_score(),
            expected_calibration_error: predictions.expected_calibration_error(CALIBRATION_BINS),
            roc_auc: ranking.roc_auc().ok(),
            average_precision: ranking.average_precision(),
            accuracy: confusion_matrix.accuracy(),
            balanced_accuracy: confusion_matrix.balanced_accuracy(),
            precision: confusion_matrix.precision(1),
            recall: confusion_matrix.recall(1),
            f1: confusion_matrix.f1(1),
            matthews_correlation: confusion_matrix.matthews_correlation(),
            confusion_matrix,
        }
    }

    /// The metrics that are one number, with their values.
    pub fn values(&self) -> impl Iterator<Item = (Metric, Option<f64>)> {
        [
            (Metric::LogLoss, Some(self.log_loss)),
            (Metric::BrierScore, Some(self.brier_score)),
            (Metric::ExpectedCalibrationError, Some(self.expected_calibration_error)),
            (Metric::RocAuc, self.roc_auc),
            (Metric::AveragePrecision, Some(self.average_precision)),
            (Metric::Accuracy, Some(self.accuracy)),
            (Metric::BalancedAccuracy, Some(self.balanced_accuracy)),
            (Metric::Precision, Some(self.precision)),
            (Metric::Recall, Some(self.recall)),
            (Metric::F1, Some(self.f1)),
            (Metric::MatthewsCorrelation, Some(self.matthews_correlation)),
        ]
        .into_iter()
    }
}

/// The usual metrics of several classes. `None` is a metric without a value, because a class has no rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassMetrics {
    /// The number of rows, those that do not count included.
    pub rows: usize,
    /// [`ClassPredictions::log_loss`].
    pub log_loss: f64,
    /// [`ClassPredictions::brier_score`].
    pub brier_score: f64,
    /// [`ClassPredictions::expected_calibration_error`] with [`CALIBRATION_BINS`] bins.
    pub expected_calibration_error: f64,
    /// [`ClassPredictions::roc_auc`].
    pub roc_auc: Option<f64>,
    /// [`ConfusionMatrix::accuracy`].
    pub accuracy: f64,
    /// [`ConfusionMatrix::balanced_accuracy`].
    pub balanced_accuracy: f64,
    /// [`ConfusionMatrix::macro_f1`].
    pub macro_f1: f64,
    /// [`ConfusionMatrix::matthews_correlation`].
    pub matthews_correlation: f64,
    /// [`ClassPredictions::confusion_matrix`].
    pub confusion_matrix: ConfusionMatrix,
}

impl ClassMetrics {
    /// All of them.
    pub fn evaluate(predictions: ClassPredictions<'_>) -> Self {
        let confusion_matrix = predictions.confusion_matrix();
        ClassMetrics {
            rows: predictions.rows(),
            log_loss: predictions.log_loss(),
            brier_score: predictions.brier_score(),
            expected_calibration_error: predictions.expected_calibration_error(CALIBRATION_BINS),
            roc_auc: predictions.roc_auc().ok(),
            accuracy: confusion_matrix.accuracy(),
            balanced_accuracy: confusion_matrix.balanced_accuracy(),
            macro_f1: confusion_matrix.macro_f1(),
            matthews_correlation: confusion_matrix.matthews_correlation(),
            confusion_matrix,
        }
    }

    /// The metrics that are one number, with their values.
    pub fn values(&self) -> impl Iterator<Item = (Metric, Option<f64>)> {
        [
            (Metric::LogLoss, Some(self.log_loss)),
            (Metric::BrierScore, Some(self.brier_score)),
            (Metric::ExpectedCalibrationError, Some(self.expected_calibration_error)),
            (Metric::RocAuc, self.roc_auc),
            (Metric::Accuracy, Some(self.accuracy)),
            (Metric::BalancedAccuracy, Some(self.balanced_accuracy)),
            (Metric::F1, Some(self.macro_f1)),
            (Metric::MatthewsCorrelation, Some(self.matthews_correlation)),
        ]
        .into_iter()
    }
}

/// The usual metrics of real targets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberMetrics {
    /// The number of rows, those that do not count included.
    pub rows: usize,
    /// [`NumberPredictions::mean_squared_error`].
    pub mean_squared_error: f64,
    /// [`NumberPredictions::root_mean_squared_error`].
    pub root_mean_squared_error: f64,
    /// [`NumberPredictions::mean_absolute_error`].
    pub mean_absolute_error: f64,
    /// [`NumberPredictions::median_absolute_error`].
    pub median_absolute_error: f64,
    /// [`NumberPredictions::r_squared`].
    pub r_squared: f64,
}

impl NumberMetrics {
    /// All of them.
    pub fn evaluate(predictions: NumberPredictions<'_>) -> Self {
        NumberMetrics {
            rows: predictions.rows(),
            mean_squared_error: predictions.mean_squared_error(),
            root_mean_squared_error: predictions.root_mean_squared_error(),
            mean_absolute_error: predictions.mean_absolute_error(),
            median_absolute_error: predictions.median_absolute_error(),
            r_squared: predictions.r_squared(),
        }
    }

    /// The metrics, with their values.
    pub fn values(&self) -> impl Iterator<Item = (Metric, Option<f64>)> {
        [
            (Metric::MeanSquaredError, Some(self.mean_squared_error)),
            (Metric::RootMeanSquaredError, Some(self.root_mean_squared_error)),
            (Metric::MeanAbsoluteError, Some(self.mean_absolute_error)),
            (Metric::MedianAbsoluteError, Some(self.median_absolute_error)),
            (Metric::RSquared, Some(self.r_squared)),
        ]
        .into_iter()
    }
}
