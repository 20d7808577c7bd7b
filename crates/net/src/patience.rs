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

/// No training comes to so many steps or epochs: a file that says so is wrong.
pub(crate) const MOST_COUNTED: u64 = 1 << 53;

/// The best value so far, and how many have come since there was progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patience {
    best: Option<f64>,
    /// The last value that was progress. Many small steps from it are progress together.
    mark: Option<f64>,
    waited: u64,
}

impl Patience {
    /// Takes the next value, and says whether it is the best one so far. It is progress if it is better than the last
    /// progress by more than `margin`. The first one is both.
    pub(crate) fn is_best(&mut self, value: f64, goal: Goal, margin: f64) -> bool {
        let exceeds = |other: Option<f64>, margin: f64| {
            other.is_none_or(|other| match goal {
                Goal::Minimize => value < other - margin,
                Goal::Maximize => value > other + margin,
            })
        };
        if exceeds(self.mark, margin) {
            self.mark = Some(value);
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        let is_best = exceeds(self.best, 0.0);
        if is_best {
            self.best = Some(value);
        }
        is_best
    }

    /// Whether it can go on counting for longer than anybody waits.
    pub(crate) fn can_count(&self) -> bool {
        self.waited < MOST_COUNTED
    }

    /// Values in a row that were no progress.
    pub(crate) fn waited(&self) -> u64 {
        self.waited
    }

    /// The last value that was progress.
    pub(crate) fn mark(&self) -> Option<f64> {
        self.mark
    }

    /// Starts to count anew; the best value stays.
    pub(crate) fn wait_again(&mut self) {
        self.waited = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_steps_are_the_best_and_progress_only_together() {
        let mut patience = Patience::default();
        let taken = [5.0, 4.5, 3.9, 3.9, 4.0, 3.5].map(|value| {
            let is_best = patience.is_best(value, Goal::Minimize, 1.0);
            (is_best, patience.waited())
        });
        assert_eq!(taken, [(true, 0), (true, 1), (true, 0), (false, 1), (false, 2), (true, 3)]);
        let mut patience = Patience::default();
        let taken = [1.0, 1.5, 2.5, 2.0].map(|value| patience.is_best(value, Goal::Maximize, 1.0));
        assert_eq!((taken, patience.waited()), ([true, true, true, false], 1));
    }
}
