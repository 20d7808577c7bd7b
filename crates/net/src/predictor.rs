//! Predictions for rows of features, with scratch memory that is made once.

use std::borrow::Borrow;

use crate::forward_sweep::{ForwardSweep, Prediction, Rows};
use crate::parallel::Pool;
use crate::{Dataset, Error, Level, Network, Threads};

/// Computes predictions of a [`Network`], those that its [`OutputLayer`](crate::OutputLayer) makes:
/// [`prob_t0`](Self::prob_t0) and [`prob_t1`](Self::prob_t1), [`class_probabilities`](Self::class_probabilities) or
/// [`means`](Self::means). After the first call with as many rows nothing is allocated on one thread, nor
/// in a [`session`](Self::session) on several.
///
/// `N` is a `&Network`, or a [`Network`], `Arc<Network>` or `Box<Network>` that the predictor keeps: one that lives as long
/// as a server does, say:
///
/// ```
/// use net::{Network, Predictor};
/// use std::sync::Arc;
///
/// let network = Arc::new(Network::builder(3).hidden(&[8]).build()?);
/// let of_thread = |network: Arc<Network>| {
///     let mut predictor = Predictor::new(network);
///     let mut y = [0.0];
///     predictor.prob_t0(&[0.5, -0.5, 1.0], &mut y).map(|()| y[0])
/// };
/// let threads: Vec<_> =
///     (0..2).map(|_| Arc::clone(&network)).map(|network| std::thread::spawn(move || of_thread(network))).collect();
/// for thread in threads {
///     assert_eq!(thread.join().unwrap()?, network.prob_t0(&[0.5, -0.5, 1.0])?);
/// }
/// # Ok::<(), net::Error>(())
/// ```
///
/// A row gives the same bits alone and among others, and with any number of threads.
#[derive(Debug)]
pub struct Predictor<N> {
    network: N,
    level: Level,
    pool: Pool,
    sweep: ForwardSweep,
}

impl<N: Borrow<Network>> Predictor<N> {
    /// A predictor at the best level, on the calling thread.
    pub fn new(network: N) -> Self {
        let sweep = ForwardSweep::new(network.borrow(), 1);
        Predictor { network, level: Level::best(), pool: Pool::Caller, sweep }
    }

    /// Computes at `level`, or at a narrower one if the layers have few units ([`Level::for_units`]).
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Computes on several threads: many rows, or the units of wide layers.
    ///
    /// # Errors
    /// If the threads cannot be had.
    pub fn with_threads(mut self, threads: Threads) -> Result<Self, Error> {
        self.pool = Pool::new(threads)?;
        self.sweep = ForwardSweep::new(self.network.borrow(), self.pool.threads());
        Ok(self)
    }

    /// Runs `body` with the threads called together once, rather than in each call. They look for work all the while, and
    /// leave their cores to nobody: for many short calls in a row.
    pub fn session<R: Send>(&mut self, body: impl FnOnce(&mut Self) -> R + Send) -> R
    where
        N: Send,
    {
        self.sweep.doubt();
        Pool::run_entered(self, |predictor| &mut predictor.pool, body)
    }

    /// Writes y = p(t = 0 given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`; of
    /// several labels, p(t_k = 0 given x), (rows, labels) in row-major order.
    ///
    /// # Errors
    /// If the lengths do not fit, or the output layer is not of sigmoids.
    pub fn prob_t0(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::ProbT0, features, probabilities)
    }

    /// Writes 1 - y = p(t = 1 given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`.
    /// It is computed as sigma(-a), so that a small probability keeps its digits. Of several labels, p(t_k = 1 given x),
    /// (rows, labels) in row-major order.
    ///
    /// # Errors
    /// As [`Predictor::prob_t0`].
    pub fn prob_t1(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::ProbT1, features, probabilities)
    }

    /// Writes p(class k given x) of each row of `features`, (rows, inputs) in row-major order, to `probabilities`: (rows,
    /// classes), row-major.
    ///
    /// # Errors
    /// If the lengths do not fit, or the output layer is no softmax.
    pub fn class_probabilities(&mut self, features: &[f32], probabilities: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::ClassProbabilities, features, probabilities)
    }

    /// Writes the means of the real targets given each row of `features`, (rows, inputs) in row-major order, to `means`:
    /// (rows, outputs), row-major.
    ///
    /// # Errors
    /// If the lengths do not fit, or the output layer is not the identity.
    pub fn means(&mut self, features: &[f32], means: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::Means, features, means)
    }

    /// Writes the preactivations a_k of the output units, whatever the output layer, for each row of `features`, (rows, inputs)
    /// in row-major order, to `preactivations`: (rows, outputs), row-major. Those of a sigmoid are logits of p(t = 0).
    ///
    /// # Errors
    /// If the lengths do not fit.
    pub fn preactivations(&mut self, features: &[f32], preactivations: &mut [f32]) -> Result<(), Error> {
        self.predict(Prediction::Preactivations, features, preactivations)
    }

    /// The mean loss of `data`, as [`Trainer`](crate::Trainer) computes that of its validation data: weighted, and with
    /// smoothed labels, if the data set says so.
    ///
    /// # Errors
    /// If the data has another number of inputs or other targets than the network.
    pub fn mean_loss(&mut self, data: &Dataset) -> Result<f64, Error> {
        let network = self.network.borrow();
        data.check_fits(&network.shape)?;
        let prediction = Prediction::of(network.shape.output_layer());
        Ok(self.sweep.losses((network, self.level, &self.pool), data, prediction, &mut []).mean())
    }

    fn predict(&mut self, prediction: Prediction, features: &[f32], out: &mut [f32]) -> Result<(), Error> {
        predict(&mut self.sweep, (self.network.borrow(), self.level, &self.pool), prediction, features, out)
    }
}

/// What all predictors do, compiled once, here, and not for each kind of `N` in the crates that use it.
fn predict(
    sweep: &mut ForwardSweep,
    (network, level, pool): (&Network, Level, &Pool),
    prediction: Prediction,
    features: &[f32],
    out: &mut [f32],
) -> Result<(), Error> {
    let (inputs, outputs) = (network.shape.inputs(), network.shape.outputs());
    let output_layer = network.shape.output_layer();
    if let Some((asked, needed)) = prediction.needs()
        && output_layer != needed
    {
        return Err(Error::Prediction { asked, output_layer });
    }
    let rows = out.len() / outputs;
    if !out.len().is_multiple_of(outputs) {
        let expected = features.len() / inputs * outputs;
        return Err(Error::Length { what: "the slice of predictions", found: out.len(), expected });
    }
    if features.len() != rows.saturating_mul(inputs) {
        let expected = rows.saturating_mul(inputs);
        return Err(Error::Length { what: "the slice of features", found: features.len(), expected });
    }
    if out.is_empty() {
        return Ok(());
    }
    sweep.run((network, level, pool), prediction, None, Rows { features, predictions: out, first: 0, losses: &mut [] });
    Ok(())
}
