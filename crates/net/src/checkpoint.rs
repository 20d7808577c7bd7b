//! Checkpoints: all that a training is, in a [`container`](crate::container), so that it can be killed and go on.
//!
//! A file holds one training or several, such as those of an ensemble, some of which may not have begun. The description
//! says how many. The metadata have of each training the architecture, the options that change bits, the place in the
//! epochs, how far the optimiser has come, the data's digests, the learning curves and the caller's own text; and then
//! another text of the caller's for all of them. The tensors are those of three kinds of networks of the same shape, as in
//! a [model file](crate::format): the weights, with names that begin with `network.`; the numbers that the optimiser keeps
//! for each weight, with `optimizer1.` and so on; and the best weights so far, if early stopping keeps them, with `best.`.
//! Of several trainings, `training1.` and so on stands before that.
//!
//! The order of an epoch's samples is not in the file: it is a function of the seed, the epoch and the number of samples.

use std::path::Path;
use std::slice;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::container::{Format, Numbers, Reader, Unreadable, Writer};
use crate::format::{Architecture, network, read_layers, write_network};
use crate::optimizer::Progress;
use crate::trainer::{Snapshot, State};
use crate::{Ending, Error, Goal, History, Network, Run, Shape, Trainer, TrainingOptions, file};

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

/// What the file says before the metadata.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    trainings: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    /// Those that have begun. (In boxes, so that those that have not take little room.)
    trainings: Vec<Option<Box<TrainingDescription>>>,
    metadata: String,
}

/// A checkpoint without its tensors.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrainingDescription {
    architecture: Architecture,
    options: TrainingOptions,
    run: RunDescription,
    state: State,
    progress: Progress,
    has_best: bool,
    history: History,
    metadata: String,
}

const NETWORK: &str = "network.";
const BEST: &str = "best.";

/// The prefix of an optimiser's slot, counted from 0 here and from 1 in the name.
fn slot_prefix(slot: usize) -> String {
    format!("optimizer{}.", slot + 1)
}

/// The prefix of a training, counted likewise; one alone has none.
fn training_prefix(training: usize, trainings: usize) -> String {
    if trainings == 1 { String::new() } else { format!("training{}.", training + 1) }
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
        to_bytes(slice::from_ref(&Some(self)), "")
    }

    /// Reads the bytes of a checkpoint's file.
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Checkpoint, Unreadable> {
        let (mut trainings, _) = from_bytes(bytes)?;
        match (trainings.pop().flatten(), trainings.len()) {
            (Some(training), 0) => Ok(training),
            _ => Err(Unreadable::Description("it is of an ensemble, not of one training".to_owned())),
        }
    }

    fn describe(&self) -> TrainingDescription {
        let Checkpoint { options, run, metadata, snapshot: Snapshot { network, best, state, progress, .. } } = self;
        TrainingDescription {
            architecture: Architecture::of(slice::from_ref(network)),
            options: options.clone(),
            run: run.clone(),
            state: state.clone(),
            progress: *progress,
            has_best: best.is_some(),
            history: state.history.clone(),
            metadata: metadata.clone(),
        }
    }

    fn write(&self, writer: &mut Writer, prefix: &str) {
        let Snapshot { network, best, slots, .. } = &self.snapshot;
        write_network(writer, &format!("{prefix}{NETWORK}"), network);
        for (slot, numbers) in slots.iter().enumerate() {
            write_network(writer, &format!("{prefix}{}", slot_prefix(slot)), numbers);
        }
        best.iter().for_each(|best| write_network(writer, &format!("{prefix}{BEST}"), best));
    }

    /// Why the training has ended, if it has.
    pub fn ending(&self) -> Option<Ending> {
        self.snapshot.state.ending(&self.options)
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

/// Writes the checkpoints of several trainings, some of which may not have begun, and a text to the file at `path`, which is
/// replaced as a whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn save_all(path: &Path, trainings: &[Option<Checkpoint>], metadata: &str) -> Result<(), Error> {
    let trainings: Vec<Option<&Checkpoint>> = trainings.iter().map(Option::as_ref).collect();
    file::write_atomically(path, &to_bytes(&trainings, metadata))
}

/// Reads all checkpoints of a file, and its text.
///
/// # Errors
/// As [`Checkpoint::load`].
pub fn load_all(path: &Path) -> Result<(Vec<Option<Checkpoint>>, String), Error> {
    from_bytes(&file::read(path)?).map_err(|reason| Error::Checkpoint { path: path.to_owned(), reason })
}

/// The bytes of a file of checkpoints, as [`save_all`] writes it.
pub fn to_bytes(trainings: &[Option<&Checkpoint>], metadata: &str) -> Vec<u8> {
    let described = trainings.iter().map(|training| training.map(|training| Box::new(training.describe()))).collect();
    let metadata = Metadata { trainings: described, metadata: metadata.to_owned() };
    let mut writer = Writer::new(FORMAT, &Description { trainings: trainings.len() }, &metadata);
    for (number, training) in trainings.iter().enumerate() {
        training.iter().for_each(|training| training.write(&mut writer, &training_prefix(number, trainings.len())));
    }
    writer.finish()
}

/// Reads the bytes of a file of checkpoints: each training, and the text for all of them.
///
/// # Errors
/// As [`Checkpoint::load`].
pub fn from_bytes(bytes: &[u8]) -> Result<(Vec<Option<Checkpoint>>, String), Unreadable> {
    let mut reader = Reader::open(FORMAT, bytes)?;
    let Description { trainings: count } = reader.description()?;
    let Metadata { trainings, metadata } = reader.metadata()?;
    if trainings.len() != count {
        let reason = format!("it describes {} trainings where there should be {count}", trainings.len());
        return Err(Unreadable::Description(reason));
    }
    let mut found = Vec::new();
    for (number, training) in trainings.into_iter().enumerate() {
        let prefix = training_prefix(number, count);
        found.push(training.map(|training| training.find(&mut reader, &prefix)).transpose()?);
    }
    reader.finish()?;
    // All that they hold is in the file: now there may be room for them.
    Ok((found.into_iter().map(|training| training.map(Found::build)).collect(), metadata))
}

/// A training whose numbers are still in the file.
struct Found<'a> {
    description: Box<TrainingDescription>,
    shape: Shape,
    /// Of each network, its layers.
    networks: Vec<Vec<[Numbers<'a>; 2]>>,
}

impl TrainingDescription {
    fn find<'a>(self: Box<Self>, reader: &mut Reader<'a>, prefix: &str) -> Result<Found<'a>, Unreadable> {
        let shape = self.architecture.shape()?;
        self.options.validate().map_err(|error| Unreadable::Description(error.to_string()))?;
        if !(self.state.can_count() && self.progress.can_count()) {
            return Err(Unreadable::Description("it counts more steps or epochs than there can be".to_owned()));
        }
        let slots: Vec<String> = (0..self.options.optimizer.slots()).map(slot_prefix).collect();
        let names =
            [NETWORK].into_iter().chain(slots.iter().map(|slot| &slot[..])).chain(self.has_best.then_some(BEST));
        let networks = names.map(|name| read_layers(reader, &format!("{prefix}{name}"), &shape));
        let networks = networks.collect::<Result<Vec<_>, Unreadable>>()?;
        Ok(Found { description: self, shape, networks })
    }
}

impl Found<'_> {
    fn build(self) -> Checkpoint {
        let Found { description, shape, networks } = self;
        let TrainingDescription { options, run, mut state, progress, history, metadata, .. } = *description;
        state.history = history;
        let mut networks = networks.into_iter().map(|layers| network(shape.clone(), layers));
        let network = networks.next().expect("the first one");
        let slots = networks.by_ref().take(options.optimizer.slots()).collect();
        let snapshot = Snapshot { network, slots, best: networks.next(), state, progress };
        Checkpoint { options, run, metadata, snapshot }
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

/// Makes sure that what a checkpoint has is what is given, or says which field is not, by way of their JSON.
///
/// # Errors
/// If they are not the same: [`Error::Resume`].
///
/// # Panics
/// If they do not become objects of JSON.
pub fn same<T: Serialize>(of_checkpoint: &T, given: &T) -> Result<(), Error> {
    // By way of its text, an f32 has no more digits than it needs.
    let value = |value: &T| serde_json::from_str(&serde_json::to_string(value)?);
    let [of_checkpoint, given] = [of_checkpoint, given].map(|given| value(given).expect("it becomes JSON"));
    let (Value::Object(of_checkpoint), Value::Object(given)) = (of_checkpoint, given) else {
        panic!("only objects have fields to be compared")
    };
    // A field that one of them lacks is none.
    let value = |of: &Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    let differs = |name: &&String| value(&of_checkpoint, name) != value(&given, name);
    match of_checkpoint.keys().chain(given.keys()).find(differs) {
        None => Ok(()),
        Some(name) => {
            let text = |value: Value| if value.is_null() { "none".to_owned() } else { value.to_string() };
            let (checkpoint, given) = (text(value(&of_checkpoint, name)), text(value(&given, name)));
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

/// When a run takes checkpoints, and what becomes of them.
pub(crate) struct Checkpoints<'a> {
    pub every: Every,
    keep: Box<Keep<'a>>,
    last: Instant,
    clock: Clock,
}

type Keep<'a> = dyn FnMut(Checkpoint) -> Result<(), Error> + Send + 'a;

/// Reading the time takes as long as a few steps of the smallest network. So it is read about every millisecond.
#[derive(Debug)]
struct Clock {
    read: Instant,
    /// Minibatches from one reading to the next, and those left until then.
    interval: u32,
    left: u32,
}

impl<'a> Checkpoints<'a> {
    pub(crate) fn new(every: Every, keep: Box<Keep<'a>>) -> Self {
        let now = Instant::now();
        Checkpoints { every, keep, last: now, clock: Clock { read: now, interval: 0, left: 0 } }
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

    /// Gives one away.
    pub(crate) fn keep(&mut self, checkpoint: Checkpoint) -> Result<(), Error> {
        (self.keep)(checkpoint)?;
        self.last = Instant::now();
        Ok(())
    }
}
