//! When to stop, and which weights to keep.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::patience::Patience;

/// Watches the validation data while training goes on, keeps the best weights, and ends the training when they have not
/// become better for a while (L. Prechelt 1998).
///
/// It needs data to validate on: [`Run::validation`](crate::Run::validation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// What is to improve.
    pub monitor: Monitor,
    /// Training ends after so many validations in a row without an improvement that counts, or as soon as none is possible any
    /// more, since no loss is below 0; at least 1. [`u64::MAX`] never ends it, but keeps the best weights.
    pub patience: u64,
    /// An improvement counts if the value is better than the last one that counted by more than this; at least 0 and finite.
    /// The weights of the best value are kept by however little it is better.
    pub min_improvement: f64,
}

/// What early stopping looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The mean loss of the validation data.
    #[default]
    Loss,
    /// The run's [`Scorer`](crate::Scorer), on the validation data.
    Score,
}

impl Default for EarlyStopping {
    /// 10 validations without any improvement of the loss.
    fn default() -> Self {
        EarlyStopping { monitor: Monitor::Loss, patience: 10, min_improvement: 0.0 }
    }
}

impl EarlyStopping {
    /// Whether a training with this patience ends.
    pub(crate) fn is_over(self, patience: &Patience) -> bool {
        let is_perfect =
            self.monitor == Monitor::Loss && patience.mark().is_some_and(|loss| loss <= self.min_improvement);
        patience.waited() >= self.patience || (is_perfect && self.patience < u64::MAX)
    }

    pub(crate) fn validate(self) -> Result<(), Error> {
        if self.patience == 0 {
            return Err(Error::Setting { name: "patience", value: "0".into(), range: "at least 1" });
        }
        let margin = self.min_improvement;
        match margin >= 0.0 && margin.is_finite() {
            true => Ok(()),
            false => {
                let (name, range) = ("smallest improvement", "at least 0 and finite");
                Err(Error::Setting { name, value: margin.to_string(), range })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Goal;

    #[test]
    fn what_is_perfect_is_not_waited_for() {
        let early = EarlyStopping { patience: 3, min_improvement: 0.1, ..Default::default() };
        let of = |early: EarlyStopping, losses: &[f64]| {
            let mut patience = Patience::default();
            for loss in losses {
                patience.is_best(*loss, Goal::Minimize, early.min_improvement);
            }
            early.is_over(&patience)
        };
        assert!(!of(early, &[0.5, 0.15]) && of(early, &[0.5, 0.1]) && of(early, &[0.5, 0.04]));
        // From 0.15, less than 0.05 would be progress.
        assert!(!of(early, &[0.5, 0.15, 0.08]));
        assert!(!of(EarlyStopping { patience: u64::MAX, ..early }, &[0.0]));
        assert!(!of(EarlyStopping { monitor: Monitor::Score, ..early }, &[0.0]));
        assert!(of(early, &[0.5, 0.6, 0.5, 0.5]));
    }
}
