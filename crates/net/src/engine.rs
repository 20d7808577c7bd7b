//! The steps of training: both sweeps over a minibatch, on one thread or several.

use std::ops::Range;

use kernels::matrix::{GRADIENT, LayerShape, PANEL, read_gradient, write_gradient};
use kernels::{Dropout, Level, dispatch};

use crate::buffer::Buffer;
use crate::by_units::{self, left_share};
use crate::loss::LossSum;
use crate::optimizer::{Progress, clipped, in_registers};
use crate::parallel::{Shares, Team, both};
use crate::parameters::{BlocksMut, place_of};
use crate::sweep::{WeightSweep, sample_sweep};
use crate::workspace::{Purpose, Workspace};
use crate::{Dataset, Network, Optimizer, TrainingOptions};

/// The state and scratch memory of the steps.
#[derive(Debug)]
pub(crate) struct Engine {
    progress: Progress,
    /// The numbers that the optimiser keeps: for each block its slots, each in the layout of the gradient.
    kept: Buffer,
    /// The summed gradient, where it is clipped: its length must be known before the weights change.
    sums: Buffer,
    /// And for each block, of each of its outputs, the sum of their squares.
    squares: Vec<[f64; PANEL]>,
    /// One for each number of groups of samples that may be needed.
    workspaces: Vec<Workspace>,
    purpose: Purpose,
    /// Whether threads may share out units: where slopes are not kept, and some layer has more than one panel.
    shares_units: bool,
    /// The work up to each block, in arbitrary units, to share it out evenly.
    work: Vec<usize>,
}

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
        let clipped = if options.clip_norm.is_some() { blocks } else { 0 };
        let purpose = if options.dropout > 0.0 { Purpose::TrainingWithDropout } else { Purpose::Training };
        Engine {
            progress: Progress::new(),
            kept: Buffer::zeros(blocks * options.optimizer.slots() * GRADIENT),
            sums: Buffer::zeros(clipped * GRADIENT),
            squares: vec![[0.0; PANEL]; clipped],
            workspaces: Vec::new(),
            purpose,
            shares_units: !purpose.keeps_slopes(&network.shape) && network.parameters.most_panels() > 1,
            work: work_of_blocks(network),
        }
    }

    /// Bytes that it will take, but for its scratch memory, and for the best weights where those are kept.
    pub(crate) fn bytes(network: &Network, options: &TrainingOptions) -> usize {
        let (blocks, is_clipped) = (network.parameters.block_count(), usize::from(options.clip_norm.is_some()));
        let of_block = size_of::<f32>() * GRADIENT * (options.optimizer.slots() + is_clipped);
        let best = if options.early_stopping.is_some() { network.shape.bytes() } else { 0 };
        blocks * of_block + best
    }

    /// For the gradients of `network` alone.
    pub(crate) fn for_gradients(network: &Network) -> Self {
        let optimizer = Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0 };
        // What is clipped is kept.
        Engine::new(network, &TrainingOptions { optimizer, clip_norm: Some(1.0), ..Default::default() })
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

    /// What the threads of a step may share out.
    pub(crate) fn kinds(&self) -> &'static [Shares] {
        if self.shares_units { &[Shares::Samples, Shares::Units] } else { &[Shares::Samples] }
    }

    /// Makes scratch memory for minibatches of up to `samples` in `groups` groups, if there is none, and returns its index.
    fn make_room(&mut self, network: &Network, samples: usize, groups: usize) -> usize {
        if let Some(found) = self.workspaces.iter().position(|workspace| workspace.serves(samples, groups)) {
            return found;
        }
        self.workspaces.retain(|workspace| workspace.asked() != groups);
        self.workspaces.push(Workspace::new(&network.shape, samples, groups, self.purpose));
        self.workspaces.len() - 1
    }

    /// The sample sweep over one minibatch by a team. Returns the index of the workspace, and the losses.
    fn sweep_samples(
        &mut self,
        network: &Network,
        level: Level,
        dropout: Option<Dropout>,
        data: &Dataset,
        indices: &[u32],
        team: Team,
    ) -> (usize, LossSum) {
        let Team { threads, shares } = team;
        let groups = match shares {
            Shares::Samples => threads,
            Shares::Units => 1,
        };
        let room = self.make_room(network, indices.len(), groups);
        let workspace = &mut self.workspaces[room];
        let group_samples = workspace.group_samples(indices.len());
        let layout = &workspace.layout;

        match shares {
            Shares::Samples => {
                let (stride, numbers) = (layout.stride, &mut workspace.numbers);
                sweep_groups(threads, stride, group_samples, numbers, (indices, 0), &|group, samples| {
                    sample_sweep(level, network, layout, group, data, samples, dropout);
                });
            }
            Shares::Units => {
                let group = &mut workspace.numbers[..layout.stride];
                by_units::sample_sweep((level, threads), network, layout, group, data, indices);
            }
        }
        let mut loss = LossSum::default();
        for (group, indices) in workspace.numbers.chunks_exact_mut(layout.stride).zip(indices.chunks(group_samples)) {
            let (_, arrays) = layout.output_arrays(group);
            loss.add(data, indices, arrays.losses);
        }
        (room, loss)
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
        let (room, loss) = self.sweep_samples(network, level, None, data, indices, team);
        let workspace = &self.workspaces[room];
        let sweep = WeightSweep {
            layers: &network.parameters.layers,
            layout: &workspace.layout,
            minibatch: workspace.minibatch(indices.len()),
        };
        let part = Part {
            blocks: 0..self.work.len() - 1,
            weights: BlocksMut::none(),
            kept: &mut [],
            sums: &mut self.sums,
            squares: &mut self.squares,
        };
        sweep_blocks(team, (sweep.layers, &self.work), part, &|Part { blocks, sums, squares, .. }| {
            dispatch!(level, simd => sweep.sum(simd, blocks.start, sums, squares));
        });
        loss
    }

    /// Adds the gradient that was summed last to `gradient`: all layers in book order, one after the other.
    pub(crate) fn add_gradient(&self, network: &Network, gradient: &mut [f64]) {
        let summed = in_book_order(network, self.sums.chunks_exact(GRADIENT)).into_iter().flatten();
        gradient.iter_mut().zip(summed).for_each(|(sum, g)| *sum += f64::from(g));
    }

    /// Both sweeps over one minibatch by a team. Returns the losses before it.
    pub(crate) fn step(
        &mut self,
        network: &mut Network,
        options: &TrainingOptions,
        data: &Dataset,
        indices: &[u32],
        team: Team,
    ) -> LossSum {
        let level = options.level;
        let dropout = self.progress.dropout(options);
        let (room, loss) = self.sweep_samples(network, level, dropout, data, indices, team);
        if loss.weight == 0.0 {
            // As if there had been no such minibatch.
            return loss;
        }

        let workspace = &self.workspaces[room];
        let mut step = self.progress.next(options, loss.weight);
        let parameters = &mut network.parameters;
        let sweep = WeightSweep {
            layers: &parameters.layers,
            layout: &workspace.layout,
            minibatch: workspace.minibatch(indices.len()),
        };
        let part = Part {
            blocks: 0..self.work.len() - 1,
            weights: BlocksMut { forward: &mut parameters.forward, backward: &mut parameters.backward },
            kept: &mut self.kept,
            sums: &mut self.sums,
            squares: &mut self.squares,
        };
        match (options.clip_norm, in_registers(step)) {
            (None, Some(sgd)) => {
                sweep_blocks(team, (sweep.layers, &self.work), part, &|Part { blocks, mut weights, kept, .. }| {
                    dispatch!(level, simd => sweep.descend(simd, sgd, blocks.start, &mut weights, kept));
                })
            }
            (None, None) => {
                sweep_blocks(team, (sweep.layers, &self.work), part, &|Part { blocks, mut weights, kept, .. }| {
                    dispatch!(level, simd => sweep.update(simd, step, blocks.start, &mut weights, kept));
                })
            }
            // The weight sweep in two: the length of the gradient is known when all of it is.
            (Some(most), _) => {
                let Part { blocks, mut weights, kept, sums, squares } = part;
                let sums_alone = Part {
                    blocks: blocks.clone(),
                    weights: weights.reborrow(),
                    kept: &mut *kept,
                    sums: &mut *sums,
                    squares: &mut *squares,
                };
                sweep_blocks(
                    team,
                    (sweep.layers, &self.work),
                    sums_alone,
                    &|Part { blocks, sums, squares, .. }| {
                        dispatch!(level, simd => sweep.sum(simd, blocks.start, sums, squares));
                    },
                );
                step = clipped(step, most, sweep.squared_norm(squares), loss.weight);
                let part = Part { blocks, weights, kept, sums, squares };
                sweep_blocks(
                    team,
                    (sweep.layers, &self.work),
                    part,
                    &|Part { blocks, mut weights, kept, sums, .. }| {
                        dispatch!(level, simd => sweep.update_from_sums(simd, step, blocks.start, sums, &mut weights, kept));
                    },
                );
            }
        }
        loss
    }
}

/// The sample sweep of all groups, on `threads` threads. `sweep` takes a group, and the indices of its samples with the
/// position of the first one in the minibatch.
fn sweep_groups(
    threads: usize,
    stride: usize,
    group_samples: usize,
    groups: &mut [f32],
    (indices, first): (&[u32], usize),
    sweep: &(impl Fn(&mut [f32], (&[u32], usize)) + Sync),
) {
    let count = indices.len().div_ceil(group_samples);
    if count <= 1 {
        return sweep(&mut groups[..stride], (indices, first));
    }
    let left = count / 2;
    let (left_groups, right_groups) = groups.split_at_mut(left * stride);
    let (left_indices, right_indices) = indices.split_at(left * group_samples);
    let (left_samples, right_samples) = ((left_indices, first), (right_indices, first + left * group_samples));
    both(
        threads > 1,
        || sweep_groups(threads / 2, stride, group_samples, left_groups, left_samples, sweep),
        || sweep_groups(threads - threads / 2, stride, group_samples, right_groups, right_samples, sweep),
    );
}

/// Some blocks, with all that their update needs; what this optimiser does not need is empty.
struct Part<'a> {
    blocks: Range<usize>,
    weights: BlocksMut<'a>,
    kept: &'a mut [f32],
    sums: &'a mut [f32],
    squares: &'a mut [[f64; PANEL]],
}

impl<'a> Part<'a> {
    /// The first `count` blocks, and the other ones.
    fn split(self, count: usize) -> [Part<'a>; 2] {
        let Part { blocks, weights, kept, sums, squares } = self;
        let share = |length: usize| length / blocks.len() * count;
        let middle = blocks.start + count;
        let (left_kept, right_kept) = kept.split_at_mut(share(kept.len()));
        let (left_sums, right_sums) = sums.split_at_mut(share(sums.len()));
        let (left_squares, right_squares) = squares.split_at_mut(share(squares.len()));
        let (left_weights, right_weights) = weights.split_at(count);
        [
            Part {
                blocks: blocks.start..middle,
                weights: left_weights,
                kept: left_kept,
                sums: left_sums,
                squares: left_squares,
            },
            Part {
                blocks: middle..blocks.end,
                weights: right_weights,
                kept: right_kept,
                sums: right_sums,
                squares: right_squares,
            },
        ]
    }
}

/// The weight sweep of all blocks by a team: of these layers, each with its first block, and of so much work up to each block.
fn sweep_blocks(
    Team { threads, shares }: Team,
    (layers, work): (&[(usize, LayerShape)], &[usize]),
    part: Part<'_>,
    sweep: &(impl Fn(Part<'_>) + Sync),
) {
    match shares {
        Shares::Samples => sweep_by_work(threads, work, part, sweep),
        Shares::Units => {
            let mut rest = part;
            for (_, shape) in layers {
                let [now, after] = rest.split(shape.blocks());
                // The rows of blocks of each panel of units; or, where there is one alone, of each panel of the layer before.
                let rows = match (shape.output_panels(), shape.input_panels()) {
                    (1, inputs) => (inputs, 1),
                    rows => rows,
                };
                sweep_by_rows(threads, rows, now, sweep);
                rest = after;
            }
        }
    }
}

/// The weight sweep of some blocks, shared out evenly.
fn sweep_by_work(threads: usize, work: &[usize], part: Part<'_>, sweep: &(impl Fn(Part<'_>) + Sync)) {
    let blocks = part.blocks.clone();
    if threads == 1 || blocks.len() <= 1 {
        return sweep(part);
    }
    let left_threads = threads / 2;
    // The block at which the left threads have had their share of the work.
    let (before, after) = (work[blocks.start], work[blocks.end]);
    let share = before + (after - before) * left_threads / threads;
    let middle = work.partition_point(|sum| *sum < share).clamp(blocks.start, blocks.end);
    let [left, right] = part.split(middle - blocks.start);
    both(
        true,
        || sweep_by_work(left_threads, work, left, sweep),
        || sweep_by_work(threads - left_threads, work, right, sweep),
    );
}

/// The weight sweep of so many rows of so many blocks, shared out as the units are in [`by_units`].
fn sweep_by_rows(threads: usize, (rows, blocks): (usize, usize), part: Part<'_>, sweep: &(impl Fn(Part<'_>) + Sync)) {
    if threads == 1 || rows == 1 {
        return sweep(part);
    }
    let left_rows = left_share(rows, threads);
    let [left, right] = part.split(left_rows * blocks);
    both(
        true,
        || sweep_by_rows(threads / 2, (left_rows, blocks), left, sweep),
        || sweep_by_rows(threads - threads / 2, (rows - left_rows, blocks), right, sweep),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parallel::Pool;
    use crate::{Activation, OutputLayer, Threads};

    /// The weights after some steps by `team`.
    fn trained(network: &Network, options: &TrainingOptions, data: &Dataset, batch: usize, team: Team) -> Vec<u32> {
        let pool = Pool::new(Threads::Own(team.threads)).unwrap();
        let (mut network, mut engine) = (network.clone(), Engine::new(network, options));
        assert!(engine.kinds().contains(&team.shares));
        let order: Vec<u32> = (0..data.rows() as u32).rev().collect();
        pool.run(|| {
            for indices in order.chunks(batch) {
                engine.step(&mut network, options, data, indices, team);
            }
        });
        (1..=network.shape.layers().len()).flat_map(|layer| network.weights(layer)).map(f32::to_bits).collect()
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
            TrainingOptions { optimizer: Optimizer::adam(0.01), weight_decay: 0.1, ..plain },
        ];
        for (inputs, hidden, outputs) in [(5, &[70, 33, 3][..], 1), (300, &[40], 1), (3, &[2, 130], 40)] {
            let builder = Network::builder(inputs).hidden(hidden).activation(Activation::Sigmoid).seed(5);
            let network = match outputs {
                1 => builder,
                outputs => builder.output_layer(OutputLayer::Identity, outputs),
            };
            let network = network.build().unwrap();
            let rows = 50;
            let mut numbers = |count: usize| -> Vec<f32> { (0..count).map(|_| random.unit() - 0.5).collect() };
            let features = numbers(rows * inputs);
            let data = match outputs {
                1 => Dataset::new(inputs, features, (0..rows).map(|row| (row % 2) as f32).collect()),
                outputs => Dataset::regression(inputs, features, outputs, numbers(rows * outputs)),
            };
            let data = data.unwrap();
            for options in &all_options {
                for batch in [1, 7, 50] {
                    let expected = trained(&network, options, &data, batch, Team::ALONE);
                    for shares in [Shares::Samples, Shares::Units] {
                        for threads in 1..=5 {
                            let team = Team { threads, shares };
                            let found = trained(&network, options, &data, batch, team);
                            assert!(found == expected, "{inputs} {hidden:?} {outputs}, {batch} samples, {team:?}");
                        }
                    }
                }
            }
        }
    }
}
