//! What a network is trained on and judged by, and who looks on.

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::checkpoint::{Checkpoint, Checkpoints, Every, RunDescription};
use crate::early_stopping::Monitor;
use crate::{Dataset, Error, Goal, Scorer, Shape, Trainer, TrainingOptions};

/// A run of training, for [`Trainer::run`](crate::Trainer::run): the samples, those to validate on, what is computed after an
/// epoch, and who is told.
///
/// ```
/// use std::ops::ControlFlow;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use net::metrics::Metric;
/// use net::{Dataset, EarlyStopping, Network, Run, Scorer, Trainer, TrainingOptions};
///
/// # let table = |rows: usize| {
/// #     let features: Vec<f32> = (0..2 * rows).map(|i| (i * i % 7) as f32 - 3.0).collect();
/// #     let targets = features.chunks(2).map(|x| if x[0] > x[1] { 1.0 } else { 0.0 }).collect();
/// #     Dataset::new(2, features, targets)
/// # };
/// let (training, validation) = (table(200)?, table(50)?);
/// // A handler of Ctrl-C would set it.
/// static INTERRUPTED: AtomicBool = AtomicBool::new(false);
///
/// let mut run = Run::new(&training)
///     .validation(&validation)
///     .scorer(Scorer::of(Metric::RocAuc))
///     .on_batch(|_| match INTERRUPTED.load(Ordering::Relaxed) {
///         true => ControlFlow::Break(()),
///         false => ControlFlow::Continue(()),
///     })
///     .on_epoch(|epoch| {
///         println!("{}: {:.4}, {:.4}", epoch.number, epoch.mean_loss, epoch.validation_loss.unwrap());
///         ControlFlow::Continue(())
///     });
/// let early_stopping = Some(EarlyStopping { patience: 3, ..Default::default() });
/// let options = TrainingOptions { epochs: 20, early_stopping, ..Default::default() };
/// let mut trainer = Trainer::new(Network::builder(2).hidden(&[4]).build()?, options)?;
/// let ending = trainer.run(&mut run)?;
/// println!("{ending}; the best epoch was {:?}", trainer.history().best());
/// let network = trainer.into_network(); // with the weights of that epoch
/// # Ok::<(), net::Error>(())
/// ```
#[must_use = "a run does nothing until `Trainer::run`"]
pub struct Run<'a> {
    pub(crate) data: &'a Dataset,
    pub(crate) validation: Option<&'a Dataset>,
    pub(crate) validate_every: usize,
    pub(crate) scorer: Option<Scorer<'a>>,
    pub(crate) scores_training: bool,
    on_batch: Option<Hook<'a, Batch>>,
    on_epoch: Option<Hook<'a, Epoch>>,
    checkpoints: Option<Checkpoints<'a>>,
    pub(crate) metadata: String,
    /// Made when it is wanted: it takes a pass over the data.
    description: OnceLock<RunDescription>,
}

/// The validation data, by their digest, and the scorer, if it counts, by its name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Yardstick {
    validation_data: Option<String>,
    scorer: Option<(String, Goal)>,
}

type Hook<'a, T> = Box<dyn FnMut(&T) -> ControlFlow<()> + Send + 'a>;

/// Where a training stands after a minibatch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Batch {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// This minibatch in the epoch, counted from 1.
    pub number: usize,
    /// Minibatches in the epoch.
    pub of: usize,
    /// The mean over the samples of the epoch so far of the loss that each had when its minibatch came.
    pub mean_loss: f64,
}

/// What a callback learns after an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// This epoch, counted from 1.
    pub number: usize,
    /// Epochs in all.
    pub of: usize,
    /// The mean over the samples of the loss that each had when its minibatch came, in nats.
    pub mean_loss: f64,
    /// The mean loss of the validation data after the epoch, if it was computed.
    pub validation_loss: Option<f64>,
    /// The score of the training data after the epoch, if it was computed.
    pub training_score: Option<f64>,
    /// The score of the validation data after the epoch, if it was computed.
    pub validation_score: Option<f64>,
    /// Whether early stopping keeps the weights of this epoch as the best ones so far.
    pub is_best: bool,
    /// Samples seen in this epoch; fewer than all if the epoch had been begun before.
    pub samples: usize,
    /// How long they took, without the validation.
    pub seconds: f64,
}

/// Why a run of training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Epochs,
    /// There was no improvement for as long as early stopping waits.
    Patience,
    /// A callback said so. The same run can go on later.
    Stopped,
}

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Ending::Epochs => "all epochs are done",
            Ending::Patience => "no more improvement",
            Ending::Stopped => "stopped",
        })
    }
}

impl<'a> Run<'a> {
    /// Trains on `data`, and does nothing besides.
    pub fn new(data: &'a Dataset) -> Self {
        Run {
            data,
            validation: None,
            validate_every: 1,
            scorer: None,
            scores_training: false,
            on_batch: None,
            on_epoch: None,
            checkpoints: None,
            metadata: String::new(),
            description: OnceLock::new(),
        }
    }

    /// Computes the mean loss of `data` after each epoch, as that of training but with the weights after the epoch.
    pub fn validation(mut self, data: &'a Dataset) -> Self {
        self.validation = Some(data);
        self.described_anew()
    }

    /// Validates and scores only after every so many epochs; at least 1.
    pub fn validate_every(mut self, epochs: usize) -> Self {
        self.validate_every = epochs;
        self.described_anew()
    }

    /// Computes a score of the validation data as well.
    pub fn scorer(mut self, scorer: Scorer<'a>) -> Self {
        self.scorer = Some(scorer);
        self.described_anew()
    }

    /// Computes that score of the training data, too, for which it predicts all of them after the epoch.
    pub fn score_training(mut self) -> Self {
        self.scores_training = true;
        self.described_anew()
    }

    /// Calls `hook` after each minibatch. If it breaks, training stops there.
    pub fn on_batch(mut self, hook: impl FnMut(&Batch) -> ControlFlow<()> + Send + 'a) -> Self {
        self.on_batch = Some(Box::new(hook));
        self
    }

    /// Calls `hook` after each epoch. If it breaks, training stops there.
    pub fn on_epoch(mut self, hook: impl FnMut(&Epoch) -> ControlFlow<()> + Send + 'a) -> Self {
        self.on_epoch = Some(Box::new(hook));
        self
    }

    /// Writes a checkpoint to the file at `path` from time to time, and at the end of each run, also of one that a callback
    /// stops. Training ends with an error if that is impossible.
    pub fn checkpoints(self, path: impl Into<PathBuf>, every: Every) -> Self {
        let path = path.into();
        self.on_checkpoint(every, move |checkpoint| checkpoint.save(&path))
    }

    /// As [`Run::checkpoints`], but gives the checkpoints to `keep`.
    pub fn on_checkpoint(
        mut self,
        every: Every,
        keep: impl FnMut(Checkpoint) -> Result<(), Error> + Send + 'a,
    ) -> Self {
        self.checkpoints = Some(Checkpoints::new(every, Box::new(keep)));
        self
    }

    /// A text for the checkpoints, such as the caller's own settings: [`Checkpoint::metadata`](crate::checkpoint::Checkpoint::metadata).
    pub fn metadata(mut self, text: impl Into<String>) -> Self {
        self.metadata = text.into();
        self
    }

    /// A description that was made before is not of this run any more.
    fn described_anew(self) -> Self {
        Run { description: OnceLock::new(), ..self }
    }

    /// What early stopping judges by: values of others cannot be compared.
    pub(crate) fn yardstick(&self, monitor: Monitor) -> Yardstick {
        let scorer = match monitor {
            Monitor::Loss => None,
            Monitor::Score => self.name_and_goal(),
        };
        Yardstick { validation_data: self.validation_digest(), scorer }
    }

    fn validation_digest(&self) -> Option<String> {
        self.validation.map(|data| data.fingerprint().to_string())
    }

    fn name_and_goal(&self) -> Option<(String, Goal)> {
        self.scorer.as_ref().map(|scorer| (scorer.name().to_owned(), scorer.goal()))
    }

    /// What the result depends on, besides the options.
    pub(crate) fn description(&self) -> &RunDescription {
        self.description.get_or_init(|| RunDescription {
            training_data: self.data.fingerprint().to_string(),
            validation_data: self.validation_digest(),
            validate_every: self.validate_every,
            scorer: self.name_and_goal(),
            scores_training: self.scores_training,
        })
    }

    /// Whether a network of this shape can be trained in it with these options.
    pub(crate) fn check(&self, shape: &Shape, options: &TrainingOptions) -> Result<(), Error> {
        self.data.check_fits(shape)?;
        if let Some(validation) = self.validation {
            validation.check_fits(shape)?;
        }
        let least_one = |name| Err(Error::Setting { name, value: "0".into(), range: "at least 1" });
        if self.validate_every == 0 {
            return least_one("epochs from one validation to the next");
        }
        if self.checkpoints.as_ref().is_some_and(|checkpoints| checkpoints.every == Every::Epochs(0)) {
            return least_one("epochs from one checkpoint to the next");
        }
        match (options.early_stopping, self.validation, &self.scorer) {
            (Some(_), None, _) => {
                Err(Error::Run("early stopping needs data to validate on; the training data itself is possible, too"))
            }
            (Some(early), _, None) if early.monitor == Monitor::Score => {
                Err(Error::Run("early stopping on a score needs a scorer"))
            }
            _ => Ok(()),
        }
    }

    #[inline(always)]
    pub(crate) fn after_batch(&mut self, trainer: &Trainer) -> Result<ControlFlow<()>, Error> {
        if self.checkpoints.as_mut().is_some_and(|checkpoints| checkpoints.is_due()) {
            self.write_checkpoint(trainer)?;
        }
        Ok(match &mut self.on_batch {
            Some(hook) => hook(&trainer.batch(self.data)),
            None => ControlFlow::Continue(()),
        })
    }

    pub(crate) fn after_epoch(&mut self, trainer: &Trainer, epoch: &Epoch) -> Result<ControlFlow<()>, Error> {
        if self.checkpoints.as_mut().is_some_and(|checkpoints| checkpoints.is_due_after(epoch.number)) {
            self.write_checkpoint(trainer)?;
        }
        Ok(match &mut self.on_epoch {
            Some(hook) => hook(epoch),
            None => ControlFlow::Continue(()),
        })
    }

    pub(crate) fn at_end(&mut self, trainer: &Trainer) -> Result<(), Error> {
        if self.checkpoints.is_some() { self.write_checkpoint(trainer) } else { Ok(()) }
    }

    #[cold]
    fn write_checkpoint(&mut self, trainer: &Trainer) -> Result<(), Error> {
        let checkpoint = trainer.checkpoint(self)?;
        self.checkpoints.as_mut().map_or(Ok(()), |checkpoints| checkpoints.keep(checkpoint))
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = (self.data.rows(), self.validation.map(Dataset::rows));
        formatter.debug_struct("Run").field("rows", &rows).field("scorer", &self.scorer).finish_non_exhaustive()
    }
}
