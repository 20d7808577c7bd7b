//! Checkpoints: all that a training is, in a [`container`](crate::container), so that it can be killed and go on.
//!
//! The description has the architecture, the options that change bits, the place in the epochs and how far the optimiser has
//! come. The metadata are the data's digests, the learning curves and the caller's own text. The tensors are those of three
//! kinds of networks of the same shape, as in a [model file](crate::format): the weights, with names that begin with
//! `network.`; the numbers that the optimiser keeps for each weight, with `optimizer1.` and so on; and the best weights so
//! far, if early stopping keeps them, with `best.`.
//!
//! The order of an epoch's samples is not in the file: it is a function of the seed, the epoch and the number of samples.

use std::path::{Path, PathBuf};
use std::slice;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::container::{Format, Reader, Unreadable, Writer};
use crate::format::{Architecture, network, read_layers, write_network};
use crate::optimizer::Progress;
use crate::trainer::{Snapshot, State};
use crate::{Error, Goal, History, Network, Run, Trainer, TrainingOptions, file};

/// The format of checkpoints, and the only version that this library reads.
pub const FORMAT: Format = Format { name: "checkpoint", version: 1 };

/// A training between two minibatches: [`Trainer::checkpoint`] takes it, [`Trainer::resume`] goes on from it, and
/// [`Run::checkpoints`] writes it to a file from time to time.
///
/// A training that goes on from a checkpoint ends in the bits of one that was not interrupted, also with another number of
/// threads or at another SIMD level, among those that fuse.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    options: TrainingOptions,
    run: RunDescription,
    metadata: String,
    snapshot: Snapshot,
}

/// What the result of a run depends on, besides the options.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunDescription {
    /// Digests.
    pub training_data: String,
    pub validation_data: Option<String>,
    pub validate_every: usize,
    pub scorer: Option<(String, Goal)>,
    pub scores_training: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    architecture: Architecture,
    options: TrainingOptions,
    state: State,
    progress: Progress,
    has_best: bool,
}

/// What may be long.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    run: RunDescription,
    history: History,
    metadata: String,
}

const NETWORK: &str = "network.";
const BEST: &str = "best.";

/// The prefix of an optimiser's slot, counted from 0 here and from 1 in the name.
fn slot_prefix(slot: usize) -> String {
    format!("optimizer{}.", slot + 1)
}

impl Checkpoint {
    /// Writes it to the file at `path`, which is replaced as a whole or not at all.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        file::write_atomically(path, &self.to_bytes())
    }

    /// Reads the checkpoint in the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read, is no checkpoint of this version, or was changed since it was written.
    pub fn load(path: &Path) -> Result<Checkpoint, Error> {
        Checkpoint::from_bytes(&file::read(path)?).map_err(|reason| Error::Checkpoint { path: path.to_owned(), reason })
    }

    /// The bytes of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Checkpoint { options, run, metadata, snapshot } = self;
        let Snapshot { network, best, slots, state, progress } = snapshot;
        let description = Description {
            architecture: Architecture::of(slice::from_ref(network)),
            options: options.clone(),
            state: state.clone(),
            progress: *progress,
            has_best: best.is_some(),
        };
        let metadata = Metadata { run: run.clone(), history: state.history.clone(), metadata: metadata.clone() };
        let mut writer = Writer::new(FORMAT, &description, &metadata);
        write_network(&mut writer, NETWORK, network);
        for (slot, numbers) in slots.iter().enumerate() {
            write_network(&mut writer, &slot_prefix(slot), numbers);
        }
        best.iter().for_each(|best| write_network(&mut writer, BEST, best));
        writer.finish()
    }

    /// Reads the bytes of a checkpoint's file.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, Unreadable> {
        let mut reader = Reader::open(FORMAT, bytes)?;
        let Description { architecture, options, mut state, progress, has_best } = reader.description()?;
        let shape = architecture.shape()?;
        options.validate().map_err(|error| Unreadable::Description(error.to_string()))?;
        let slots: Vec<String> = (0..options.optimizer.slots()).map(slot_prefix).collect();
        let prefixes = [NETWORK].into_iter().chain(slots.iter().map(|slot| &slot[..])).chain(has_best.then_some(BEST));
        let layers = prefixes.map(|prefix| read_layers(&mut reader, prefix, &shape));
        let layers = layers.collect::<Result<Vec<_>, Unreadable>>()?;
        let Metadata { run, history, metadata } = reader.metadata()?;
        reader.finish()?;
        state.history = history;
        if !(state.can_count() && progress.can_count()) {
            return Err(Unreadable::Description("it counts more steps or epochs than there can be".to_owned()));
        }
        // All that they hold is in the file: now there may be room for them.
        let mut networks = layers.into_iter().map(|layers| network(shape.clone(), layers));
        let network = networks.next().expect("the first prefix");
        let slots = networks.by_ref().take(slots.len()).collect();
        let snapshot = Snapshot { network, slots, best: networks.next(), state, progress };
        Ok(Checkpoint { options, run, metadata, snapshot })
    }

    /// The options of the training, but for the threads and the level, which are the default ones: they change no bit.
    pub fn options(&self) -> &TrainingOptions {
        &self.options
    }

    /// The text that [`Run::metadata`] gave it.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The learning curves so far.
    pub fn history(&self) -> &History {
        &self.snapshot.state.history
    }

    /// The network with the best weights so far, where early stopping keeps them; elsewhere, as it was.
    pub fn best_network(&self) -> &Network {
        self.snapshot.best.as_ref().unwrap_or(&self.snapshot.network)
    }
}

impl Trainer {
    /// All that the training is now.
    ///
    /// # Errors
    /// If a number is no longer finite.
    pub fn checkpoint(&self, run: &Run<'_>) -> Result<Checkpoint, Error> {
        Ok(Checkpoint {
            options: self.options().clone(),
            run: run.description().clone(),
            metadata: run.metadata.clone(),
            snapshot: self.snapshot()?,
        })
    }

    /// Goes on from a checkpoint, with the options and the run of its training. Only the number of epochs, the threads and
    /// the level may be other ones; [`Checkpoint::options`] has the options.
    ///
    /// # Errors
    /// If an option, the data or the scorer is another one, or the threads cannot be had.
    pub fn resume(checkpoint: Checkpoint, options: TrainingOptions, run: &Run<'_>) -> Result<Trainer, Error> {
        let kept = TrainingOptions { epochs: options.epochs, ..checkpoint.options };
        same(&kept, &options)?;
        same(&checkpoint.run, run.description())?;
        run.check(&checkpoint.snapshot.network.shape, &options)?;
        Trainer::from_snapshot(options, checkpoint.snapshot)
    }
}

/// Makes sure that both are the same, or says which field is not.
fn same<T: Serialize>(of_checkpoint: &T, given: &T) -> Result<(), Error> {
    let [of_checkpoint, given] = [of_checkpoint, given].map(|value| serde_json::to_value(value).expect("JSON"));
    let (Value::Object(of_checkpoint), Value::Object(given)) = (of_checkpoint, given) else { unreachable!("structs") };
    match of_checkpoint.into_iter().find(|(name, value)| given[name] != *value) {
        None => Ok(()),
        Some((name, value)) => {
            let text = |value: &Value| if value.is_null() { "none".to_owned() } else { value.to_string() };
            let (checkpoint, given) = (text(&value), text(&given[&name]));
            Err(Error::Resume { what: name.replace('_', " "), checkpoint, given })
        }
    }
}

/// How often a checkpoint is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// After the first minibatch that ends so long after the last checkpoint. With no time at all, after each.
    Time(Duration),
    /// After so many epochs; at least 1.
    Epochs(usize),
}

/// Where and when a run writes checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    path: PathBuf,
    pub every: Every,
    last: Instant,
    clock: Clock,
}

/// Reading the time takes as long as a few steps of the smallest network. So it is read about every millisecond.
#[derive(Debug)]
struct Clock {
    read: Instant,
    /// Minibatches from one reading to the next, and those left until then.
    interval: u32,
    left: u32,
}

impl Checkpoints {
    pub(crate) fn new(path: PathBuf, every: Every) -> Self {
        let now = Instant::now();
        Checkpoints { path, every, last: now, clock: Clock { read: now, interval: 0, left: 0 } }
    }

    /// Whether it is time for one after a minibatch.
    #[inline(always)]
    pub(crate) fn is_due(&mut self) -> bool {
        let Every::Time(time) = self.every else { return false };
        if self.clock.left > 0 {
            self.clock.left -= 1;
            return false;
        }
        let now = Instant::now();
        let since = now - self.clock.read;
        let interval =
            if since < Duration::from_millis(1) { 1 + 2 * self.clock.interval } else { self.clock.interval / 2 };
        let interval = if time.is_zero() { 0 } else { interval.min(1 << 12) };
        self.clock = Clock { read: now, interval, left: interval };
        now - self.last >= time
    }

    /// Whether it is time for one after so many epochs.
    pub(crate) fn is_due_after(&mut self, epochs: usize) -> bool {
        match self.every {
            Every::Time(_) => {
                self.clock.left = 0;
                self.is_due()
            }
            Every::Epochs(every) => epochs.is_multiple_of(every),
        }
    }

    /// Writes it.
    pub(crate) fn write(&mut self, checkpoint: &Checkpoint) -> Result<(), Error> {
        checkpoint.save(&self.path)?;
        self.last = Instant::now();
        Ok(())
    }
}
