//! The steps of training: both sweeps over a minibatch, on one thread or several.
//!
//! - The **sample sweep** (`sample_sweep.rs`) takes a group of samples forward through all layers.
//! - The **weight sweep** (`weight_sweep.rs`) takes it back, layer by layer, adds it to the gradient of each block of weights and,
//!   with the last group, applies the optimiser.
//!
//! Threads share out the groups (`by_samples.rs`) or the units of each layer (`by_units.rs`). No thread has a gradient of
//! its own that would have to be added to another one, and so the order of no sum depends on threads.

use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;

use kernels::matrix::{GRADIENT, read_gradient, write_gradient};
use kernels::{Dropout, Level, Step};

use crate::buffer::Buffer;
use crate::by_samples::{Groups, group_samples};
use crate::by_units::ByUnits;
use crate::forward_sweep::LEAST_WEIGHTS;
use crate::in_turn::InTurn;
use crate::loss::LossSum;
use crate::optimizer::{Progress, clipped};
use crate::parallel::{Shares, Team};
use crate::parameters::{BlocksMut, Parameters, place_of};
use crate::replicas::{self, Replica, ReplicaMut};
use crate::tuning::Kind;
use crate::unit_shares::for_layers;
use crate::weight_sweep::{
    Addition, BlockSums, BlocksToUpdate, Layers, Sums, Update, backpropagate, for_blocks, squared_norm, sums_of_blocks,
    update_from_sums,
};
use crate::workspace::{Purpose, Workspace};
use crate::{Dataset, Network, Optimizer, Threads, TrainingOptions};

/// The state and scratch memory of the steps.
#[derive(Debug)]
pub(crate) struct Engine {
    progress: Progress,
    /// The numbers that the optimiser keeps: for each block its slots, each in the layout of the gradient.
    kept: Buffer,
    /// The summed gradient, made when it is first needed: where a minibatch is swept in groups, and where the gradient is
    /// clipped, since its length must be known before the weights change.
    sums: Vec<BlockSums>,
    /// One for each team that has been called.
    workspaces: Vec<Workspace>,
    purpose: Purpose,
    /// For all threads but the first one, where the network is small.
    replicas: Vec<Replica>,
    /// How many of them, from the first one on, are as the network is.
    current_replicas: usize,
    /// Panels of units in the layer that has most of them.
    most_panels: usize,
    /// Samples of a minibatch in which threads may share out units: of few weights, one sample alone is over too soon.
    samples_by_units: RangeInclusive<usize>,
}

/// Threads share out the units of minibatches of so many samples at most: in larger ones, activations outweigh weights.
const MOST_SAMPLES_BY_UNITS: usize = 1024;

/// A network of more blocks than this (4 MiB) is large: its weights and sums come from beyond the second-level cache, and to
/// update replicas of it costs more than their weights' way from core to core.
const MOST_BLOCKS: usize = 512;

fn is_large(network: &Network) -> bool {
    network.parameters.block_count() > MOST_BLOCKS
}

/// What is kept in the layout of the gradient for each block, layer by layer in book order.
fn in_book_order<'a>(network: &Network, of_blocks: impl Iterator<Item = &'a [f32]>) -> Vec<Vec<f32>> {
    let mut layers = network.shape.zeros();
    for (block, numbers) in of_blocks.enumerate() {
        let (layer, shape, at) = place_of(&network.parameters.layers, block);
        write_gradient(shape, at, numbers, &mut layers[layer]);
    }
    layers
}

impl Engine {
    /// For `network`.
    pub(crate) fn new(network: &Network, options: &TrainingOptions) -> Self {
        let blocks = network.parameters.block_count();
        let purpose = if options.dropout > 0.0 { Purpose::TrainingWithDropout } else { Purpose::Training };
        Engine {
            progress: Progress::new(),
            kept: Buffer::zeros(blocks * options.optimizer.slots() * GRADIENT),
            sums: Vec::new(),
            workspaces: Vec::new(),
            purpose,
            replicas: Vec::new(),
            current_replicas: 0,
            most_panels: network.parameters.most_panels(),
            samples_by_units: if network.parameters.count() < LEAST_WEIGHTS { 2 } else { 1 }..=MOST_SAMPLES_BY_UNITS,
        }
    }

    /// Bytes that it will take, without the activations of minibatches; with the best weights, where those are kept.
    pub(crate) fn bytes(network: &Network, options: &TrainingOptions) -> usize {
        let alone = options.threads == Threads::Own(1);
        let sums = options.clip_norm.is_some()
            || group_samples(options.batch_size, 1, is_large(network)) < options.batch_size
            || !alone;
        let of_block =
            size_of::<f32>() * GRADIENT * options.optimizer.slots() + if sums { size_of::<Sums>() } else { 0 };
        let best = if options.early_stopping.is_some() { network.shape.bytes() } else { 0 };
        network.parameters.block_count() * of_block + best
    }

    /// Bytes that the activations of minibatches of `samples` samples, and the replicas of the network, take with up to so many
    /// threads, besides those that they have already; `None` if they cannot be counted.
    pub(crate) fn bytes_to_come(&self, network: &Network, samples: usize, threads: usize) -> Option<usize> {
        let is_large = is_large(network);
        // Teams of all threads, of half of them, and so on are tried, each with groups of its own.
        let (mut in_groups, mut team) = (group_samples(samples, 1, is_large), threads.min(samples));
        while team > 1 {
            in_groups = in_groups.checked_add(team.checked_mul(group_samples(samples, team, is_large))?)?;
            team = team.div_ceil(2);
        }
        let by_units = if threads > 1 && self.most_panels > 1 { samples.min(MOST_SAMPLES_BY_UNITS) } else { 0 };
        let replicas = if is_large { 0 } else { threads - 1 };
        let of_replica = network.shape.bytes() + size_of::<f32>() * self.kept.len();
        let in_ends = by_units.checked_mul(threads.min(self.most_panels) - 1)?;
        let (shape, purpose) = (&network.shape, self.purpose);
        let by_samples = Workspace::bytes(shape, in_groups, 0, purpose, Shares::Samples)?;
        let by_units = Workspace::bytes(shape, by_units, in_ends, purpose, Shares::Units)?;
        let all = by_samples.checked_add(by_units)?.checked_add(replicas * of_replica)?;
        let numbers: usize = self.workspaces.iter().map(|workspace| workspace.numbers.len()).sum();
        Some(all.saturating_sub(size_of::<f32>() * numbers + self.replicas.len() * of_replica))
    }

    /// For the gradients of `network` alone.
    pub(crate) fn for_gradients(network: &Network) -> Self {
        let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0 };
        Engine::new(network, &TrainingOptions { optimizer, ..Default::default() })
    }

    /// How far training has come.
    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    /// Takes the loss after an epoch.
    pub(crate) fn observe(&mut self, options: &TrainingOptions, loss: f64) {
        self.progress.observe(options, loss);
    }

    /// The numbers that the optimiser keeps: for each slot, as if they were the weights of a network.
    pub(crate) fn kept(&self, network: &Network) -> Vec<Network> {
        let blocks = network.parameters.block_count();
        let slots = self.kept.len() / (blocks * GRADIENT);
        let slot = |slot| {
            let of_blocks = self.kept.chunks_exact(GRADIENT).skip(slot).step_by(slots);
            Network::with_book_order(network.shape.clone(), &in_book_order(network, of_blocks))
        };
        (0..slots).map(slot).collect()
    }

    /// Goes on where another engine was, whose optimiser kept these numbers.
    pub(crate) fn restore(&mut self, progress: Progress, slots: &[Network]) {
        self.progress = progress;
        self.current_replicas = 0;
        for (slot, numbers) in slots.iter().enumerate() {
            let layers: Vec<Vec<f32>> =
                (1..=numbers.shape.layers().len()).map(|layer| numbers.weights(layer)).collect();
            let blocks = self.kept.chunks_exact_mut(GRADIENT).skip(slot).step_by(slots.len());
            for (block, kept) in blocks.enumerate() {
                let (layer, shape, at) = place_of(&numbers.parameters.layers, block);
                read_gradient(shape, at, &layers[layer], kept);
            }
        }
    }

    /// What the threads of a step with `samples` samples may share out.
    pub(crate) fn kinds(&self, samples: usize) -> [Kind; 2] {
        let panels = if self.samples_by_units.contains(&samples) { self.most_panels } else { 1 };
        [Kind { shares: Shares::Samples, parts: samples }, Kind { shares: Shares::Units, parts: panels }]
    }

    /// Makes scratch memory for groups of `samples` samples, if there is none, and returns its index.
    fn make_room(&mut self, network: &Network, samples: usize, team: Team) -> usize {
        if let Some(found) = self.workspaces.iter().position(|workspace| workspace.serves(samples, team)) {
            return found;
        }
        let (mut samples, mut team) = (samples, team);
        self.workspaces.retain(|workspace| {
            let is_too_small = workspace.is_of_kind(team);
            if is_too_small {
                samples = samples.max(workspace.samples);
                team.threads = team.threads.max(workspace.team.threads);
            }
            !is_too_small
        });
        self.workspaces.push(Workspace::new(&network.shape, samples, team, self.purpose));
        self.workspaces.len() - 1
    }

    /// Makes the sums, or lets their turns begin again.
    fn begin_sums(&mut self, network: &Network) {
        if self.sums.is_empty() {
            self.sums = sums_of_blocks(network.parameters.block_count());
        }
        self.sums.iter_mut().for_each(InTurn::restart);
    }

    /// Both sweeps over a minibatch, whose gradient is summed. Returns its losses, added up, as the steps below do.
    fn sum(&mut self, network: &Network, minibatch: Minibatch<'_>, squares: bool) -> f64 {
        let Minibatch { level, dropout, data, indices, team: team @ Team { threads, shares } } = minibatch;
        let Network { parameters, shape } = network;
        self.begin_sums(network);
        let samples = match shares {
            Shares::Samples => group_samples(indices.len(), threads, is_large(network)),
            Shares::Units => indices.len(),
        };
        let room = self.make_room(network, samples, team);
        let (workspace, sums) = (&mut self.workspaces[room], &self.sums[..]);
        if shares == Shares::Samples {
            let groups = Groups { level, data, dropout, indices, samples, sums, squares };
            return groups.sweep_together(network, threads, workspace);
        }
        let addition = Addition { parameters, sums, turn: 0, squares, abandoned: &AtomicBool::new(false) };
        let Workspace { layout, numbers, .. } = workspace;
        let by_units = ByUnits::new(level, threads, shape, layout, samples, dropout);
        by_units.propagate(parameters, numbers, data, indices);
        by_units.backpropagate(&parameters.layers, numbers, data, indices, addition)
    }

    /// Sums the gradient over some samples, for [`Engine::add_gradient`]. Returns their losses.
    pub(crate) fn gradient(
        &mut self,
        network: &Network,
        level: Level,
        data: &Dataset,
        indices: &[u32],
        team: Team,
    ) -> LossSum {
        let level = network.shape.level(level);
        let sum = self.sum(network, Minibatch { level, dropout: None, data, indices, team }, false);
        LossSum { sum, weight: data.weight_of(indices) }
    }

    /// Adds the gradient that was summed last to `gradient`: all layers in book order, one after the other.
    pub(crate) fn add_gradient(&mut self, network: &Network, gradient: &mut [f64]) {
        let sums = self.sums.iter_mut().map(|sums| &sums.get_mut().numbers[..]);
        let summed = in_book_order(network, sums).into_iter().flatten();
        gradient.iter_mut().zip(summed).for_each(|(sum, g)| *sum += f64::from(g));
    }

    /// A step with one minibatch by a team. Returns the losses before it.
    pub(crate) fn step(
        &mut self,
        network: &mut Network,
        options: &TrainingOptions,
        data: &Dataset,
        indices: &[u32],
        team: Team,
    ) -> LossSum {
        let weight = data.weight_of(indices);
        if weight == 0.0 {
            // As if there were no such minibatch.
            return LossSum::default();
        }
        let (level, dropout) = (network.shape.level(options.level), self.progress.dropout(options));
        let minibatch = Minibatch { level, dropout, data, indices, team };
        let step = self.progress.next(options, weight);
        let shares_groups = team.shares == Shares::Samples && team.threads.min(indices.len()) > 1;
        let sum = match options.clip_norm {
            // All sums must be known before a weight changes.
            Some(most) => self.step_from_sums(network, minibatch, step, Some((most, weight))),
            None if shares_groups && is_large(network) => self.step_from_sums(network, minibatch, step, None),
            None if shares_groups => self.step_of_replicas(network, minibatch, step),
            None => self.step_at_once(network, minibatch, step),
        };
        LossSum { sum, weight }
    }

    /// A step in which each layer is updated as soon as all is propagated back through it.
    fn step_at_once(&mut self, network: &mut Network, minibatch: Minibatch<'_>, step: Step) -> f64 {
        self.current_replicas = 0;
        let Minibatch { level, dropout, data, indices, team: team @ Team { threads, shares } } = minibatch;
        if shares == Shares::Units {
            let samples = indices.len();
            let room = self.make_room(network, samples, team);
            let Workspace { layout, numbers, .. } = &mut self.workspaces[room];
            let by_units = ByUnits::new(level, threads, &network.shape, layout, samples, dropout);
            by_units.propagate(&network.parameters, numbers, data, indices);
            let (layers, updated) = all_blocks(&mut network.parameters, &mut self.kept, &mut []);
            return by_units.backpropagate(layers, numbers, data, indices, Update { updated, step, goes_on: false });
        }
        let samples = group_samples(indices.len(), 1, is_large(network));
        let room = self.make_room(network, samples, Team::ALONE);
        if samples < indices.len() {
            self.begin_sums(network);
        }
        let groups = Groups { level, data, dropout, indices, samples, sums: &self.sums, squares: false };
        let Workspace { layout, numbers, .. } = &mut self.workspaces[room];
        let loss = groups.sweep_to_the_last(network, layout, numbers);
        let (samples, goes_on) = (groups.samples_of(groups.last()), groups.last() > 0);
        let activation = network.shape.activation();
        let sums = if goes_on { &mut self.sums[..] } else { &mut [] };
        let (layers, updated) = all_blocks(&mut network.parameters, &mut self.kept, sums);
        backpropagate(level, (layers, activation), layout, numbers, samples, Update { updated, step, goes_on });
        loss
    }

    /// A step from the gradient in memory, clipped to a length if there is a greatest one for samples of some weight.
    fn step_from_sums(
        &mut self,
        network: &mut Network,
        minibatch: Minibatch<'_>,
        step: Step,
        most_and_weight: Option<(f32, f64)>,
    ) -> f64 {
        self.current_replicas = 0;
        let loss = self.sum(network, minibatch, most_and_weight.is_some());
        let step = most_and_weight.map_or(step, |(most, weight)| {
            clipped(step, most, squared_norm(&network.parameters.layers, &mut self.sums), weight)
        });
        let (layers, updated) = all_blocks(&mut network.parameters, &mut self.kept, &mut self.sums);
        let Minibatch { level, team: Team { threads, shares }, .. } = minibatch;
        let update = |updated: BlocksToUpdate<'_>| update_from_sums(level, layers, step, updated);
        match shares {
            Shares::Samples => for_blocks(threads, updated, &update),
            Shares::Units => for_layers(threads, layers, updated, &update),
        }
        loss
    }

    /// A step of threads that share out groups and have replicas.
    fn step_of_replicas(&mut self, network: &mut Network, minibatch: Minibatch<'_>, step: Step) -> f64 {
        let Minibatch { level, dropout, data, indices, team } = minibatch;
        let others = team.threads - 1;
        if std::mem::take(&mut self.current_replicas) < others {
            replicas::copy(&mut self.replicas, others, network, &self.kept);
        }
        let samples = group_samples(indices.len(), team.threads, false);
        let room = self.make_room(network, samples, team);
        self.begin_sums(network);
        let groups = Groups { level, data, dropout, indices, samples, sums: &self.sums, squares: false };
        let replicas = (ReplicaMut { network, kept: &mut self.kept }, &mut self.replicas[..others]);
        let loss = replicas::step(groups, &mut self.workspaces[room], replicas, step);
        // A step of fewer threads leaves the others' behind.
        self.current_replicas = others;
        loss
    }
}

/// The layers, and all of their blocks.
fn all_blocks<'a>(
    parameters: &'a mut Parameters,
    kept: &'a mut [f32],
    sums: &'a mut [BlockSums],
) -> (Layers<'a>, BlocksToUpdate<'a>) {
    let blocks = 0..parameters.block_count();
    let Parameters { forward, backward, layers } = parameters;
    (layers, BlocksToUpdate { blocks, weights: BlocksMut { forward, backward }, kept, sums })
}

/// A minibatch for a team.
#[derive(Clone, Copy)]
struct Minibatch<'a> {
    level: Level,
    dropout: Option<Dropout>,
    data: &'a Dataset,
    /// Its samples.
    indices: &'a [u32],
    team: Team,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Pool;
    use crate::{Activation, OutputLayer};

    /// The weights after some steps, which the `teams` take in turns.
    fn trained(network: &Network, options: &TrainingOptions, data: &Dataset, batch: usize, teams: &[Team]) -> Vec<u32> {
        let threads = teams.iter().map(|team| team.threads).max().unwrap();
        let pool = Pool::new(Threads::Own(threads)).unwrap();
        let (mut network, mut engine) = (network.clone(), Engine::new(network, options));
        let order: Vec<u32> = (0..data.rows() as u32).rev().collect();
        pool.run(|| {
            for (indices, team) in order.chunks(batch).zip(teams.iter().cycle()) {
                engine.step(&mut network, options, data, indices, *team);
            }
        });
        (1..=network.shape.layers().len()).flat_map(|layer| network.weights(layer)).map(f32::to_bits).collect()
    }

    /// What a minibatch takes is counted until it is there.
    #[test]
    fn memory_is_asked_for_once() {
        let network = Network::builder(2000).hidden(&[300]).build().unwrap();
        let data = Dataset::new(2000, vec![0.5; 400 * 2000], vec![1.0; 400]).unwrap();
        let options = TrainingOptions::default();
        let (mut network, mut engine) = (network.clone(), Engine::new(&network, &options));
        let indices: Vec<u32> = (0..400).collect();
        let before = engine.bytes_to_come(&network, 400, 1).unwrap();
        assert!(before > 128 * 2000 * size_of::<f32>(), "{before}");
        engine.step(&mut network, &options, &data, &indices, Team::ALONE);
        let after = engine.bytes_to_come(&network, 400, 1).unwrap();
        assert!(after < before / 20, "{after} after {before}");
        // Two threads want groups of their own.
        assert!(engine.bytes_to_come(&network, 400, 2).unwrap() > before);
    }

    /// Whatever is shared out, and among however many threads: the bits are those of one thread.
    #[test]
    fn teams_change_no_bit() {
        let mut random = crate::random::Random::new(7, 0);
        let sgd = |momentum| Optimizer::Sgd { learning_rate: 0.1, momentum };
        let plain = TrainingOptions { optimizer: sgd(0.0), ..Default::default() };
        let all_options = [
            plain.clone(),
            TrainingOptions { optimizer: sgd(0.9), clip_norm: Some(0.01), ..plain.clone() },
            TrainingOptions { optimizer: Optimizer::adam(0.01), weight_decay: 0.1, ..plain.clone() },
            TrainingOptions { dropout: 0.4, ..plain },
        ];
        for (inputs, hidden, outputs, activation) in [
            (5, &[70, 33, 3][..], 1, Activation::Sigmoid),
            (300, &[40], 1, Activation::Gelu),
            (3, &[2], 1, Activation::Relu),
            (3, &[2, 130], 40, Activation::Tanh),
            (40, &[65], 9, Activation::Silu),
            (70, &[], 40, Activation::Tanh),
            (70, &[], 1, Activation::Tanh),
        ] {
            let builder = Network::builder(inputs).hidden(hidden).activation(activation).seed(5);
            let network = match outputs {
                1 => builder,
                outputs => builder.output_layer(OutputLayer::Identity, outputs),
            };
            let network = network.build().unwrap();
            let rows = 300;
            let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| random.unit() - 0.5).collect() };
            let features = numbers(rows * inputs);
            let data = match outputs {
                1 => Dataset::new(inputs, features, (0..rows).map(|row| (row % 2) as f32).collect()),
                outputs => Dataset::regression(inputs, features, outputs, numbers(rows * outputs)),
            };
            let data = data.unwrap();
            for options in &all_options {
                for batch in [1, 7, 50, 300] {
                    let expected = trained(&network, options, &data, batch, &[Team::ALONE]);
                    for shares in [Shares::Samples, Shares::Units] {
                        for threads in 1..=5 {
                            let team = Team { threads, shares };
                            let found = trained(&network, options, &data, batch, &[team]);
                            assert!(found == expected, "{inputs} {hidden:?} {outputs}, {batch} samples, {team:?}");
                        }
                    }
                    let by_samples = |threads| Team { threads, shares: Shares::Samples };
                    let by_units = Team { threads: 2, shares: Shares::Units };
                    let teams = [by_samples(4), by_samples(2), by_samples(4), Team::ALONE, by_samples(3), by_units];
                    let found = trained(&network, options, &data, batch, &teams);
                    assert!(found == expected, "{inputs} {hidden:?} {outputs}, {batch} samples, teams in turns");
                }
            }
        }
    }
}
