//! When to stop, and which weights to keep.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Watches the validation data while training goes on, keeps the best weights, and ends the training when they have not
/// become better for a while (L. Prechelt 1998).
///
/// It needs data to validate on: [`Run::validation`](crate::Run::validation).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// What is to improve.
    pub monitor: Monitor,
    /// Training ends after so many validations in a row without an improvement that counts; at least 1. [`u64::MAX`] never ends
    /// it, but keeps the best weights.
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
