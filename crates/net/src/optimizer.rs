//! How the gradient changes the weights.

use kernels::Sgd;

use crate::Error;

/// The optimiser and its settings.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent: v <- momentum v + g, w <- w - learning_rate v, with g the mean gradient of the
    /// minibatch (B. T. Polyak 1964). Without momentum, v = g.
    Sgd {
        /// The step length; positive.
        learning_rate: f32,
        /// How much of the velocity stays, in 0..1.
        momentum: f32,
    },
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::Sgd { learning_rate: 0.1, momentum: 0.9 }
    }
}

impl Optimizer {
    pub(crate) fn validate(self) -> Result<(), Error> {
        let Optimizer::Sgd { learning_rate, momentum } = self;
        if !(learning_rate > 0.0 && learning_rate.is_finite()) {
            return Err(Error::Setting {
                name: "learning rate",
                value: learning_rate.to_string(),
                range: "positive and finite",
            });
        }
        if !(0.0..1.0).contains(&momentum) {
            return Err(Error::Setting {
                name: "momentum",
                value: momentum.to_string(),
                range: "at least 0 and less than 1",
            });
        }
        Ok(())
    }

    pub(crate) fn learning_rate(self) -> f32 {
        let Optimizer::Sgd { learning_rate, .. } = self;
        learning_rate
    }

    pub(crate) fn keeps_velocity(self) -> bool {
        let Optimizer::Sgd { momentum, .. } = self;
        momentum != 0.0
    }

    /// The update for a minibatch whose samples have this weight together.
    pub(crate) fn step(self, weight: f64) -> Sgd {
        let Optimizer::Sgd { learning_rate, momentum } = self;
        Sgd { learning_rate, momentum, scale: 1.0 / weight as f32 }
    }
}
