//! Prediction, timed.

use net::{Dataset, Level, Network, Predictor, Threads};

/// A network that predicts the same rows again and again.
pub struct Prediction<'a> {
    predictor: Predictor<&'a Network>,
    features: &'a [f32],
    y: Vec<f32>,
}

impl<'a> Prediction<'a> {
    /// Prepares to predict the first `rows` rows of `data`.
    ///
    /// # Errors
    /// If the threads cannot be had.
    ///
    /// # Panics
    /// If there are not so many rows.
    pub fn new(
        network: &'a Network,
        data: &'a Dataset,
        rows: usize,
        level: Level,
        threads: usize,
    ) -> Result<Self, net::Error> {
        let predictor = Predictor::new(network).with_level(level).with_threads(Threads::Own(threads))?;
        Ok(Prediction { predictor, features: &data.features()[..rows * data.inputs()], y: vec![0.0; rows] })
    }

    /// Predicts the rows once.
    ///
    /// # Errors
    /// If the rows have another number of features than the network.
    pub fn run(&mut self) -> Result<(), net::Error> {
        self.predictor.prob_t0(std::hint::black_box(self.features), &mut self.y)
    }

    /// Runs `body`, which predicts the rows with each call of its argument, with the threads called together once.
    pub fn session<R: Send>(&mut self, body: impl FnOnce(&mut dyn FnMut() -> Result<(), net::Error>) -> R + Send) -> R {
        let Prediction { predictor, features, y } = self;
        predictor.session(|predictor| body(&mut || predictor.prob_t0(std::hint::black_box(features), y)))
    }

    /// What the last run predicted: p(t = 0) of each row.
    pub fn y(&self) -> &[f32] {
        &self.y
    }
}
