//! Minibatch training.

use std::ops::{ControlFlow, Range};
use std::time::Instant;

use kernels::matrix::{BLOCK, GRADIENT, PANEL};
use kernels::{Level, Sgd, dispatch};

use crate::buffer::Buffer;
use crate::parallel::{Pool, both};
use crate::random::Random;
use crate::sweep::{WeightSweep, output_arrays, sample_sweep};
use crate::workspace::Workspace;
use crate::{Dataset, Error, Network, Optimizer, Threads};

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
    /// The seed of the order of the samples, which is new in each epoch.
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
            seed: 0,
            threads: Threads::default(),
            level: Level::best(),
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
}

/// The state and scratch memory of the steps.
#[derive(Debug)]
struct Engine {
    /// In the layout of the gradient, for each block; empty without momentum.
    velocity: Buffer,
    workspace: Option<Workspace>,
    /// The work up to each block, in arbitrary units, to share it out evenly.
    work: Vec<usize>,
    order: Vec<usize>,
    threads: usize,
}

impl Trainer {
    /// Prepares to train `network`.
    ///
    /// # Errors
    /// If an option is out of its range, or the threads cannot be had.
    pub fn new(network: Network, options: TrainingOptions) -> Result<Trainer, Error> {
        for (name, value) in [("epochs", options.epochs), ("batch size", options.batch_size)] {
            if value == 0 {
                return Err(Error::Setting { name, value: value.to_string(), range: "at least 1" });
            }
        }
        options.optimizer.validate()?;
        let pool = Pool::new(options.threads)?;
        let velocity = if options.optimizer.keeps_velocity() { network.parameters.block_count() * GRADIENT } else { 0 };
        let engine = Engine {
            velocity: Buffer::zeros(velocity),
            workspace: None,
            work: work_of_blocks(&network),
            order: Vec::new(),
            threads: pool.threads(),
        };
        Ok(Trainer { network, options, pool, engine, epochs_done: 0 })
    }

    /// Trains for the epochs of the options, and returns the mean loss of each. After each, `on_epoch` may look and may
    /// stop the training.
    ///
    /// # Errors
    /// If the data has another number of inputs than the network, or the loss or a weight is no longer finite.
    pub fn train(
        &mut self,
        data: &Dataset,
        mut on_epoch: impl FnMut(&Epoch) -> ControlFlow<()>,
    ) -> Result<Vec<f64>, Error> {
        let mut losses = Vec::with_capacity(self.options.epochs);
        for number in 1..=self.options.epochs {
            let start = Instant::now();
            let mean_loss = self.epoch(data)?;
            losses.push(mean_loss);
            let seconds = start.elapsed().as_secs_f64();
            let epoch = Epoch { number, of: self.options.epochs, mean_loss, samples: data.rows(), seconds };
            if on_epoch(&epoch).is_break() {
                break;
            }
        }
        Ok(losses)
    }

    /// One pass over the data, in a new random order. Returns the mean loss.
    ///
    /// # Errors
    /// As [`Trainer::train`].
    pub fn epoch(&mut self, data: &Dataset) -> Result<f64, Error> {
        let inputs = self.network.shape.inputs();
        if data.inputs() != inputs {
            return Err(Error::Length { what: "a row of the data", found: data.inputs(), expected: inputs });
        }
        self.epochs_done += 1;
        let (epoch, batch_size) = (self.epochs_done, self.options.batch_size.min(data.rows()));
        let mut order = std::mem::take(&mut self.engine.order);
        order.clear();
        order.extend(0..data.rows());
        Random::new(self.options.seed, ORDER_STREAMS + epoch as u64).shuffle(&mut order);

        let (network, engine, options) = (&mut self.network, &mut self.engine, &self.options);
        engine.make_room(network, batch_size);
        let result = self.pool.run(|| {
            let mut loss = 0.0;
            for (batch, indices) in order.chunks(batch_size).enumerate() {
                loss += engine.step(network, options, data, indices);
                if !loss.is_finite() {
                    return Err((batch + 1, "loss"));
                }
            }
            match network.parameters.are_finite(options.level) {
                true => Ok(loss / data.rows() as f64),
                false => Err((order.len().div_ceil(batch_size), "largest weight")),
            }
        });
        self.engine.order = order;
        let learning_rate = self.options.optimizer.learning_rate();
        result.map_err(|(batch, what)| Error::Diverged { epoch, batch, what, learning_rate })
    }

    /// One step with the samples `indices` of `data`, in that order, as one minibatch. Returns their mean loss before it.
    ///
    /// # Errors
    /// As [`Trainer::train`] (the epoch is 0), or if there are no such samples.
    pub fn step(&mut self, data: &Dataset, indices: &[usize]) -> Result<f64, Error> {
        let inputs = self.network.shape.inputs();
        if data.inputs() != inputs {
            return Err(Error::Length { what: "a row of the data", found: data.inputs(), expected: inputs });
        }
        if indices.is_empty() || indices.iter().any(|index| *index >= data.rows()) {
            return Err(Error::Data("a minibatch needs at least one sample, and only samples of the data set".into()));
        }
        let (network, engine, options) = (&mut self.network, &mut self.engine, &self.options);
        engine.make_room(network, indices.len());
        let loss = self.pool.run(|| engine.step(network, options, data, indices));
        let learning_rate = options.optimizer.learning_rate();
        match loss.is_finite() {
            true => Ok(loss / indices.len() as f64),
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

/// The work up to each block and, last, of all of them.
fn work_of_blocks(network: &Network) -> Vec<usize> {
    let mut sum = 0;
    let mut work = vec![0];
    for shape in network.shape.layers() {
        for output_panel in 0..shape.output_panels() {
            for input_panel in 0..shape.input_panels() {
                let inputs = (shape.inputs - PANEL * input_panel).min(PANEL);
                let outputs = (shape.outputs - PANEL * output_panel).min(PANEL);
                sum += (1 + inputs) * outputs.next_multiple_of(16);
                work.push(sum);
            }
        }
    }
    work
}

impl Engine {
    /// Makes the scratch memory large enough for minibatches of `samples`.
    fn make_room(&mut self, network: &Network, samples: usize) {
        let is_large_enough = |workspace: &Workspace| workspace.group_samples(samples) <= workspace.layout.rows;
        if !self.workspace.as_ref().is_some_and(is_large_enough) {
            self.workspace = Some(Workspace::new(&network.shape, samples, self.threads));
        }
    }

    /// Both sweeps over one minibatch. Returns the sum of the losses.
    fn step(&mut self, network: &mut Network, options: &TrainingOptions, data: &Dataset, indices: &[usize]) -> f64 {
        let level = options.level;
        let workspace = self.workspace.as_mut().expect("room was made for the minibatch");
        let group_samples = workspace.group_samples(indices.len());
        let layout = &workspace.layout;

        let (parameters, activation) = (&network.parameters, network.shape.activation());
        sweep_groups(self.threads, layout.stride, group_samples, &mut workspace.numbers, indices, &|group, indices| {
            dispatch!(level, simd => sample_sweep(simd, parameters, activation, layout, group, data, indices));
        });
        let mut loss = 0.0;
        for (group, indices) in workspace.numbers.chunks_exact_mut(layout.stride).zip(indices.chunks(group_samples)) {
            let [_, _, losses, _] = output_arrays(layout, group);
            for sample in &losses[..indices.len()] {
                loss += f64::from(*sample);
            }
        }

        let sgd = options.optimizer.step(indices.len());
        let parameters = &mut network.parameters;
        let sweep = WeightSweep {
            layers: &parameters.layers,
            layout: &workspace.layout,
            minibatch: workspace.minibatch(indices.len()),
        };
        let part =
            Part { blocks: 0..self.work.len() - 1, weights: &mut parameters.blocks, velocity: &mut self.velocity };
        sweep_blocks(self.threads, &self.work, level, sgd, &sweep, part);
        loss
    }
}

/// The sample sweep of all groups, on `threads` threads.
fn sweep_groups(
    threads: usize,
    stride: usize,
    group_samples: usize,
    groups: &mut [f32],
    indices: &[usize],
    sweep: &(impl Fn(&mut [f32], &[usize]) + Sync),
) {
    let count = indices.len().div_ceil(group_samples);
    if count <= 1 {
        return sweep(&mut groups[..stride], indices);
    }
    let left = count / 2;
    let (left_groups, right_groups) = groups.split_at_mut(left * stride);
    let (left_indices, right_indices) = indices.split_at(left * group_samples);
    both(
        threads > 1,
        || sweep_groups(threads / 2, stride, group_samples, left_groups, left_indices, sweep),
        || sweep_groups(threads - threads / 2, stride, group_samples, right_groups, right_indices, sweep),
    );
}

/// Some blocks, with all that their update needs.
struct Part<'a> {
    blocks: Range<usize>,
    weights: &'a mut [f32],
    velocity: &'a mut [f32],
}

/// The weight sweep of some blocks, on `threads` threads.
fn sweep_blocks(threads: usize, work: &[usize], level: Level, sgd: Sgd, sweep: &WeightSweep<'_>, part: Part<'_>) {
    let Part { blocks, weights, velocity } = part;
    if threads == 1 || blocks.len() <= 1 {
        return dispatch!(level, simd => sweep.descend(simd, sgd, blocks.start, weights, velocity));
    }
    let left_threads = threads / 2;
    // The block at which the left threads have had their share of the work.
    let (before, after) = (work[blocks.start], work[blocks.end]);
    let share = before + (after - before) * left_threads / threads;
    let middle = work.partition_point(|sum| *sum < share).clamp(blocks.start, blocks.end);
    let count = middle - blocks.start;
    let (left_weights, right_weights) = weights.split_at_mut(count * BLOCK);
    let (left_velocity, right_velocity) = velocity.split_at_mut(if velocity.is_empty() { 0 } else { count * GRADIENT });
    let left = Part { blocks: blocks.start..middle, weights: left_weights, velocity: left_velocity };
    let right = Part { blocks: middle..blocks.end, weights: right_weights, velocity: right_velocity };
    both(
        true,
        || sweep_blocks(left_threads, work, level, sgd, sweep, left),
        || sweep_blocks(threads - left_threads, work, level, sgd, sweep, right),
    );
}
