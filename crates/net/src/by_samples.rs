//! Sweeps in which the samples of a minibatch are cut into groups, which threads share out.
//!
//! Whoever is free takes the next group, propagates it through all layers and back, and adds it to the gradient, block by
//! block, after the groups before: threads walk over the blocks one behind the other. So a group's activations and deltas
//! stay in the cache of one core, however many samples the minibatch has; and what moves between cores are the sums, which are
//! fewer than activations where the weights are few. Each number's chain is the same, and so are its bits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kernels::{Dropout, Level};

use crate::in_turn::{Abandon, InTurn};
use crate::loss::add_losses;
use crate::parallel::share_out;
use crate::sample_sweep::sample_sweep;
use crate::weight_sweep::{Addition, BlockSums, backpropagate};
use crate::workspace::{GroupLayout, Workspace};
use crate::{Dataset, Network};

/// Samples in a group, at most: with more, their activations leave the caches, and with fewer, the sums are put down and taken
/// up too often (docs/experiments.md).
const GROUP_SAMPLES: usize = 128;

/// Samples that one thread takes through a large network as one group, at most: what is put down of its sums and taken up again
/// comes from beyond the second-level cache, as its activations do.
const LARGE_GROUP_SAMPLES: usize = 512;

/// The samples of each group (the last one may have fewer) of a minibatch of `samples` for `threads` threads.
pub(crate) fn group_samples(samples: usize, threads: usize, is_large: bool) -> usize {
    // Divisions would be a part of a small step's time.
    if threads == 1 && samples <= if is_large { LARGE_GROUP_SAMPLES } else { GROUP_SAMPLES } {
        return samples;
    }
    samples.div_ceil(samples.div_ceil(GROUP_SAMPLES).next_multiple_of(threads))
}

/// A minibatch in groups, and what their sweep needs.
#[derive(Clone, Copy)]
pub(crate) struct Groups<'a> {
    pub level: Level,
    pub data: &'a Dataset,
    pub dropout: Option<Dropout>,
    /// The minibatch.
    pub indices: &'a [u32],
    /// Samples in each group.
    pub samples: usize,
    /// The sums of all blocks.
    pub sums: &'a [BlockSums],
    /// Whether their squares are wanted, too.
    pub squares: bool,
}

impl Groups<'_> {
    pub(crate) fn count(&self) -> usize {
        self.indices.len().div_ceil(self.samples)
    }

    /// The number of the last group.
    pub(crate) fn last(&self) -> usize {
        // A division would be a part of a small step's time.
        if self.indices.len() <= self.samples { 0 } else { self.count() - 1 }
    }

    /// The samples in a group.
    pub(crate) fn samples_of(&self, group: usize) -> usize {
        self.group(group).0.len()
    }

    /// The indices of a group's samples, and the position of the first one.
    fn group(&self, group: usize) -> (&[u32], usize) {
        let first = group * self.samples;
        (&self.indices[first..self.indices.len().min(first + self.samples)], first)
    }

    /// All steps for all groups but the last one, one after the other, and steps 1 and 2 for that one, which stays in memory.
    /// Returns all losses, added up.
    pub(crate) fn sweep_to_the_last(&self, network: &Network, layout: &GroupLayout, numbers: &mut [f32]) -> f64 {
        let (mut loss, last) = (0.0, self.last());
        for group in 0..last {
            self.sweep(network, group, layout, numbers, &AtomicBool::new(false));
            self.add_loss(group, layout, numbers, &mut loss);
        }
        self.propagate(network, last, layout, numbers);
        self.add_loss(last, layout, numbers, &mut loss);
        loss
    }

    /// All steps for all groups, on `threads` threads. Returns all losses, added up.
    pub(crate) fn sweep_together(&self, network: &Network, threads: usize, workspace: &mut Workspace) -> f64 {
        let (layout, numbers) = (&workspace.layout, &mut workspace.numbers[..]);
        let (next, count, abandoned) = (AtomicUsize::new(0), self.count(), AtomicBool::new(false));
        let loss = InTurn::new(0.0);
        let sweep = |_, numbers: &mut [f32]| {
            let _abandon = Abandon(&abandoned);
            // Groups are taken in their order, so that whoever must be waited for has begun.
            loop {
                let group = next.fetch_add(1, Ordering::Relaxed);
                if group >= count {
                    return;
                }
                self.sweep(network, group, layout, numbers, &abandoned);
                loss.change(group, &abandoned, |loss| self.add_loss(group, layout, numbers, loss));
            }
        };
        share_out(
            0..threads,
            numbers,
            &|numbers, threads, middle| {
                let [left, right] = cut_groups(numbers, layout, middle - threads.start);
                (left, Some(right))
            },
            &sweep,
        );
        loss.into_inner()
    }

    /// Steps 1 and 2 for a group.
    pub(crate) fn propagate(&self, network: &Network, group: usize, layout: &GroupLayout, numbers: &mut [f32]) {
        sample_sweep(self.level, network, layout, numbers, self.data, self.group(group), self.dropout);
    }

    pub(crate) fn add_loss(&self, group: usize, layout: &GroupLayout, numbers: &[f32], loss: &mut f64) {
        add_losses(loss, self.data, self.group(group).0, layout.losses(layout.parts(numbers).1));
    }

    /// All steps for a group, which is added to the sums in its turn.
    pub(crate) fn sweep(
        &self,
        network: &Network,
        group: usize,
        layout: &GroupLayout,
        numbers: &mut [f32],
        abandoned: &AtomicBool,
    ) {
        self.propagate(network, group, layout, numbers);
        let Network { parameters, shape } = network;
        let squares = self.squares && group == self.last();
        let addition = Addition { parameters, sums: self.sums, turn: group, squares, abandoned };
        let network = (&parameters.layers[..], shape.activation());
        backpropagate(self.level, network, layout, numbers, self.samples_of(group), addition);
    }
}

/// The memory of the first `count` groups, and that of the other ones.
pub(crate) fn cut_groups<'a>(numbers: &'a mut [f32], layout: &GroupLayout, count: usize) -> [&'a mut [f32]; 2] {
    numbers.split_at_mut(count * layout.stride()).into()
}
