//! Sweeps in which the samples of a minibatch are cut into groups, which threads share out.
//!
//! Whoever is free takes the next group, propagates it through all layers and back, and then adds it to the gradient, block by
//! block, after the groups before: threads walk over the blocks one behind the other. So a group's activations and deltas
//! stay in the cache of one core, however many samples the minibatch has; and what moves between cores are the sums, which are
//! fewer than activations where the weights are few. Each number's chain is the same, and so are its bits.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use kernels::matrix::LayerShape;
use kernels::{Dropout, Level, dispatch};

use crate::in_turn::{Abandon, InTurn};
use crate::loss::LossSum;
use crate::parallel::share_out;
use crate::sample_sweep::sample_sweep;
use crate::weight_sweep::{BlockSums, WeightSweep};
use crate::workspace::{GroupLayout, Workspace};
use crate::{Dataset, Network};

/// Samples in a group, at most: with more, their activations leave the caches, and with fewer, the sums are put down and taken
/// up too often (docs/performance.md).
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

/// What is still to be added to the sums.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastGroup {
    pub samples: usize,
    /// The groups that have been added.
    pub groups_before: usize,
}

impl Groups<'_> {
    pub(crate) fn count(&self) -> usize {
        self.indices.len().div_ceil(self.samples)
    }

    /// The indices of a group's samples, and the position of the first one.
    fn group(&self, group: usize) -> (&[u32], usize) {
        let first = group * self.samples;
        (&self.indices[first..self.indices.len().min(first + self.samples)], first)
    }

    /// Steps 1 to 3 of backpropagation for all groups, one after the other, and step 4 for all but the last one, which stays in
    /// the memory of the workspace.
    pub(crate) fn sweep_alone(&self, network: &Network, workspace: &mut Workspace) -> (LossSum, LastGroup) {
        let (layout, numbers) = (&workspace.layout, &mut workspace.numbers[..]);
        let mut loss = LossSum::default();
        let groups_before = if self.indices.len() <= self.samples { 0 } else { self.count() - 1 };
        for group in 0..groups_before {
            self.propagate(network, group, layout, numbers);
            self.add_loss(group, layout, numbers, &mut loss);
            self.add_gradient(network, group, layout, numbers, &AtomicBool::new(false));
        }
        self.propagate(network, groups_before, layout, numbers);
        self.add_loss(groups_before, layout, numbers, &mut loss);
        (loss, LastGroup { samples: self.group(groups_before).0.len(), groups_before })
    }

    /// All steps for all groups, on `threads` threads.
    pub(crate) fn sweep_together(&self, network: &Network, threads: usize, workspace: &mut Workspace) -> LossSum {
        let (layout, numbers) = (&workspace.layout, &mut workspace.numbers[..]);
        let (next, count, abandoned) = (AtomicUsize::new(0), self.count(), AtomicBool::new(false));
        let loss = InTurn::new(LossSum::default());
        let sweep = |_, numbers: &mut [f32]| {
            let _abandon = Abandon(&abandoned);
            // Groups are taken in their order, so that whoever must be waited for has begun.
            loop {
                let group = next.fetch_add(1, Ordering::Relaxed);
                if group >= count {
                    return;
                }
                self.propagate(network, group, layout, numbers);
                loss.change(group, &abandoned, |loss| self.add_loss(group, layout, numbers, loss));
                self.add_gradient(network, group, layout, numbers, &abandoned);
            }
        };
        share_out(
            0..threads,
            numbers,
            &|numbers, threads, middle| Ok(cut_groups(numbers, layout, middle - threads.start)),
            &sweep,
        );
        loss.into_inner()
    }

    pub(crate) fn propagate(&self, network: &Network, group: usize, layout: &GroupLayout, numbers: &mut [f32]) {
        sample_sweep(self.level, network, layout, numbers, self.data, self.group(group), self.dropout);
    }

    pub(crate) fn add_loss(&self, group: usize, layout: &GroupLayout, numbers: &[f32], loss: &mut LossSum) {
        loss.add(self.data, self.group(group).0, layout.losses(layout.parts(numbers).1));
    }

    /// What step 4 for a group needs.
    pub(crate) fn weight_sweep<'a>(
        &self,
        layers: &'a [(usize, LayerShape)],
        group: usize,
        layout: &'a GroupLayout,
        numbers: &'a [f32],
    ) -> WeightSweep<'a> {
        let samples = self.group(group).0.len();
        let (hidden, ends) = layout.parts(numbers);
        WeightSweep { layers, layout, hidden, ends: [ends; 2], samples, groups_before: group }
    }

    pub(crate) fn add_gradient(
        &self,
        network: &Network,
        group: usize,
        layout: &GroupLayout,
        numbers: &[f32],
        abandoned: &AtomicBool,
    ) {
        let sweep = self.weight_sweep(&network.parameters.layers, group, layout, numbers);
        let (blocks, squares) = (0..self.sums.len(), self.squares && group + 1 == self.count());
        dispatch!(self.level, simd => sweep.add(simd, blocks, (self.sums, squares), abandoned));
    }
}

/// The memory of the first `count` groups, and that of the other ones.
pub(crate) fn cut_groups<'a>(numbers: &'a mut [f32], layout: &GroupLayout, count: usize) -> [&'a mut [f32]; 2] {
    numbers.split_at_mut(count * layout.stride()).into()
}
