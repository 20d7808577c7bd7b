//! Step 4 of backpropagation for the blocks of weights: their gradients, and the optimiser's step.
//!
//! A block's gradient is one chain through all samples of a minibatch. Where they come in groups, its sums are put down after
//! each group and taken up for the next one, which changes no bit.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use kernels::matrix::{self, BlockGradient, GRADIENT, LayerShape, PANEL};
use kernels::simd::Simd;
use kernels::{Sgd, Step};

use crate::by_units::left_share;
use crate::in_turn::InTurn;
use crate::parallel::{Shares, Team, share_out};
use crate::parameters::BlocksMut;
use crate::workspace::GroupLayout;

/// The gradient of a block, summed over the samples so far.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Sums {
    /// In the layout of [`BlockGradient::sum`].
    pub numbers: [f32; GRADIENT],
    /// Of each output of the block, the sum of their squares, once all samples have been added.
    pub squares: [f64; PANEL],
}

/// The sums of a block, to which group after group is added.
pub(crate) type BlockSums = InTurn<Box<Sums>>;

/// The sums of so many blocks.
pub(crate) fn sums_of_blocks(blocks: usize) -> Vec<BlockSums> {
    let sums = || InTurn::new(Box::new(Sums { numbers: [0.0; GRADIENT], squares: [0.0; PANEL] }));
    (0..blocks).map(|_| sums()).collect()
}

/// Layers, each with its first block.
type Layers<'a> = &'a [(usize, LayerShape)];

/// Calls `visit` with each of the blocks `blocks`, counted from the first one of them, its layer (counted from 0), the layer's
/// shape, and the block's panels; in an order that suits the gradient of `samples` samples.
#[inline(always)]
fn for_each_block(
    layers: Layers<'_>,
    blocks: Range<usize>,
    samples: usize,
    mut visit: impl FnMut(usize, usize, (LayerShape, (usize, usize))),
) {
    for (layer, &(start, shape)) in layers.iter().enumerate() {
        let of_layer = |block: usize| block.clamp(start, start + shape.blocks()) - start;
        shape.for_each_block(
            of_layer(blocks.start)..of_layer(blocks.end),
            samples,
            #[inline(always)]
            |block, place| visit(start + block - blocks.start, layer, (shape, place)),
        );
    }
}

/// What the weight sweep of some blocks over a group of samples reads.
#[derive(Clone, Copy)]
pub(crate) struct WeightSweep<'a> {
    pub layers: Layers<'a>,
    pub layout: &'a GroupLayout,
    /// The hidden layers of the group, and the ends in which its features and its output are.
    pub hidden: &'a [f32],
    pub ends: [&'a [f32]; 2],
    pub samples: usize,
    /// The groups whose samples have been added to the sums before.
    pub groups_before: usize,
}

impl WeightSweep<'_> {
    /// Calls `visit` with each of the blocks `blocks`, counted from the first one of them, its layer (counted from 0), and its
    /// gradient, step 4 of backpropagation.
    #[inline(always)]
    fn for_each_gradient(&self, blocks: Range<usize>, mut visit: impl FnMut(usize, usize, BlockGradient<'_>)) {
        let WeightSweep { layers, layout, hidden, ends: [features, output], samples, .. } = *self;
        for_each_block(
            layers,
            blocks,
            samples,
            #[inline(always)]
            |at, layer, (shape, block)| {
                let (z, delta) = (layout.z(hidden, features, layer), layout.delta(hidden, output, layer + 1));
                visit(at, layer, BlockGradient { shape, block, z, delta, samples });
            },
        );
    }

    /// The step of gradient descent after the last group, for the blocks of a part, with their velocities.
    #[inline(always)]
    pub(crate) fn descend<S: Simd>(&self, simd: S, sgd: Sgd, part: Part<'_>) {
        let Part { blocks, mut weights, kept, sums } = part;
        self.for_each_gradient(
            blocks,
            #[inline(always)]
            |block, layer, gradient| {
                let velocity = if kept.is_empty() { &mut [][..] } else { &mut kept[block * GRADIENT..][..GRADIENT] };
                let before = match self.groups_before {
                    0 => None,
                    _ => Some(&sums[block].get_mut().numbers[..]),
                };
                gradient.descend(simd, sgd, layer == 0, before, weights.block(block), velocity);
            },
        );
    }

    /// The step of any optimiser after the last group. The gradient of a block is in memory no longer than its step takes, but
    /// for the sums over the groups before.
    #[inline(always)]
    pub(crate) fn update<S: Simd>(&self, simd: S, step: Step, part: Part<'_>) {
        let Part { blocks, mut weights, kept, sums } = part;
        let slots = step.rule.slots() * GRADIENT;
        let mut sums_of_one_group = [0.0; GRADIENT];
        self.for_each_gradient(
            blocks,
            #[inline(always)]
            |block, layer, gradient| {
                let sums = match self.groups_before {
                    0 => &mut sums_of_one_group,
                    _ => &mut sums[block].get_mut().numbers,
                };
                sum_block(simd, gradient, sums, self.groups_before > 0);
                let kept = &mut kept[block * slots..][..slots];
                let place = (gradient.shape, gradient.block);
                update_block(simd, place, step, layer == 0, sums, weights.block(block), kept);
            },
        );
    }

    /// Adds the gradients of the group to `sums`, those of the blocks `blocks`, in its turn; then finds their squares, if
    /// wanted.
    #[inline(always)]
    pub(crate) fn add<S: Simd>(
        &self,
        simd: S,
        blocks: Range<usize>,
        (sums, with_squares): (&[BlockSums], bool),
        abandoned: &AtomicBool,
    ) {
        self.for_each_gradient(
            blocks,
            #[inline(always)]
            |block, _, gradient| {
                sums[block].change(
                    self.groups_before,
                    abandoned,
                    #[inline(always)]
                    |sums| {
                        let Sums { numbers, squares } = &mut **sums;
                        sum_block(simd, gradient, numbers, self.groups_before > 0);
                        if with_squares {
                            matrix::gradient_squares(gradient.shape, gradient.block, numbers, squares);
                        }
                    },
                );
            },
        );
    }

    /// Adds the gradients of the group, the last one, to `sums` in its turn, and updates these weights at once.
    #[inline(always)]
    pub(crate) fn add_and_update<S: Simd>(
        &self,
        simd: S,
        step: Step,
        (sums, abandoned): (&[BlockSums], &AtomicBool),
        (mut weights, kept): (BlocksMut<'_>, &mut [f32]),
    ) {
        let slots = step.rule.slots() * GRADIENT;
        self.for_each_gradient(
            0..sums.len(),
            #[inline(always)]
            |block, layer, gradient| {
                let place = (gradient.shape, gradient.block);
                let kept = &mut kept[block * slots..][..slots];
                sums[block].change(
                    self.groups_before,
                    abandoned,
                    #[inline(always)]
                    |sums| {
                        sum_block(simd, gradient, &mut sums.numbers, self.groups_before > 0);
                        update_block(simd, place, step, layer == 0, &sums.numbers, weights.block(block), kept);
                    },
                );
            },
        );
    }

    /// Sums the gradients of all blocks into gradients in book order, one for each layer.
    #[inline(always)]
    pub(crate) fn book_order<S: Simd>(&self, simd: S, gradients: &mut [Vec<f32>]) {
        let mut sums = vec![0.0; GRADIENT];
        let (first, last) = self.layers[self.layers.len() - 1];
        self.for_each_gradient(
            0..first + last.blocks(),
            #[inline(always)]
            |_, layer, gradient| {
                sum_block(simd, gradient, &mut sums, false);
                matrix::write_gradient(gradient.shape, gradient.block, &sums, &mut gradients[layer]);
            },
        );
    }
}

/// The step of any optimiser from sums over all groups.
#[inline(always)]
pub(crate) fn update_from_sums<S: Simd>(simd: S, layers: Layers<'_>, step: Step, part: Part<'_>) {
    let Part { blocks, mut weights, kept, sums } = part;
    let slots = step.rule.slots() * GRADIENT;
    for_each_block(
        layers,
        blocks,
        1,
        #[inline(always)]
        |block, layer, place| {
            let sums = &sums[block].get_mut().numbers;
            let kept = &mut kept[block * slots..][..slots];
            update_block(simd, place, step, layer == 0, sums, weights.block(block), kept);
        },
    );
}

/// The step of any optimiser from sums over all groups, each block in turn `turn`.
#[inline(always)]
pub(crate) fn update_in_turn<S: Simd>(
    simd: S,
    layers: Layers<'_>,
    step: Step,
    turn: usize,
    (sums, abandoned): (&[BlockSums], &AtomicBool),
    (mut weights, kept): (BlocksMut<'_>, &mut [f32]),
) {
    let slots = step.rule.slots() * GRADIENT;
    for_each_block(
        layers,
        0..sums.len(),
        1,
        #[inline(always)]
        |block, layer, place| {
            let kept = &mut kept[block * slots..][..slots];
            sums[block].change(
                turn,
                abandoned,
                #[inline(always)]
                |sums| update_block(simd, place, step, layer == 0, &sums.numbers, weights.block(block), kept),
            );
        },
    );
}

/// The squared length of the whole gradient. Added up in f64 in an order of its own: layer by layer and unit by unit, in
/// pieces of [`PANEL`] inputs, the first one with the bias.
pub(crate) fn squared_norm(layers: Layers<'_>, sums: &mut [BlockSums]) -> f64 {
    let mut sum = 0.0;
    for &(first, shape) in layers {
        for output in 0..shape.outputs {
            let blocks = first + output / PANEL * shape.input_panels();
            for block in &mut sums[blocks..][..shape.input_panels()] {
                sum += block.get_mut().squares[output % PANEL];
            }
        }
    }
    sum
}

/// [`BlockGradient::sum`], in a function of its own.
#[inline(always)]
fn sum_block<S: Simd>(simd: S, gradient: BlockGradient<'_>, sums: &mut [f32], goes_on: bool) {
    simd.vectorize(
        #[inline(always)]
        move || gradient.sum(simd, sums, goes_on),
    );
}

/// [`matrix::update_block`], in a function of its own.
#[inline(always)]
fn update_block<S: Simd>(
    simd: S,
    place: (LayerShape, (usize, usize)),
    step: Step,
    is_first: bool,
    sums: &[f32],
    weights: matrix::BlockMut<'_>,
    kept: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        move || matrix::update_block(simd, place, step, is_first, sums, weights, kept),
    );
}

/// Some blocks, with all that their update needs; what this optimiser does not need is empty.
pub(crate) struct Part<'a> {
    pub blocks: Range<usize>,
    pub weights: BlocksMut<'a>,
    pub kept: &'a mut [f32],
    pub sums: &'a mut [BlockSums],
}

impl<'a> Part<'a> {
    /// The first `count` blocks, and the other ones.
    fn split(self, count: usize) -> [Part<'a>; 2] {
        let Part { blocks, weights, kept, sums } = self;
        let share = |length: usize| length / blocks.len() * count;
        let middle = blocks.start + count;
        let (left_kept, right_kept) = kept.split_at_mut(share(kept.len()));
        let (left_sums, right_sums) = sums.split_at_mut(share(sums.len()));
        let (left_weights, right_weights) = weights.split_at(count);
        [
            Part { blocks: blocks.start..middle, weights: left_weights, kept: left_kept, sums: left_sums },
            Part { blocks: middle..blocks.end, weights: right_weights, kept: right_kept, sums: right_sums },
        ]
    }
}

/// The weight sweep of all blocks of these layers by a team, each of whose threads is called with its number.
pub(crate) fn sweep_together(
    team: Team,
    layers: Layers<'_>,
    part: Part<'_>,
    sweep: &(impl Fn(usize, Part<'_>) + Sync),
) {
    let threads = 0..team.threads;
    match team.shares {
        Shares::Samples => {
            let blocks = part.blocks.len();
            let first_block = |thread: usize| blocks * thread / team.threads;
            share_out(
                threads,
                part,
                &|part, threads, middle| match part.blocks.len() {
                    0 | 1 => Err(part),
                    _ => Ok(part.split(first_block(middle) - first_block(threads.start))),
                },
                sweep,
            );
        }
        // The rows of blocks of each layer are shared out as its units are in `by_units`.
        Shares::Units => {
            let mut rest = part;
            for (_, shape) in layers {
                let [now, after] = rest.split(shape.blocks());
                // Those of each panel of units; or, where there is one alone, of each panel of the layer before.
                let (rows, blocks) = match (shape.output_panels(), shape.input_panels()) {
                    (1, inputs) => (inputs, 1),
                    rows => rows,
                };
                share_out(
                    threads.clone(),
                    (rows, now),
                    &|(rows, part), threads, _| {
                        if rows == 1 {
                            return Err((rows, part));
                        }
                        let left_rows = left_share(rows, threads.len());
                        let [left, right] = part.split(left_rows * blocks);
                        Ok([(left_rows, left), (rows - left_rows, right)])
                    },
                    &|thread, (_, part)| sweep(thread, part),
                );
                rest = after;
            }
        }
    }
}
