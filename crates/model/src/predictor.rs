//! Predictions of a model: the mean over its members.

use data::Target;
use net::{Network, Threads};
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::{Compute, Error, Model, Result};

/// Computes predictions of a [`Model`] for rows of inputs.
///
/// A row gives the same bits alone and among others, and with any number of threads.
pub struct Predictor<'a> {
    target: &'a Target,
    inputs: usize,
    outputs: usize,
    members: Vec<net::Predictor<&'a Network>>,
    /// Threads for all members in turn, if there are several.
    pool: Option<ThreadPool>,
    of_member: Vec<f32>,
    sums: Vec<f64>,
}

impl<'a> Predictor<'a> {
    pub(crate) fn new(model: &'a Model, compute: Compute) -> Result<Self> {
        let pool = match compute.threads {
            0 | 1 => None,
            count => {
                let pool = ThreadPoolBuilder::new().num_threads(count).thread_name(|i| format!("predict-{i}")).build();
                Some(pool.map_err(|error| net::Error::Threads { count, reason: error.to_string() })?)
            }
        };
        let member = |network: &'a Network| {
            let predictor = net::Predictor::new(network).with_level(compute.level);
            match &pool {
                Some(pool) => pool.install(|| predictor.with_threads(Threads::Global)),
                None => Ok(predictor),
            }
        };
        let members = model.members.iter().map(member).collect::<std::result::Result<_, net::Error>>()?;
        let target = model.pipeline.target();
        let (inputs, outputs) = (model.pipeline.inputs(), target.outputs());
        Ok(Self { target, inputs, outputs, members, pool, of_member: Vec::new(), sums: Vec::new() })
    }

    /// Numbers that are predicted for a row.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The predictions for each row of `inputs`, which is (rows, inputs) in row-major order. Of two classes, p(t = 1); of
    /// several, the probability of each: (rows, classes), row-major; of a number, its mean, in the unit of the table.
    ///
    /// # Errors
    /// If `inputs` are no whole rows, or an answer is not finite.
    pub fn predict(&mut self, inputs: &[f32]) -> Result<Vec<f32>> {
        let rows = inputs.len() / self.inputs;
        self.of_member.resize(rows * self.outputs, 0.0);
        self.sums.clear();
        self.sums.resize(rows * self.outputs, 0.0);
        let Predictor { target, members, pool, of_member, sums, .. } = self;
        for member in members.iter_mut() {
            let mut body = || match target {
                Target::Binary { .. } => member.prob_t1(inputs, of_member),
                Target::Classes { .. } => member.class_probabilities(inputs, of_member),
                Target::Number { .. } => member.means(inputs, of_member),
            };
            match pool {
                Some(pool) => pool.install(body)?,
                None => body()?,
            }
            sums.iter_mut().zip(&*of_member).for_each(|(sum, prediction)| *sum += f64::from(*prediction));
        }
        let count = members.len() as f64;
        let prediction = |sum: &f64| match target {
            Target::Number { scale, .. } => scale.invert(sum / count) as f32,
            _ => (sum / count) as f32,
        };
        let predictions: Vec<f32> = sums.iter().map(prediction).collect();
        match predictions.iter().position(|prediction| !prediction.is_finite()) {
            Some(at) => Err(Error::NotFinite { file: None, row: at / self.outputs + 1 }),
            None => Ok(predictions),
        }
    }
}
