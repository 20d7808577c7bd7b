//! The names of the metrics.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::checks::check_lengths;
use super::{BinaryPredictions, CALIBRATION_BINS, ClassPredictions, DEFAULT_THRESHOLD, MetricError, NumberPredictions};
use crate::TargetKind;

/// A metric, named as on the command line.
///
/// ```
/// use net::TargetKind;
/// use net::metrics::Metric;
///
/// let metric: Metric = "roc-auc".parse()?;
/// assert_eq!((metric, metric.to_string(), metric.title()), (Metric::RocAuc, "roc-auc".into(), "ROC AUC"));
/// assert!(metric.higher_is_better() && metric.suits(TargetKind::Classes(3)));
/// # Ok::<(), net::metrics::UnknownMetric>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Metric {
    /// [`BinaryPredictions::log_loss`], [`ClassPredictions::log_loss`].
    LogLoss,
    /// [`BinaryPredictions::brier_score`], [`ClassPredictions::brier_score`].
    BrierScore,
    /// [`BinaryPredictions::expected_calibration_error`], [`ClassPredictions::expected_calibration_error`].
    ExpectedCalibrationError,
    /// [`BinaryPredictions::roc_auc`], [`ClassPredictions::roc_auc`].
    RocAuc,
    /// [`BinaryPredictions::average_precision`]; of two classes only.
    AveragePrecision,
    /// [`ConfusionMatrix::accuracy`](super::ConfusionMatrix::accuracy).
    Accuracy,
    /// [`ConfusionMatrix::balanced_accuracy`](super::ConfusionMatrix::balanced_accuracy).
    BalancedAccuracy,
    /// [`ConfusionMatrix::precision`](super::ConfusionMatrix::precision) of class 1; of two classes only.
    Precision,
    /// [`ConfusionMatrix::recall`](super::ConfusionMatrix::recall) of class 1; of two classes only.
    Recall,
    /// [`ConfusionMatrix::f1`](super::ConfusionMatrix::f1) of class 1 if there are two classes, else
    /// [`ConfusionMatrix::macro_f1`](super::ConfusionMatrix::macro_f1).
    F1,
    /// [`ConfusionMatrix::matthews_correlation`](super::ConfusionMatrix::matthews_correlation).
    MatthewsCorrelation,
    /// [`NumberPredictions::mean_squared_error`].
    MeanSquaredError,
    /// [`NumberPredictions::root_mean_squared_error`].
    RootMeanSquaredError,
    /// [`NumberPredictions::mean_absolute_error`].
    MeanAbsoluteError,
    /// [`NumberPredictions::median_absolute_error`].
    MedianAbsoluteError,
    /// [`NumberPredictions::r_squared`].
    RSquared,
}

impl Metric {
    /// All of them.
    pub const ALL: [Metric; 16] = [
        Metric::LogLoss,
        Metric::BrierScore,
        Metric::ExpectedCalibrationError,
        Metric::RocAuc,
        Metric::AveragePrecision,
        Metric::Accuracy,
        Metric::BalancedAccuracy,
        Metric::Precision,
        Metric::Recall,
        Metric::F1,
        Metric::MatthewsCorrelation,
        Metric::MeanSquaredError,
        Metric::RootMeanSquaredError,
        Metric::MeanAbsoluteError,
        Metric::MedianAbsoluteError,
        Metric::RSquared,
    ];

    /// Its name on the command line, and its name in a table.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Metric::LogLoss => ("log-loss", "log loss"),
            Metric::BrierScore => ("brier-score", "Brier score"),
            Metric::ExpectedCalibrationError => ("expected-calibration-error", "expected calibration error"),
            Metric::RocAuc => ("roc-auc", "ROC AUC"),
            Metric::AveragePrecision => ("average-precision", "average precision"),
            Metric::Accuracy => ("accuracy", "accuracy"),
            Metric::BalancedAccuracy => ("balanced-accuracy", "balanced accuracy"),
            Metric::Precision => ("precision", "precision"),
            Metric::Recall => ("recall", "recall"),
            Metric::F1 => ("f1", "F1"),
            Metric::MatthewsCorrelation => ("matthews-correlation", "Matthews correlation"),
            Metric::MeanSquaredError => ("mean-squared-error", "mean squared error"),
            Metric::RootMeanSquaredError => ("root-mean-squared-error", "root mean squared error"),
            Metric::MeanAbsoluteError => ("mean-absolute-error", "mean absolute error"),
            Metric::MedianAbsoluteError => ("median-absolute-error", "median absolute error"),
            Metric::RSquared => ("r-squared", "R squared"),
        }
    }

    /// Its name in a table: `ROC AUC`.
    pub fn title(self) -> &'static str {
        self.names().1
    }

    /// Whether a higher value is a better one.
    pub fn higher_is_better(self) -> bool {
        match self {
            Metric::LogLoss
            | Metric::BrierScore
            | Metric::ExpectedCalibrationError
            | Metric::MeanSquaredError
            | Metric::RootMeanSquaredError
            | Metric::MeanAbsoluteError
            | Metric::MedianAbsoluteError => false,
            Metric::RocAuc
            | Metric::AveragePrecision
            | Metric::Accuracy
            | Metric::BalancedAccuracy
            | Metric::Precision
            | Metric::Recall
            | Metric::F1
            | Metric::MatthewsCorrelation
            | Metric::RSquared => true,
        }
    }

    /// Whether `value` is better than `other`. Neither is better than an equal one, nor than NaN.
    pub fn is_better(self, value: f64, other: f64) -> bool {
        if self.higher_is_better() { value > other } else { value < other }
    }

    /// Whether it judges predictions of such targets.
    pub fn suits(self, kind: TargetKind) -> bool {
        let is_of_numbers = matches!(
            self,
            Metric::MeanSquaredError
                | Metric::RootMeanSquaredError
                | Metric::MeanAbsoluteError
                | Metric::MedianAbsoluteError
                | Metric::RSquared
        );
        let is_of_two_classes = matches!(self, Metric::AveragePrecision | Metric::Precision | Metric::Recall);
        match kind {
            TargetKind::Labels(_) => !is_of_numbers,
            TargetKind::Classes(classes) => classes >= 2 && !is_of_numbers && !is_of_two_classes,
            TargetKind::Values(_) => is_of_numbers,
        }
    }

    /// Its value for the targets of a [`Dataset`](crate::Dataset), with its weights if it has any, and the predictions for
    /// them: `prob_t1` of labels, class probabilities, or means. Labels are told apart at p(t = 1) >= 1/2, and a
    /// calibration error has [`CALIBRATION_BINS`] bins. Of several labels or values it is the mean over them.
    ///
    /// # Errors
    /// If the metric does not suit the targets, the lengths do not fit, a number is out of its range, or the metric has no
    /// value because a class has no rows.
    pub fn evaluate(
        self,
        kind: TargetKind,
        targets: &[f32],
        predictions: &[f32],
        weights: Option<&[f32]>,
    ) -> Result<f64, MetricError> {
        if !self.suits(kind) {
            return Err(MetricError::Unsuited { metric: self, kind });
        }
        match kind {
            TargetKind::Labels(columns) => mean_over_columns(columns, targets, predictions, |targets, prob_t1| {
                let predictions = BinaryPredictions::new(targets, prob_t1)?;
                self.of_labels(match weights {
                    Some(weights) => predictions.with_weights(weights)?,
                    None => predictions,
                })
            }),
            TargetKind::Classes(classes) => {
                let predictions = ClassPredictions::new(classes, targets, predictions)?;
                self.of_classes(match weights {
                    Some(weights) => predictions.with_weights(weights)?,
                    None => predictions,
                })
            }
            TargetKind::Values(columns) => mean_over_columns(columns, targets, predictions, |targets, means| {
                let predictions = NumberPredictions::new(targets, means)?;
                Ok(self.of_numbers(match weights {
                    Some(weights) => predictions.with_weights(weights)?,
                    None => predictions,
                }))
            }),
        }
    }

    fn of_labels(self, predictions: BinaryPredictions<'_>) -> Result<f64, MetricError> {
        let confusion_matrix = || predictions.confusion_matrix(DEFAULT_THRESHOLD);
        Ok(match self {
            Metric::LogLoss => predictions.log_loss(),
            Metric::BrierScore => predictions.brier_score(),
            Metric::ExpectedCalibrationError => predictions.expected_calibration_error(CALIBRATION_BINS),
            Metric::RocAuc => predictions.roc_auc()?,
            Metric::AveragePrecision => predictions.average_precision(),
            Metric::Accuracy => confusion_matrix().accuracy(),
            Metric::BalancedAccuracy => confusion_matrix().balanced_accuracy(),
            Metric::Precision => confusion_matrix().precision(1),
            Metric::Recall => confusion_matrix().recall(1),
            Metric::F1 => confusion_matrix().f1(1),
            Metric::MatthewsCorrelation => confusion_matrix().matthews_correlation(),
            _ => unreachable!("{self} was said to suit labels"),
        })
    }

    fn of_classes(self, predictions: ClassPredictions<'_>) -> Result<f64, MetricError> {
        let confusion_matrix = || predictions.confusion_matrix();
        Ok(match self {
            Metric::LogLoss => predictions.log_loss(),
            Metric::BrierScore => predictions.brier_score(),
            Metric::ExpectedCalibrationError => predictions.expected_calibration_error(CALIBRATION_BINS),
            Metric::RocAuc => predictions.roc_auc()?,
            Metric::Accuracy => confusion_matrix().accuracy(),
            Metric::BalancedAccuracy => confusion_matrix().balanced_accuracy(),
            Metric::F1 => confusion_matrix().macro_f1(),
            Metric::MatthewsCorrelation => confusion_matrix().matthews_correlation(),
            _ => unreachable!("{self} was said to suit classes"),
        })
    }

    fn of_numbers(self, predictions: NumberPredictions<'_>) -> f64 {
        match self {
            Metric::MeanSquaredError => predictions.mean_squared_error(),
            Metric::RootMeanSquaredError => predictions.root_mean_squared_error(),
            Metric::MeanAbsoluteError => predictions.mean_absolute_error(),
            Metric::MedianAbsoluteError => predictions.median_absolute_error(),
            Metric::RSquared => predictions.r_squared(),
            _ => unreachable!("{self} was said to suit numbers"),
        }
    }
}

/// The mean of a metric over the columns of (rows, columns).
fn mean_over_columns(
    columns: usize,
    targets: &[f32],
    predictions: &[f32],
    metric: impl Fn(&[f32], &[f32]) -> Result<f64, MetricError>,
) -> Result<f64, MetricError> {
    check_lengths(targets, "predictions", predictions, 1)?;
    if columns == 0 || !targets.len().is_multiple_of(columns) {
        return Err(MetricError::Columns { targets: targets.len(), columns });
    }
    if columns == 1 {
        return metric(targets, predictions);
    }
    let mut sum = 0.0;
    for column in 0..columns {
        let of_column =
            |numbers: &[f32]| -> Vec<f32> { numbers.iter().skip(column).step_by(columns).copied().collect() };
        sum += metric(&of_column(targets), &of_column(predictions))?;
    }
    Ok(sum / columns as f64)
}

impl fmt::Display for Metric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.names().0)
    }
}

/// A name that is no [`Metric`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no metric '{0}', only {all}", all = Metric::ALL.map(|metric| metric.names().0).join(", "))]
pub struct UnknownMetric(String);

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Metric, UnknownMetric> {
        let named = Metric::ALL.into_iter().find(|metric| metric.names().0 == name);
        named.ok_or_else(|| UnknownMetric(name.to_owned()))
    }
}
