//! Minibatch training.

use std::ops::ControlFlow;
use std::time::Instant;

use kernels::Level;

use crate::engine::Engine;
use crate::loss::LossSum;
use crate::parallel::Pool;
use crate::random::Random;
use crate::tuning::{Tuning, Tunings};
use crate::{Dataset, Error, Network, Optimizer, Schedule, Threads};

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingOptions {
    /// Passes over the data; at least 1.
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
    /// The threads. They change how long training takes, and no bit of its result.
    pub threads: Threads,
    /// The SIMD level. The levels that fuse multiply and add give the same bits.
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
            threads: Threads::default(),
            level: Level::best(),
        }
    }
}

impl TrainingOptions {
    fn validate(&self) -> Result<(), Error> {
        let error = |name, value: String, range| Err(Error::Setting { name, value, range });
        for (name, value) in [("epochs", self.epochs), ("batch size", self.batch_size)] {
            if value == 0 {
                return error(name, value.to_string(), "at least 1");
            }
        }
        self.optimizer.validate()?;
        self.schedule.validate()?;
        let decay = self.weight_decay;
        if !(decay >= 0.0 && f64::from(self.optimizer.learning_rate()) * f64::from(decay) < 1.0) {
            return error("weight decay", decay.to_string(), "at least 0 and less than 1 / learning rate");
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

/// What the callback of [`Trainer::train`] learns after an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// This epoch, counted from 1.
    pub number: usize,
    /// Epochs in all.
    pub of: usize,
    /// The mean over the samples of the loss that each had when its minibatch came, in nats.
    pub mean_loss: f64,
    /// Samples seen in this epoch.
    pub samples: usize,
    /// How long the epoch took.
    pub seconds: f64,
}

/// Trains a [`Network`], in the two sweeps that the source of `sweep.rs` explains.
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
/// let losses = trainer.train(&data, |_epoch| std::ops::ControlFlow::Continue(()))?;
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
    pool: Pool,
    engine: Engine,
    epochs_done: usize,
    order: Vec<usize>,
    /// The choices of threads for the steps of an epoch and for single steps.
    in_epochs: Tunings,
    in_single_steps: Tunings,
    /// The shortest time, in seconds, that it took to call the threads together and to let them go.
    assembly: f64,
}

impl Trainer {
    /// Prepares to train `network`.
    ///
    /// # Errors
    /// If an option is out of its range, or the threads cannot be had.
    pub fn new(network: Network, options: TrainingOptions) -> Result<Trainer, Error> {
        options.validate()?;
        let pool = Pool::new(options.threads)?;
        let engine = Engine::new(&network, &options);
        let tunings = Tunings::new(pool.threads());
        Ok(Trainer {
            network,
            options,
            pool,
            engine,
            epochs_done: 0,
            order: Vec::new(),
            in_epochs: tunings.clone(),
            in_single_steps: tunings,
            assembly: f64::INFINITY,
        })
    }

    /// Trains for the epochs of the options, and returns the mean loss of each. After each, `on_epoch` may look and may
    /// stop the training.
    ///
    /// # Errors
    /// If the data has another number of inputs or other targets than the network, or the loss or a weight is no longer
    /// finite.
    pub fn train(
        &mut self,
        data: &Dataset,
        mut on_epoch: impl FnMut(&Epoch) -> ControlFlow<()> + Send,
    ) -> Result<Vec<f64>, Error> {
        let mut losses = Vec::with_capacity(self.options.epochs);
        // It takes some steps to learn whether threads pay. If so, they stay together for the rest of the epochs.
        let batch_size = self.options.batch_size.min(data.rows());
        let alone = self.train_while(
            |trainer| !trainer.in_epochs.of(batch_size, batch_size).pays(),
            data,
            &mut losses,
            &mut on_epoch,
        )?;
        if alone.is_continue() && losses.len() < self.options.epochs {
            self.session(|trainer| trainer.train_while(|_| true, data, &mut losses, &mut on_epoch).map(drop))?;
        }
        Ok(losses)
    }

    /// Trains until all epochs are done, `wanted` says no, or `on_epoch` stops it for good.
    fn train_while(
        &mut self,
        wanted: impl Fn(&mut Trainer) -> bool,
        data: &Dataset,
        losses: &mut Vec<f64>,
        on_epoch: &mut impl FnMut(&Epoch) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Error> {
        while losses.len() < self.options.epochs && wanted(self) {
            let start = Instant::now();
            let mean_loss = self.epoch(data)?;
            losses.push(mean_loss);
            let seconds = start.elapsed().as_secs_f64();
            let (number, of) = (losses.len(), self.options.epochs);
            if on_epoch(&Epoch { number, of, mean_loss, samples: data.rows(), seconds }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Runs `body` with the threads called together once, rather than in each call of [`Trainer::epoch`] or
    /// [`Trainer::step`]. They look for work all the while, and leave their cores to nobody: for many short calls in a row.
    pub fn session<R: Send>(&mut self, body: impl FnOnce(&mut Trainer) -> R + Send) -> R {
        let pool = self.pool.enter();
        self.in_epochs.doubt();
        let result = pool.run(|| body(self));
        self.pool = pool;
        result
    }

    /// One pass over the data, in a new random order. Returns the mean loss.
    ///
    /// # Errors
    /// As [`Trainer::train`].
    pub fn epoch(&mut self, data: &Dataset) -> Result<f64, Error> {
        data.check_fits(&self.network.shape)?;
        self.epochs_done += 1;
        let (epoch, batch_size) = (self.epochs_done, self.options.batch_size.min(data.rows()));
        self.order.clear();
        self.order.extend(0..data.rows());
        Random::new(self.options.seed, ORDER_STREAMS + epoch as u64).shuffle(&mut self.order);

        let Trainer { network, options, pool, engine, order, in_epochs, assembly, .. } = self;
        let tuning = in_epochs.of(batch_size, batch_size);
        let minibatches = order.chunks(batch_size);
        let is_together = pool.is_entered();
        let is_worth_it = tuning.is_open() || is_together || tuning.gain() * minibatches.len() as f64 > *assembly;
        let mut steps = |tuning: &mut Tuning| {
            let mut loss = LossSum::default();
            for (batch, indices) in minibatches.clone().enumerate() {
                let mut step = |threads| engine.step(network, options, data, indices, threads);
                // The last minibatch, if smaller, is no measure.
                let of_step = if indices.len() == batch_size { tuning.step(step) } else { step(tuning.threads()) };
                loss.sum += of_step.sum;
                loss.weight += of_step.weight;
                if !loss.sum.is_finite() {
                    return Err((batch + 1, "loss"));
                }
            }
            match network.parameters.are_finite(options.level) {
                true => Ok(loss.mean()),
                false => Err((minibatches.len(), "largest weight")),
            }
        };
        let result = if is_worth_it {
            let start = Instant::now();
            let (result, inside) = pool.run(|| {
                let start = Instant::now();
                (steps(tuning), start.elapsed())
            });
            if !is_together {
                *assembly = assembly.min((start.elapsed() - inside).as_secs_f64());
            }
            result
        } else {
            steps(&mut Tuning::new(1))
        };
        let learning_rate = self.options.optimizer.learning_rate();
        result.map_err(|(batch, what)| Error::Diverged { epoch, batch, what, learning_rate })
    }

    /// One step with the samples `indices` of `data`, in that order, as one minibatch. Returns their mean loss before it.
    ///
    /// # Errors
    /// As [`Trainer::train`] (the epoch is 0), or if there are no such samples.
    pub fn step(&mut self, data: &Dataset, indices: &[usize]) -> Result<f64, Error> {
        data.check_fits(&self.network.shape)?;
        if indices.is_empty() || indices.iter().any(|index| *index >= data.rows()) {
            return Err(Error::Data("a minibatch needs at least one sample, and only samples of the data set".into()));
        }
        let Trainer { network, options, pool, engine, in_single_steps, .. } = self;
        let tuning = in_single_steps.of(indices.len(), indices.len());
        let loss = tuning.step(|threads| match threads {
            1 => engine.step(network, options, data, indices, 1),
            _ => pool.run(|| engine.step(network, options, data, indices, threads)),
        });
        let learning_rate = options.optimizer.learning_rate();
        match loss.sum.is_finite() {
            true => Ok(loss.mean()),
            false => Err(Error::Diverged { epoch: 0, batch: 1, what: "loss", learning_rate }),
        }
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The trained network.
    pub fn into_network(self) -> Network {
        self.network
    }

    /// Threads that may compute.
    pub fn threads_used(&self) -> usize {
        self.pool.threads()
    }

    /// The SIMD level that computes.
    pub fn level(&self) -> Level {
        self.options.level
    }
}

/// The streams of random numbers from here on give the orders of the epochs; those below, the initial weights.
const ORDER_STREAMS: u64 = 1 << 32;
