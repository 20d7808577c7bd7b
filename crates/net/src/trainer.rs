//! Minibatch training.

use std::ops::ControlFlow;
use std::time::Instant;

use kernels::Level;
use serde::{Deserialize, Serialize};

use crate::early_stopping::Monitor;
use crate::engine::Engine;
use crate::forward_sweep::{ForwardSweep, Prediction};
use crate::loss::LossSum;
use crate::optimizer::Progress;
use crate::parallel::{Pool, Team};
use crate::patience::{Goal, MOST_COUNTED, Patience};
use crate::random::Random;
use crate::run::Yardstick;
use crate::tuning::{Tuning, Tunings};
use crate::{
    Batch, Dataset, EarlyStopping, Ending, Epoch, EpochRecord, Error, History, Network, Optimizer, Run, Schedule,
    Scorer, Threads, memory,
};

/// How to train.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingOptions {
    /// Passes over the data, in all; at least 1.
    pub epochs: usize,
    /// Samples in a minibatch (the last one of an epoch may have fewer); at least 1. More than the data set has rows means
    /// all of them.
    pub batch_size: usize,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// How the learning rate changes from step to step.
    pub schedule: Schedule,
    /// How much weights, but not biases, decay in each step: w <- (1 - learning_rate weight_decay) w, decoupled from the
    /// gradient (I. Loshchilov and F. Hutter 2019), before the optimiser's step. At least 0, and such that the factor is
    /// above 0. For plain gradient descent that is L2 regularisation, a loss of weight_decay |w|^2 / 2 more.
    pub weight_decay: f32,
    /// The largest length of the mean gradient, over all weights and biases; a longer one is scaled down to it (R. Pascanu
    /// and others 2013). Positive.
    pub clip_norm: Option<f32>,
    /// The probability with which each unit of each hidden layer is dropped, of every sample in every step anew, and the other
    /// ones multiplied by 1 / (1 - dropout) (N. Srivastava and others 2014). In 0..1. Predictions use all units.
    pub dropout: f32,
    /// The seed of the order of the samples, which is new in each epoch, and of the units that are dropped.
    pub seed: u64,
    /// Whether to keep the best weights, and when to stop before all epochs are done.
    pub early_stopping: Option<EarlyStopping>,
    /// The threads. They change how long training takes, and no bit of its result.
    #[serde(skip)]
    pub threads: Threads,
    /// The SIMD level; networks of a few units in each layer are computed at a narrower one ([`Level::for_units`]). The levels that
    /// fuse multiply and add give the same bits.
    #[serde(skip, default = "Level::best")]
    pub level: Level,
}

impl Default for TrainingOptions {
    /// 100 epochs of minibatches of 32, with momentum, at the best level, on one thread.
    fn default() -> Self {
        TrainingOptions {
            epochs: 100,
            batch_size: 32,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            weight_decay: 0.0,
            clip_norm: None,
            dropout: 0.0,
            seed: 0,
            early_stopping: None,
            threads: Threads::default(),
            level: Level::best(),
        }
    }
}

impl TrainingOptions {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let error = |name, value: String, range| Err(Error::Setting { name, value, range });
        for (name, value) in [("epochs", self.epochs), ("batch size", self.batch_size)] {
            if value == 0 {
                return error(name, value.to_string(), "at least 1");
            }
        }
        self.optimizer.validate()?;
        self.schedule.validate()?;
        self.early_stopping.map_or(Ok(()), EarlyStopping::validate)?;
        let (decay, rate) = (self.weight_decay, self.optimizer.learning_rate());
        if !(decay >= 0.0 && f64::from(rate) * f64::from(decay) < 1.0) {
            let value = format!("{decay} with a learning rate of {rate:?}");
            return error("weight decay", value, "at least 0 and less than 1 / learning rate");
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return error("dropout", self.dropout.to_string(), "at least 0 and less than 1");
        }
        match self.clip_norm {
            Some(norm) if !(norm > 0.0 && norm.is_finite()) => {
                error("largest norm of the gradient", norm.to_string(), "positive and finite")
            }
            _ => Ok(()),
        }
    }
}

/// Trains a [`Network`] by minibatches.
///
/// The same network, data, options and version give the same bits, whatever the thread count and, among the levels that
/// fuse, whatever the level.
///
/// ```
/// use net::{Activation, Dataset, Network, Optimizer, Trainer, TrainingOptions};
///
/// // Exclusive or: t = 1 where the inputs differ.
/// let features = vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
/// let data = Dataset::new(2, features.clone(), vec![0.0, 1.0, 1.0, 0.0])?;
///
/// let network = Network::builder(2).hidden(&[8]).activation(Activation::Tanh).seed(3).build()?;
/// let optimizer = Optimizer::Sgd { learning_rate: 0.5, momentum: 0.9 };
/// let options = TrainingOptions { epochs: 500, batch_size: 4, optimizer, ..Default::default() };
/// let mut trainer = Trainer::new(network, options)?;
/// trainer.train(&data, |_epoch| std::ops::ControlFlow::Continue(()))?;
/// let losses = trainer.history().training_losses();
/// assert!(losses.last() < losses.first());
///
/// let network = trainer.into_network();
/// assert!(network.prob_t1(&[0.0, 1.0])? > 0.9);
/// assert!(network.prob_t0(&[1.0, 1.0])? > 0.9); // the output itself: p(t = 0)
/// # Ok::<(), net::Error>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    network: Network,
    options: TrainingOptions,
    engine: Engine,
    state: State,
    /// The best weights so far, where early stopping keeps them.
    best: Option<Network>,
    /// What a run judged them by.
    yardstick: Option<Yardstick>,

    /// Whatever follows is scratch memory, or changes no bit of a result.
    pool: Pool,
    order: Vec<u32>,
    minibatch: Vec<u32>,
    sweep: ForwardSweep,
    predictions: Vec<f32>,
    /// The choices of threads for the steps of an epoch and for single steps.
    in_epochs: Tunings,
    in_single_steps: Tunings,
    /// The shortest time, in seconds, that it took to call the threads together and to let them go.
    assembly: f64,
}

/// How far a training has come, besides its weights and its optimiser.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    epochs_done: usize,
    /// Minibatches done of the epoch after those, and their losses.
    batches_done: usize,
    loss: LossSum,
    /// That of early stopping.
    patience: Patience,
    /// Apart from the rest in a file, since it may be long.
    #[serde(skip)]
    pub history: History,
}

impl State {
    /// Whether there is nothing left to do.
    pub(crate) fn ending(&self, options: &TrainingOptions) -> Option<Ending> {
        if options.early_stopping.is_some_and(|early| early.is_over(&self.patience)) {
            return Some(Ending::Patience);
        }
        (self.epochs_done >= options.epochs).then_some(Ending::Epochs)
    }

    /// Whether it can go on counting.
    pub(crate) fn can_count(&self) -> bool {
        [self.epochs_done, self.batches_done].iter().all(|count| (*count as u64) < MOST_COUNTED)
            && self.patience.can_count()
    }
}

/// A training: all that it depends on from here on, besides its options and its run.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    pub network: Network,
    pub best: Option<Network>,
    /// The numbers that the optimiser keeps for each weight.
    pub slots: Vec<Network>,
    pub state: State,
    pub progress: Progress,
}

impl Trainer {
    /// Prepares to train `network`: with random weights, or with those of another training or of a file.
    ///
    /// # Errors
    /// If an option is out of its range, memory cannot hold what the optimiser keeps, or the threads cannot be had.
    pub fn new(network: Network, options: TrainingOptions) -> Result<Trainer, Error> {
        options.validate()?;
        memory::check("the optimiser of this network", Some(Engine::bytes(&network, &options)))?;
        let pool = Pool::new(options.threads)?;
        let engine = Engine::new(&network, &options);
        let tunings = Tunings::new(pool.threads());
        let sweep = ForwardSweep::new(&network, pool.threads());
        Ok(Trainer {
            network,
            options,
            engine,
            state: State::default(),
            best: None,
            yardstick: None,
            pool,
            order: Vec::new(),
            minibatch: Vec::new(),
            sweep,
            predictions: Vec::new(),
            in_epochs: tunings.clone(),
            in_single_steps: tunings,
            assembly: f64::INFINITY,
        })
    }

    /// All that the training is now.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, Error> {
        let slots = self.engine.kept(&self.network);
        if !slots.iter().chain([&self.network]).all(|numbers| numbers.parameters.are_finite(self.options.level)) {
            return Err(self.diverged("largest weight"));
        }
        Ok(Snapshot {
            network: self.network.clone(),
            best: self.best.clone(),
            slots,
            state: self.state.clone(),
            progress: self.engine.progress(),
        })
    }

    /// Goes on from there.
    pub(crate) fn from_snapshot(options: TrainingOptions, snapshot: Snapshot) -> Result<Trainer, Error> {
        let Snapshot { network, best, slots, state, progress } = snapshot;
        let mut trainer = Trainer::new(network, options)?;
        trainer.engine.restore(progress, &slots);
        Ok(Trainer { best, state, ..trainer })
    }

    /// The options, with the epochs that were added.
    pub fn options(&self) -> &TrainingOptions {
        &self.options
    }

    /// Trains until the epochs of the options are done, or until `on_epoch`, which may look on after each, stops it: a
    /// [`Run`] of nothing but `data`. [`Trainer::history`] has the losses.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn train(
        &mut self,
        data: &Dataset,
        on_epoch: impl FnMut(&Epoch) -> ControlFlow<()> + Send,
    ) -> Result<Ending, Error> {
        self.run(&mut Run::new(data).on_epoch(on_epoch))
    }

    /// Trains until the epochs of the options are done, early stopping has waited long enough, or a callback of the run
    /// stops it. Goes on where an earlier run stopped, in the middle of an epoch if need be, with all that the optimiser
    /// has kept; after [`Trainer::add_epochs`], on the same data or on other data. With other validation data, or another scorer
    /// where that is what it looks at, early stopping begins anew: what was best by the former is not compared, and not kept.
    ///
    /// # Errors
    /// If the data has another number of inputs or other targets than the network, early stopping lacks what it looks at,
    /// `validate_every` is 0, the score cannot be computed, memory cannot hold a minibatch, a checkpoint cannot be written,
    /// or the loss or a weight is no longer finite.
    pub fn run(&mut self, run: &mut Run<'_>) -> Result<Ending, Error> {
        run.check(&self.network.shape, &self.options)?;
        self.state.history.scorer = run.scorer.as_ref().map(|scorer| scorer.name().to_owned());
        if let Some(early) = self.options.early_stopping {
            let yardstick = run.yardstick(early.monitor);
            if self.yardstick.as_ref().is_some_and(|before| *before != yardstick) {
                (self.best, self.state.patience) = (None, Patience::default());
                self.state.history.best_epoch = None;
            }
            self.yardstick = Some(yardstick);
        }
        // It takes some steps to learn whether threads pay. If so, they stay together for the rest of the epochs.
        let batch_size = self.options.batch_size.min(run.data.rows());
        let ending = match self.run_while(|trainer| !trainer.tuning(batch_size).pays(), run)? {
            Some(ending) => ending,
            None => self.session(|trainer| trainer.run_while(|_| true, run))?.expect("an ending"),
        };
        run.at_end(self)?;
        Ok(ending)
    }

    /// Trains while it is `wanted`, or to an end.
    fn run_while(&mut self, wanted: impl Fn(&mut Trainer) -> bool, run: &mut Run<'_>) -> Result<Option<Ending>, Error> {
        while wanted(self) {
            if let Some(ending) = self.state.ending(&self.options) {
                return Ok(Some(ending));
            }
            let (start, done_before) = (Instant::now(), self.state.batches_done);
            let data = run.data;
            if self.batches(data, &mut |trainer| run.after_batch(trainer))?.is_break() {
                return Ok(Some(Ending::Stopped));
            }
            let seconds = start.elapsed().as_secs_f64();
            let samples = data.rows().saturating_sub(done_before.saturating_mul(self.options.batch_size));
            let (record, is_best) = self.judge(run)?;
            let epoch = Epoch {
                number: record.number,
                of: self.options.epochs,
                mean_loss: record.training_loss,
                validation_loss: record.validation_loss,
                training_score: record.training_score,
                validation_score: record.validation_score,
                is_best,
                samples,
                seconds,
            };
            if run.after_epoch(self, &epoch)?.is_break() {
                return Ok(Some(Ending::Stopped));
            }
        }
        Ok(None)
    }

    /// Where the epoch stands.
    pub(crate) fn batch(&self, data: &Dataset) -> Batch {
        Batch {
            epoch: self.state.epochs_done + 1,
            number: self.state.batches_done,
            of: data.rows().div_ceil(self.options.batch_size.min(data.rows())),
            mean_loss: self.state.loss.mean(),
        }
    }

    /// Closes an epoch of which all minibatches are done: validates, and keeps the weights if they are the best ones.
    fn judge(&mut self, run: &Run<'_>) -> Result<(EpochRecord, bool), Error> {
        let number = self.state.epochs_done + 1;
        let is_due = number.is_multiple_of(run.validate_every);
        let scorer = run.scorer.as_ref();
        let (validation_loss, validation_score) = match run.validation {
            Some(validation) if is_due => {
                let (loss, score) = self.evaluate(validation, scorer, "validation loss")?;
                (Some(loss), score)
            }
            _ => (None, None),
        };
        let training_score = match scorer {
            Some(_) if is_due && run.scores_training => self.evaluate(run.data, scorer, "loss")?.1,
            _ => None,
        };
        let training_loss = self.close_epoch()?;
        match run.validation {
            None => self.engine.observe(&self.options, training_loss),
            Some(_) => validation_loss.into_iter().for_each(|loss| self.engine.observe(&self.options, loss)),
        }
        let is_best = self.keep_if_best(validation_loss, validation_score, scorer.map(Scorer::goal));
        let learning_rate = self.engine.progress().learning_rate(&self.options);
        let record =
            EpochRecord { number, training_loss, validation_loss, training_score, validation_score, learning_rate };
        self.state.history.epochs.push(record);
        if is_best {
            self.state.history.best_epoch = Some(number);
        }
        Ok((record, is_best))
    }

    /// The mean loss of `data`, called `what`, and its score if there is a scorer.
    fn evaluate(
        &mut self,
        data: &Dataset,
        scorer: Option<&Scorer<'_>>,
        what: &'static str,
    ) -> Result<(f64, Option<f64>), Error> {
        let Trainer { network, options, pool, sweep, predictions, .. } = self;
        let wanted = if scorer.is_some() { data.rows() * network.shape.outputs() } else { 0 };
        predictions.resize(wanted, 0.0);
        let prediction = Prediction::of(network.shape.output_layer());
        let loss = sweep.losses((network, options.level, pool), data, prediction, predictions).mean();
        if !loss.is_finite() {
            return Err(self.diverged(what));
        }
        let score = scorer.map(|scorer| scorer.score(data, &self.predictions));
        Ok((loss, score.transpose()?))
    }

    /// Whether the weights are the best ones so far. If so, they are kept.
    fn keep_if_best(&mut self, loss: Option<f64>, score: Option<f64>, goal: Option<Goal>) -> bool {
        let Some(early) = self.options.early_stopping else { return false };
        let (value, goal) = match early.monitor {
            Monitor::Loss => (loss, Goal::Minimize),
            Monitor::Score => (score, goal.expect("the run has a scorer")),
        };
        let is_best = value.is_some_and(|value| self.state.patience.is_best(value, goal, early.min_improvement));
        if is_best {
            match &mut self.best {
                Some(best) => best.parameters.copy_from(&self.network.parameters),
                None => self.best = Some(self.network.clone()),
            }
        }
        is_best
    }

    /// Runs `body` with the threads called together once, rather than in each call of [`Trainer::epoch`] or
    /// [`Trainer::step`]. They look for work all the while, and leave their cores to nobody: for many short calls in a row.
    pub fn session<R: Send>(&mut self, body: impl FnOnce(&mut Trainer) -> R + Send) -> R {
        self.in_epochs.doubt();
        self.in_single_steps.doubt();
        self.together(body)
    }

    fn together<R: Send>(&mut self, body: impl FnOnce(&mut Trainer) -> R + Send) -> R {
        Pool::run_entered(self, |trainer| &mut trainer.pool, body)
    }

    /// One pass over the data, in a new random order, or the rest of a pass that was stopped. Returns the mean loss.
    ///
    /// # Errors
    /// As [`Trainer::run`].
    pub fn epoch(&mut self, data: &Dataset) -> Result<f64, Error> {
        data.check_fits(&self.network.shape)?;
        let _ = self.batches(data, &mut |_| Ok(ControlFlow::Continue(())))?;
        let loss = self.close_epoch()?;
        self.engine.observe(&self.options, loss);
        Ok(loss)
    }

    /// The minibatches of an epoch that are still to be done, or those until `after_batch` stops it.
    fn batches(
        &mut self,
        data: &Dataset,
        after_batch: &mut (impl FnMut(&Trainer) -> Result<ControlFlow<()>, Error> + Send),
    ) -> Result<ControlFlow<()>, Error> {
        let (epoch, batch_size) = (self.state.epochs_done + 1, self.options.batch_size.min(data.rows()));
        let activations = self.engine.bytes_to_come(&self.network, batch_size, self.pool.threads());
        memory::check("the activations of a minibatch", activations)?;
        self.order.clear();
        self.order.extend(0..data.rows() as u32);
        Random::new(self.options.seed, ORDER_STREAMS + epoch as u64).shuffle(&mut self.order);

        let count = data.rows().div_ceil(batch_size);
        let left = count.saturating_sub(self.state.batches_done);
        if self.pool.is_nested() {
            return self.steps(data, count, true, after_batch);
        }
        if self.pool.is_entered() {
            return self.steps(data, count, false, after_batch);
        }
        let assembly = self.assembly;
        let tuning = self.tuning(batch_size);
        if !(tuning.is_open() || tuning.gain() * left as f64 > assembly) {
            return self.steps(data, count, true, after_batch);
        }
        let start = Instant::now();
        let (result, inside) = self.together(|trainer| {
            let start = Instant::now();
            (trainer.steps(data, count, false, after_batch), start.elapsed())
        });
        self.assembly = self.assembly.min((start.elapsed() - inside).as_secs_f64());
        result
    }

    /// The choice of threads for the minibatches of an epoch.
    fn tuning(&mut self, batch_size: usize) -> &mut Tuning {
        self.in_epochs.of(batch_size, &self.engine.kinds(batch_size))
    }

    /// The steps of the minibatches up to number `count`, on one thread if `alone`.
    fn steps(
        &mut self,
        data: &Dataset,
        count: usize,
        alone: bool,
        after_batch: &mut impl FnMut(&Trainer) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        let batch_size = self.options.batch_size.min(data.rows());
        while self.state.batches_done < count {
            let Trainer { network, options, engine, order, in_epochs, state, .. } = self;
            let start = state.batches_done * batch_size;
            let indices = &order[start..order.len().min(start + batch_size)];
            let kinds = engine.kinds(batch_size);
            let mut step = |team| engine.step(network, options, data, indices, team);
            let tuning = in_epochs.of(batch_size, &kinds);
            let of_step = if alone {
                tuning.hold_on();
                step(Team::ALONE)
            } else {
                // The last minibatch, if smaller, is no measure.
                if indices.len() == batch_size { tuning.step(step) } else { step(tuning.team()) }
            };
            state.loss.sum += of_step.sum;
            state.loss.weight += of_step.weight;
            state.batches_done += 1;
            if !state.loss.sum.is_finite() {
                return Err(self.diverged("loss"));
            }
            if after_batch(self)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Ends an epoch of which all minibatches are done. Returns the mean loss.
    fn close_epoch(&mut self) -> Result<f64, Error> {
        if !self.network.parameters.are_finite(self.options.level) {
            return Err(self.diverged("largest weight"));
        }
        let loss = std::mem::take(&mut self.state.loss).mean();
        self.state.batches_done = 0;
        self.state.epochs_done += 1;
        Ok(loss)
    }

    fn diverged(&self, what: &'static str) -> Error {
        let State { epochs_done, batches_done, .. } = self.state;
        let learning_rate = self.options.optimizer.learning_rate();
        Error::Diverged { epoch: epochs_done + 1, batch: batches_done, what, learning_rate }
    }

    /// One step with the samples `indices` of `data`, in that order, as one minibatch. Returns their mean loss before it.
    ///
    /// # Errors
    /// As [`Trainer::train`] (the epoch is 0), or if there are no such samples.
    pub fn step(&mut self, data: &Dataset, indices: &[usize]) -> Result<f64, Error> {
        data.check_fits(&self.network.shape)?;
        let Trainer { network, options, pool, engine, in_single_steps, minibatch, .. } = self;
        data.choose("a minibatch", indices, minibatch)?;
        let indices = &minibatch[..];
        let tuning = in_single_steps.of(indices.len(), &engine.kinds(indices.len()));
        let loss = match pool.is_nested() {
            true => engine.step(network, options, data, indices, Team::ALONE),
            false => tuning.step(|team| match team {
                Team::ALONE => engine.step(network, options, data, indices, team),
                _ => pool.run(|| engine.step(network, options, data, indices, team)),
            }),
        };
        let learning_rate = options.optimizer.learning_rate();
        match loss.sum.is_finite() {
            true => Ok(loss.mean()),
            false => Err(Error::Diverged { epoch: 0, batch: 1, what: "loss", learning_rate }),
        }
    }

    /// The network as it is now, with which training goes on.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network with the best weights so far, where early stopping keeps them; elsewhere, as it is now.
    pub fn best_network(&self) -> &Network {
        self.best.as_ref().unwrap_or(&self.network)
    }

    /// The trained network: that with the best weights, where early stopping keeps them.
    pub fn into_network(self) -> Network {
        self.best.unwrap_or(self.network)
    }

    /// What the epochs of all runs came to. Those of [`Trainer::epoch`], which returns its loss, are not among them.
    pub fn history(&self) -> &History {
        &self.state.history
    }

    /// Lets the next run train for `epochs` epochs more than the options say, with all that the optimiser has kept. Early
    /// stopping waits anew.
    pub fn add_epochs(&mut self, epochs: usize) {
        self.options.epochs = self.options.epochs.saturating_add(epochs);
        self.state.patience.wait_again();
    }

    /// The SIMD level of the options; what computes may be a narrower one, as they say.
    pub fn level(&self) -> Level {
        self.options.level
    }
}

/// The streams of random numbers from here on give the orders of the epochs; those below, the initial weights.
const ORDER_STREAMS: u64 = 1 << 32;
