//! What can go wrong, each with one line that says what to do.

use std::io;
use std::path::PathBuf;

use crate::OutputLayer;
use crate::container::Unreadable;
use crate::dataset::TargetKind;

/// Why a call of this library failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A layer without units, or with more weights than memory can hold.
    #[error("{0}")]
    Shape(String),

    /// A data set whose parts do not fit together, or with numbers that are not finite.
    #[error("{0}")]
    Data(String),

    /// A sample's weight that is negative, infinite or NaN.
    #[error("row {row}: the weight is {weight}, but must be finite and at least 0")]
    Weight {
        /// The row, counted from 1.
        row: usize,
        /// Its weight.
        weight: f32,
    },

    /// A setting outside its range.
    #[error("{name} is {value}, but must be {range}")]
    Setting {
        /// What the setting is called.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        range: &'static str,
    },

    /// Numbers of rows or columns that do not fit the network.
    #[error("{what} has {found} numbers, but the network wants {expected}")]
    Length {
        /// Which argument.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that fits.
        expected: usize,
    },

    /// Targets of another kind, or of another number, than the network's output layer wants.
    #[error("the targets of the data are {found}, but the network's output layer wants {expected}")]
    Targets {
        /// What the data set has.
        found: TargetKind,
        /// What the network wants.
        expected: TargetKind,
    },

    /// A prediction that the network's output layer does not make.
    #[error("a network with a {output_layer} output layer has no {asked}, but {}", output_layer.predictions())]
    Prediction {
        /// What was asked for.
        asked: &'static str,
        /// What kind of output layer it has.
        output_layer: OutputLayer,
    },

    /// The loss or a weight became infinite or NaN.
    #[error(
        "training diverged in epoch {epoch}, batch {batch}: the {what} is not finite; try a smaller learning rate \
         (it is {learning_rate}) and make sure that the features are standardised"
    )]
    Diverged {
        /// The epoch, counted from 1; 0 in [`Trainer::step`](crate::Trainer::step), which knows none.
        epoch: usize,
        /// The minibatch in the epoch, counted from 1.
        batch: usize,
        /// What is not finite: the loss, the validation loss or the largest weight.
        what: &'static str,
        /// The learning rate that was too large, most likely.
        learning_rate: f32,
    },

    /// A scorer that has no value for some predictions.
    #[error("the {name} cannot be computed: {reason}")]
    Score {
        /// What the scorer is called.
        name: String,
        /// Why not.
        reason: String,
    },

    /// Something that a run of training needs and does not have.
    #[error("{0}")]
    Run(&'static str),

    /// More memory than there is.
    #[error(
        "{what} would take {wanted} bytes of memory, but {available} are free; choose narrower layers or smaller minibatches"
    )]
    Memory {
        /// What would take it.
        what: &'static str,
        /// The bytes that it would take.
        wanted: String,
        /// The bytes that are free.
        available: String,
    },

    /// Threads could not be started.
    #[error("cannot start {count} threads: {reason}; ask for fewer")]
    Threads {
        /// How many were asked for.
        count: usize,
        /// What the system says.
        reason: String,
    },

    /// A file that cannot be read or written.
    #[error("cannot {action} `{}`: {source}", path.display())]
    File {
        /// What was tried: read or write.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },

    /// A file that is not a model of this library, or is damaged.
    #[error("{} is not a usable model file: {reason}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        reason: Unreadable,
    },

    /// A file that is not a checkpoint of this library, or is damaged.
    #[error("{} is not a usable checkpoint: {reason}", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        reason: Unreadable,
    },

    /// A checkpoint of another training.
    #[error("the checkpoint cannot be resumed: its {what} is {checkpoint}, but {given} is given")]
    Resume {
        /// What is different.
        what: String,
        /// What it was, as JSON.
        checkpoint: String,
        /// What it is now, as JSON.
        given: String,
    },
}
