//! How the learning rate changes from step to step.
//!
//! Computed in f64 with the functions of `elementary.rs`, so that it has the same bits on every machine, and
//! then rounded once.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::elementary::{cos_of_pi_times, exp, ln, whole_power};
use crate::patience::{Goal, Patience};

/// What the learning rate of the [`Optimizer`](crate::Optimizer) is multiplied by in step n = 0, 1, 2, ...; a step is a
/// minibatch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Schedule {
    /// 1.
    #[default]
    Constant,
    /// factor^k in the k-th group of `every` steps, k = 0, 1, 2, ...
    Step {
        /// Steps with the same learning rate; at least 1.
        every: u64,
        /// In 0..=1, but not 0.
        factor: f32,
    },
    /// 1 / (n + 1)^power.
    InverseScaling {
        /// At least 0 and finite; 0.5 is usual.
        power: f32,
    },
    /// (n + 1) / warm_up in the steps of the warm-up, and then (1 + cos(pi s)) / 2, with s going from 0 to 1 until `steps`
    /// have been taken; 0 after them (I. Loshchilov and F. Hutter 2017, without restarts).
    Cosine {
        /// Steps in which the learning rate rises.
        warm_up: u64,
        /// Steps in all; more than the warm-up.
        steps: u64,
    },
    /// 1 at first, and multiplied by `factor` whenever the loss has not become better in `patience` epochs in a row: that of
    /// the validation data in the epochs in which it is computed, or, without such data, that of training.
    ReduceOnPlateau {
        /// Epochs without an improvement; at least 1.
        patience: u64,
        /// In 0..1, but not 0.
        factor: f32,
        /// A loss is an improvement if it is less than the least so far by more than this; at least 0 and finite.
        min_improvement: f32,
        /// It becomes no smaller than this, in 0..=1.
        smallest: f32,
    },
}

/// How far the learning rate has been reduced on plateaus.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plateau {
    patience: Patience,
    pub factor: f64,
}

impl Plateau {
    pub(crate) fn new() -> Self {
        Plateau { patience: Patience::default(), factor: 1.0 }
    }

    pub(crate) fn can_count(&self) -> bool {
        self.patience.can_count()
    }

    /// Takes the loss after an epoch.
    pub(crate) fn observe(&mut self, schedule: Schedule, loss: f64) {
        let Schedule::ReduceOnPlateau { patience, factor, min_improvement, smallest } = schedule else { return };
        let _ = self.patience.is_best(loss, Goal::Minimize, f64::from(min_improvement));
        if self.patience.waited() >= patience {
            self.patience.wait_again();
            self.factor = (self.factor * f64::from(factor)).max(f64::from(smallest));
        }
    }
}

impl Schedule {
    pub(crate) fn validate(self) -> Result<(), Error> {
        let error = |name, value: String, range| Err(Error::Setting { name, value, range });
        match self {
            Schedule::Step { every: 0, .. } => error("steps with the same learning rate", "0".into(), "at least 1"),
            Schedule::Step { factor, .. } if !(factor > 0.0 && factor <= 1.0) => {
                error("factor of the learning rate", factor.to_string(), "above 0 and at most 1")
            }
            Schedule::InverseScaling { power } if !(power >= 0.0 && power.is_finite()) => {
                error("power of inverse scaling", power.to_string(), "at least 0 and finite")
            }
            Schedule::Cosine { warm_up, steps } if steps <= warm_up => {
                error("steps of the cosine schedule", steps.to_string(), "more than the steps of the warm-up")
            }
            Schedule::ReduceOnPlateau { patience: 0, .. } => error("patience on a plateau", "0".into(), "at least 1"),
            Schedule::ReduceOnPlateau { factor, .. } if !(factor > 0.0 && factor < 1.0) => {
                error("factor on a plateau", factor.to_string(), "above 0 and less than 1")
            }
            Schedule::ReduceOnPlateau { min_improvement, .. }
                if !(min_improvement >= 0.0 && min_improvement.is_finite()) =>
            {
                error("smallest improvement", min_improvement.to_string(), "at least 0 and finite")
            }
            Schedule::ReduceOnPlateau { smallest, .. } if !(0.0..=1.0).contains(&smallest) => {
                error("smallest factor on a plateau", smallest.to_string(), "from 0 to 1")
            }
            _ => Ok(()),
        }
    }

    /// The factor of the learning rate in step `step`, counted from 0. Where it depends on losses, it is that without any. That of a
    /// schedule that [`Trainer::new`](crate::Trainer::new) refuses means nothing.
    pub fn factor(self, step: u64) -> f64 {
        match self {
            Schedule::Constant | Schedule::ReduceOnPlateau { .. } => 1.0,
            Schedule::Step { every, factor } => whole_power(f64::from(factor), step.checked_div(every).unwrap_or(0)),
            Schedule::InverseScaling { power } => exp(-f64::from(power) * ln(step as f64 + 1.0)),
            Schedule::Cosine { warm_up, .. } if step < warm_up => (step + 1) as f64 / warm_up as f64,
            Schedule::Cosine { steps, .. } if step >= steps => 0.0,
            Schedule::Cosine { warm_up, steps } => {
                (1.0 + cos_of_pi_times((step - warm_up) as f64 / (steps - warm_up) as f64)) / 2.0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: f64, expected: f64, what: &str) {
        assert!((found - expected).abs() <= 2e-14 * expected.abs() + 1e-16, "{what}: {found}, not {expected}");
    }

    #[test]
    fn powers_are_those_of_the_formulas() {
        for power in [0.0f32, 0.25, 0.5, 1.0, 2.0] {
            for step in [0u64, 1, 2, 9, 1000, 123_456_789] {
                let expected = (step as f64 + 1.0).powf(-f64::from(power));
                assert_close(Schedule::InverseScaling { power }.factor(step), expected, "inverse scaling");
            }
        }
        let decay = Schedule::Step { every: 1, factor: 0.5 };
        assert_close(decay.factor(77), 0.5f64.powi(77), "power");
    }

    #[test]
    fn plateaus_reduce_the_learning_rate() {
        let (patience, factor, min_improvement, smallest) = (2, 0.5, 0.125, 0.2);
        let schedule = Schedule::ReduceOnPlateau { patience, factor, min_improvement, smallest };
        let mut plateau = Plateau::new();
        let mut factors = Vec::new();
        // The second loss is no improvement, being too near to the first one; the fourth one is.
        for loss in [1.0, 0.875, 1.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5] {
            plateau.observe(schedule, loss);
            factors.push(plateau.factor);
        }
        let smallest = f64::from(smallest);
        assert_eq!(factors, [1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 0.25, smallest, smallest, smallest]);
        assert_eq!(schedule.factor(7), 1.0);
    }

    #[test]
    fn the_schedules_go_their_way() {
        let factors = |schedule: Schedule, steps: &[u64]| -> Vec<f64> {
            steps.iter().map(|step| schedule.factor(*step)).collect()
        };
        assert_eq!(factors(Schedule::Constant, &[0, 1 << 60]), [1.0, 1.0]);
        let step = Schedule::Step { every: 3, factor: 0.5 };
        assert_eq!(factors(step, &[0, 2, 3, 5, 6, 1 << 60]), [1.0, 1.0, 0.5, 0.5, 0.25, 0.0]);
        assert_eq!(Schedule::InverseScaling { power: 0.5 }.factor(0), 1.0);
        let cosine = Schedule::Cosine { warm_up: 4, steps: 14 };
        assert_eq!(factors(cosine, &[0, 1, 3, 4, 14, 99]), [0.25, 0.5, 1.0, 1.0, 0.0, 0.0]);
        assert!((cosine.factor(9) - 0.5).abs() < 1e-15);
        assert!((4..14).all(|step| cosine.factor(step + 1) < cosine.factor(step)));
    }
}
