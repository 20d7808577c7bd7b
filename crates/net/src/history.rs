//! The learning curves of a training.

use serde::{Deserialize, Serialize};

/// What each epoch of a training came to. In f64; as JSON and back, every bit stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The name of the scorer, if there was one.
    pub scorer: Option<String>,
    /// The epochs, in their order.
    pub epochs: Vec<EpochRecord>,
    /// The number of the epoch with the best weights, where early stopping kept them.
    pub best_epoch: Option<usize>,
}

/// What an epoch came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRecord {
    /// The epoch, counted from 1.
    pub number: usize,
    /// The mean over the samples of the loss that each had when its minibatch came, in nats for probabilities.
    pub training_loss: f64,
    /// The mean loss of the validation data after the epoch, where it was computed.
    pub validation_loss: Option<f64>,
    /// The score of the training data after the epoch, where it was computed.
    pub training_score: Option<f64>,
    /// The score of the validation data after the epoch, where it was computed.
    pub validation_score: Option<f64>,
    /// The learning rate of the epoch's last step, before what the optimiser makes of it.
    pub learning_rate: f64,
}

impl History {
    /// The training loss of each epoch.
    pub fn training_losses(&self) -> Vec<f64> {
        self.epochs.iter().map(|epoch| epoch.training_loss).collect()
    }

    /// The record of the epoch with the best weights, where early stopping kept them.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.epochs.iter().find(|epoch| Some(epoch.number) == self.best_epoch)
    }
}
