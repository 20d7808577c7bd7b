//! A measure of predictions beside the loss.

use std::fmt;

use crate::metrics::Metric;
use crate::patience::Goal;
use crate::{Dataset, Error};

/// A metric that a training computes after its epochs: any function of a data set and of the predictions for it.
///
/// The predictions are those of the network's output layer, row by row: p(t = 1) of each label for sigmoids (mind that
/// the network's own output is p(t = 0)), p(class) of each class for a softmax, and the means for real targets.
///
/// ```
/// use net::{Goal, Scorer, metrics};
///
/// let brier = Scorer::new("Brier score", Goal::Minimize, |data, prob_t1| {
///     let squares = data.targets().iter().zip(prob_t1).map(|(t, p)| f64::from(t - p).powi(2));
///     Ok::<f64, metrics::MetricError>(squares.sum::<f64>() / data.rows() as f64)
/// });
/// assert_eq!(brier.name(), "Brier score");
/// ```
pub struct Scorer<'a> {
    name: String,
    goal: Goal,
    function: Box<Function<'a>>,
}

type Function<'a> = dyn Fn(&Dataset, &[f32]) -> Result<f64, String> + Send + Sync + 'a;

impl<'a> Scorer<'a> {
    /// The metric `function` under a name for the eyes of people. It gets the data and the predictions, (rows, outputs) in
    /// row-major order.
    pub fn new<E: fmt::Display>(
        name: impl Into<String>,
        goal: Goal,
        function: impl Fn(&Dataset, &[f32]) -> Result<f64, E> + Send + Sync + 'a,
    ) -> Self {
        let function =
            move |data: &Dataset, predictions: &[f32]| function(data, predictions).map_err(|error| error.to_string());
        Scorer { name: name.into(), goal, function: Box::new(function) }
    }

    /// A metric of the library, with the weights of the samples. Label smoothing is not seen.
    pub fn of(metric: Metric) -> Self {
        let goal = if metric.higher_is_better() { Goal::Maximize } else { Goal::Minimize };
        Scorer::new(metric.title(), goal, move |data, predictions| {
            metric.evaluate(data.target_kind(), data.targets(), predictions, data.weights())
        })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which values are the better ones.
    pub fn goal(&self) -> Goal {
        self.goal
    }

    /// The score of `predictions`.
    pub(crate) fn score(&self, data: &Dataset, predictions: &[f32]) -> Result<f64, Error> {
        let score = (self.function)(data, predictions).and_then(|score| match score.is_finite() {
            true => Ok(score),
            false => Err(format!("it is {score}")),
        });
        score.map_err(|reason| Error::Score { name: self.name.clone(), reason })
    }
}

impl fmt::Debug for Scorer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Scorer").field("name", &self.name).field("goal", &self.goal).finish_non_exhaustive()
    }
}
