//! How the gradient changes the weights.

use kernels::{Dropout, Rule, Sgd, Step};
use serde::{Deserialize, Serialize};

use crate::patience::MOST_COUNTED;
use crate::schedule::Plateau;
use crate::{Error, TrainingOptions};

/// The optimiser and its settings. In all formulas g is the mean gradient of the minibatch; where the options of training
/// clip gradients, the clipped one.
///
/// Weights decay under each of them, if [`TrainingOptions::weight_decay`] says so; Adam then is AdamW. Weights where they do, and
/// v, s and m, are 0 where they would be subnormal: they shrink for ever where there is no gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent: v <- momentum v + g, w <- w - learning_rate v (B. T. Polyak 1964). Without momentum,
    /// v = g.
    Sgd {
        /// The step length; positive.
        learning_rate: f32,
        /// How much of the velocity stays, in 0..1.
        momentum: f32,
    },
    /// Nesterov's accelerated gradient: v <- momentum v + g, w <- w - learning_rate (g + momentum v) (Y. Nesterov 1983, as
    /// written by I. Sutskever and others 2013).
    Nesterov {
        /// The step length; positive.
        learning_rate: f32,
        /// How much of the velocity stays, in 0..1.
        momentum: f32,
    },
    /// s <- rho s + (1 - rho) g^2, w <- w - learning_rate g / (sqrt(s) + epsilon) (T. Tieleman and G. Hinton 2012).
    RmsProp {
        /// The step length; positive.
        learning_rate: f32,
        /// How much of the mean square stays, in 0..1.
        rho: f32,
        /// Keeps steps small where all gradients were; positive.
        epsilon: f32,
    },
    /// m <- beta_1 m + (1 - beta_1) g, v <- beta_2 v + (1 - beta_2) g^2; in step t = 1, 2, ..., with
    /// m' = m / (1 - beta_1^t) and v' = v / (1 - beta_2^t), w <- w - learning_rate m' / (sqrt(v') + epsilon) (D. P. Kingma and
    /// J. Ba 2015).
    Adam {
        /// The step length; positive.
        learning_rate: f32,
        /// How much of m stays, in 0..1.
        beta_1: f32,
        /// How much of v stays, in 0..1.
        beta_2: f32,
        /// Keeps steps small where all gradients were; positive.
        epsilon: f32,
    },
}

impl Default for Optimizer {
    fn default() -> Self {
        Optimizer::Sgd { learning_rate: 0.1, momentum: 0.9 }
    }
}

impl Optimizer {
    /// RMSProp with the usual settings: rho = 0.9, epsilon = 1e-8.
    pub fn rms_prop(learning_rate: f32) -> Self {
        Optimizer::RmsProp { learning_rate, rho: 0.9, epsilon: 1e-8 }
    }

    /// Adam with the settings of its paper: beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-8.
    pub fn adam(learning_rate: f32) -> Self {
        Optimizer::Adam { learning_rate, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-8 }
    }

    pub(crate) fn validate(self) -> Result<(), Error> {
        let positive = |name, value: f32| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(Error::Setting { name, value: value.to_string(), range: "positive and finite" }),
        };
        let share = |name, value: f32| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(Error::Setting { name, value: value.to_string(), range: "at least 0 and less than 1" }),
        };
        positive("learning rate", self.learning_rate())?;
        match self {
            Optimizer::Sgd { momentum, .. } | Optimizer::Nesterov { momentum, .. } => share("momentum", momentum),
            Optimizer::RmsProp { rho, epsilon, .. } => share("rho", rho).and_then(|()| positive("epsilon", epsilon)),
            Optimizer::Adam { beta_1, beta_2, epsilon, .. } => {
                share("beta 1", beta_1)?;
                share("beta 2", beta_2)?;
                positive("epsilon", epsilon)
            }
        }
    }

    pub(crate) fn learning_rate(self) -> f32 {
        match self {
            Optimizer::Sgd { learning_rate, .. }
            | Optimizer::Nesterov { learning_rate, .. }
            | Optimizer::RmsProp { learning_rate, .. }
            | Optimizer::Adam { learning_rate, .. } => learning_rate,
        }
    }

    /// Numbers that are kept for each weight.
    pub(crate) fn slots(self) -> usize {
        self.rule([0.0; 2]).slots()
    }

    /// The rule of a step, given the powers beta^t of Adam.
    fn rule(self, beta_powers: [f64; 2]) -> Rule {
        let rest = |share: f32| (1.0 - f64::from(share)) as f32;
        match self {
            Optimizer::Sgd { momentum, .. } => Rule::Sgd { momentum },
            Optimizer::Nesterov { momentum, .. } => Rule::Nesterov { momentum },
            Optimizer::RmsProp { rho, epsilon, .. } => Rule::RmsProp { rho, fresh: rest(rho), epsilon },
            Optimizer::Adam { beta_1, beta_2, epsilon, .. } => Rule::Adam {
                beta: [beta_1, beta_2],
                fresh: [rest(beta_1), rest(beta_2)],
                correction: beta_powers.map(|power| (1.0 / (1.0 - power)) as f32),
                epsilon,
            },
        }
    }
}

/// How far training has come, for what changes from step to step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    steps: u64,
    /// beta^t of Adam, by multiplication, so that every machine gives the same bits.
    beta_powers: [f64; 2],
    plateau: Plateau,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Progress { steps: 0, beta_powers: [1.0; 2], plateau: Plateau::new() }
    }

    /// Whether it can go on counting.
    pub(crate) fn can_count(&self) -> bool {
        self.steps < MOST_COUNTED && self.plateau.can_count()
    }

    /// The learning rate of the next step.
    pub(crate) fn learning_rate(&self, options: &TrainingOptions) -> f64 {
        f64::from(options.optimizer.learning_rate()) * (options.schedule.factor(self.steps) * self.plateau.factor)
    }

    /// Takes the loss after an epoch.
    pub(crate) fn observe(&mut self, options: &TrainingOptions, loss: f64) {
        self.plateau.observe(options.schedule, loss);
    }

    /// Which units the next step drops.
    pub(crate) fn dropout(&self, options: &TrainingOptions) -> Option<Dropout> {
        (options.dropout > 0.0).then(|| Dropout::new(options.dropout, options.seed, self.steps))
    }

    /// The next step, for a minibatch whose samples have this weight together.
    pub(crate) fn next(&mut self, options: &TrainingOptions, weight: f64) -> Step {
        let learning_rate = self.learning_rate(options);
        self.steps += 1;
        if let Optimizer::Adam { beta_1, beta_2, .. } = options.optimizer {
            self.beta_powers[0] *= f64::from(beta_1);
            self.beta_powers[1] *= f64::from(beta_2);
        }
        Step {
            rule: options.optimizer.rule(self.beta_powers),
            learning_rate: learning_rate as f32,
            scale: 1.0 / weight as f32,
            keep: (1.0 - learning_rate * f64::from(options.weight_decay)) as f32,
        }
    }
}

/// The step as the matrix kernels can take it while the sums are in registers, if they can: plain descent or momentum,
/// without decay.
pub(crate) fn in_registers(step: Step) -> Option<Sgd> {
    match step {
        Step { rule: Rule::Sgd { momentum }, learning_rate, scale, keep: 1.0 } => {
            Some(Sgd { learning_rate, momentum, scale })
        }
        _ => None,
    }
}

/// The step with its gradient clipped: if the mean gradient, of which `squared_norm` belongs to the sum over a minibatch of
/// this `weight`, is longer than `most`, it becomes as long as that (R. Pascanu and others 2013).
pub(crate) fn clipped(step: Step, most: f32, squared_norm: f64, weight: f64) -> Step {
    let (norm, most) = (squared_norm.sqrt(), f64::from(most));
    if norm / weight > most { Step { scale: (most / norm) as f32, ..step } } else { step }
}
