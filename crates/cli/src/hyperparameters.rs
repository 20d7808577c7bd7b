//! The arguments that say how to train.

use anyhow::anyhow;
use clap::Args;
use data::{PieceCount, Scaling};
use model::recipe::{ClassWeighting, Optimizer, Schedule, StoppingMetric};
use model::{Error, Recipe};
use net::Activation;

use crate::values::{self, Widths};

/// What [`Recipe`] has, as arguments.
#[derive(Args)]
#[command(next_help_heading = "Hyperparameters (those that are not given are chosen for the table)")]
pub struct Hyperparameters {
    /// Units in each hidden layer, separated by commas, such as 64,32
    #[arg(long, value_name = "UNITS")]
    hidden: Option<Widths>,

    /// Activation of the hidden layers: sigmoid, tanh, relu, silu or gelu
    #[arg(long)]
    activation: Option<Activation>,

    /// Optimiser: sgd (with momentum), nesterov, rmsprop, adam (with weight decay: AdamW) or lbfgs (on all rows at once,
    /// for small tables)
    #[arg(long)]
    optimizer: Option<Optimizer>,

    /// Length of a step
    #[arg(long, value_name = "RATE", value_parser = values::learning_rate)]
    learning_rate: Option<f32>,

    /// Part of the last step that is added to the next one, from 0 to below 1; of sgd and nesterov
    #[arg(long, value_parser = values::share)]
    momentum: Option<f32>,

    /// How the learning rate changes: constant, cosine, cosine:WARM_UP (a share of all steps), step:EPOCHS:FACTOR,
    /// inverse:POWER or plateau:EPOCHS:FACTOR (whenever so many epochs have not lowered the loss)
    #[arg(long)]
    schedule: Option<Schedule>,

    /// Times that every row is trained on, at most
    #[arg(long, value_name = "N", value_parser = values::epochs)]
    epochs: Option<usize>,

    /// Rows in a minibatch, for each of which the weights take one step
    #[arg(long, value_name = "ROWS", value_parser = values::batch_size)]
    batch_size: Option<usize>,

    /// How much weights decay in each step, decoupled from the gradient
    #[arg(long, value_name = "RATE", value_parser = values::not_negative)]
    weight_decay: Option<f32>,

    /// Part of a label that is shared out among all classes, from 0 to below 1
    #[arg(long, value_name = "SHARE", value_parser = values::share)]
    label_smoothing: Option<f32>,

    /// Largest length of the mean gradient; 0 for any
    #[arg(long, value_name = "LENGTH", value_parser = values::not_negative)]
    clip_norm: Option<f32>,

    /// Probability with which each hidden unit is dropped in training, from 0 to below 1
    #[arg(long, value_name = "PROBABILITY", value_parser = values::share)]
    dropout: Option<f32>,

    /// How numbers are scaled: standard (mean 0, standard deviation 1) or robust (by quartiles, outliers clipped)
    #[arg(long, value_name = "WAY", value_parser = values::scaling, visible_alias = "scaling")]
    scale: Option<Scaling>,

    /// Pieces into which the range of a column of numbers is cut, with an input for each: none, by-rows (more for more
    /// rows) or at most so many
    #[arg(long, value_name = "PIECES")]
    pieces: Option<PieceCount>,

    /// How much the rows of each class count in training: none, balanced, or labels with weights such as sick=5,well=1
    #[arg(long, value_name = "WEIGHTS")]
    class_weights: Option<ClassWeighting>,

    /// Networks to train, whose predictions are averaged
    #[arg(long, value_name = "N", value_parser = values::members)]
    ensemble: Option<usize>,

    /// Part of the rows to train on that each network is not trained on but judged by after each epoch; 0 for none
    #[arg(long, value_name = "FRACTION", value_parser = values::share_of_rows)]
    validation_fraction: Option<f64>,

    /// What is to improve on the validation rows: loss, or a metric such as roc-auc; the best epoch is kept
    #[arg(long)]
    metric: Option<StoppingMetric>,

    /// Epochs without improvement on the validation rows after which training stops; 0 for never
    #[arg(long, value_name = "EPOCHS", value_parser = values::patience)]
    patience: Option<usize>,

    /// Whether each network's probabilities are made as sure as its validation rows say they should be: true or false
    #[arg(long, value_name = "BOOL")]
    temperature: Option<bool>,

    /// Seed of all that is random: rows held out, first weights, order of the rows [default: 0]
    #[arg(long, value_name = "N", value_parser = values::seed)]
    seed: Option<u64>,
}

impl Hyperparameters {
    /// Those that are given.
    pub fn recipe(&self) -> Recipe {
        Recipe {
            hidden: self.hidden.clone().map(|widths| widths.0),
            activation: self.activation,
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            schedule: self.schedule,
            epochs: self.epochs,
            batch_size: self.batch_size,
            weight_decay: self.weight_decay,
            label_smoothing: self.label_smoothing,
            clip_norm: self.clip_norm,
            dropout: self.dropout,
            scaling: self.scale,
            pieces: self.pieces,
            class_weights: self.class_weights.clone(),
            ensemble: self.ensemble,
            validation_fraction: self.validation_fraction,
            metric: self.metric,
            patience: self.patience,
            temperature: self.temperature,
            seed: self.seed,
        }
    }

    /// The seed of splits.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(0)
    }
}

/// Names the table and the argument that helps, if it has too few rows to hold some of those to train on out.
pub fn with_advice(error: Error, file: &str) -> anyhow::Error {
    let cause = match &error {
        Error::Fold { source, .. } => &**source,
        error => error,
    };
    match cause {
        Error::NoValidation { .. } | Error::NoOwnWeight { .. } => {
            anyhow!("`{file}`: {error} (--validation-fraction 0)")
        }
        _ => error.into(),
    }
}
