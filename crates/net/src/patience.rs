//! Waiting for a number to improve: for early stopping, and for the learning rate on a plateau.

use serde::{Deserialize, Serialize};

/// Which values of a number are the better ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// The small ones, as of a loss.
    Minimize,
    /// The large ones, as of an accuracy.
    Maximize,
}

/// The best value so far, and how many came after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patience {
    best: Option<f64>,
    waited: u64,
}

impl Patience {
    /// Takes the next value, and says whether it is the best one: better than the best so far by more than `margin`. The
    /// first one is.
    pub(crate) fn improves(&mut self, value: f64, goal: Goal, margin: f64) -> bool {
        let improves = self.best.is_none_or(|best| match goal {
            Goal::Minimize => value < best - margin,
            Goal::Maximize => value > best + margin,
        });
        if improves {
            self.best = Some(value);
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        improves
    }

    /// Values in a row that were no improvement.
    pub(crate) fn waited(&self) -> u64 {
        self.waited
    }

    /// Starts to count anew; the best value stays.
    pub(crate) fn wait_again(&mut self) {
        self.waited = 0;
    }
}
