//! Steps 3 and 4 of backpropagation, layer by layer from the last one: back through a layer, and then at once the gradients of
//! its blocks of weights, and what is done with them; so that weights and activations are used twice while they are in a cache.
//!
//! A block's gradient is one chain through all samples of a minibatch. Where they come in groups, its sums are put down after
//! each group and taken up for the next one, which changes no bit.

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use kernels::matrix::{
    self, BackwardReaders, BlockGradient, BlockMut, Blocks, GRADIENT, LayerShape, PANEL, Panels, WayBack,
    backward_and_descend,
};
use kernels::simd::Simd;
use kernels::{Activation, Level, Sgd, Step, dispatch};

use crate::in_turn::InTurn;
use crate::layer;
use crate::optimizer::in_registers;
use crate::parallel::share_out;
use crate::parameters::{BlocksMut, Parameters};
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
pub(crate) type Layers<'a> = &'a [(usize, LayerShape)];

/// The gradients, over a group of samples, of some blocks of a layer.
#[derive(Clone, Debug)]
pub(crate) struct LayerGradients<'a> {
    /// Its number, counted from 0 for the first one with weights; its first block, and its shape.
    pub layer: usize,
    pub first: usize,
    pub shape: LayerShape,
    /// These blocks, counted from the first layer's first one.
    pub blocks: Range<usize>,
    /// The postactivations, or features, of the layer before, and the deltas.
    pub z: Panels<'a>,
    pub delta: Panels<'a>,
    pub samples: usize,
    /// Who reads the backward copies of their weights.
    pub readers: BackwardReaders,
}

impl LayerGradients<'_> {
    /// Calls `visit` with each of the blocks and its gradient, step 4 of backpropagation, in an order that suits the samples.
    #[inline(always)]
    fn for_each(&self, mut visit: impl FnMut(usize, BlockGradient<'_>)) {
        let LayerGradients { first, shape, z, delta, samples, .. } = *self;
        shape.for_each_block(
            self.blocks.start - first..self.blocks.end - first,
            samples,
            #[inline(always)]
            |block, place| visit(first + block, BlockGradient { shape, block: place, z, delta, samples }),
        );
    }
}

/// Who reads the backward copies of a layer's weights; layers are counted from 0 for the first one with weights. Others than the
/// thread that updates them do if threads share out the layer's units.
#[inline(always)]
pub(crate) fn readers_of(layer: usize, is_shared_out: bool) -> BackwardReaders {
    match (layer, is_shared_out) {
        (0, _) => BackwardReaders::Nobody,
        (_, false) => BackwardReaders::Writer,
        (_, true) => BackwardReaders::Everybody,
    }
}

/// What is done with the gradients of blocks: step 4. It has their weights, which step 3 reads before.
pub(crate) trait StepFour {
    /// The weights of a layer, which is told by its first block and its shape.
    fn weights(&self, layer: (usize, LayerShape)) -> Blocks<'_>;

    /// Step 4 for some blocks of a layer, through which nothing will be propagated any more.
    fn layer<S: Simd>(&mut self, simd: S, gradients: LayerGradients<'_>);

    /// Step 3 through a layer, and step 4 for all of its blocks.
    #[inline(always)]
    fn back_and_layer<S: Simd>(&mut self, simd: S, way_back: WayBack<'_>, gradients: LayerGradients<'_>) {
        one_after_the_other(simd, self, way_back, gradients);
    }
}

/// Step 3 through a layer, and then step 4.
#[inline(always)]
fn one_after_the_other<S: Simd>(
    simd: S,
    step_four: &mut (impl StepFour + ?Sized),
    way_back: WayBack<'_>,
    gradients: LayerGradients<'_>,
) {
    let WayBack { slope, derivatives, delta_in } = way_back;
    let LayerGradients { first, shape, delta, samples, .. } = gradients;
    layer::backward(simd, step_four.weights((first, shape)), slope, delta, samples, derivatives, (delta_in, 0));
    step_four.layer(simd, gradients);
}

/// Work on blocks that threads can share out.
pub(crate) trait Divisible: Send + Sized {
    /// That on the blocks before block `middle`, and that on those from it on.
    fn split_at(self, middle: usize) -> [Self; 2];
}

/// Steps 3 and 4 for a group of samples whose output deltas are there.
pub(crate) fn backpropagate(
    level: Level,
    (layers, activation): (Layers<'_>, Activation),
    layout: &GroupLayout,
    group: &mut [f32],
    samples: usize,
    mut step_four: impl StepFour,
) {
    dispatch!(level, simd => {
        backpropagate_with(simd, (layers, activation), layout, group, samples, &mut step_four);
    });
}

#[inline(always)]
fn backpropagate_with<S: Simd>(
    simd: S,
    (layers, activation): (Layers<'_>, Activation),
    layout: &GroupLayout,
    group: &mut [f32],
    samples: usize,
    step_four: &mut impl StepFour,
) {
    let (hidden, ends) = layout.parts_mut(group);
    let slope = layout.slope(activation);
    for layer in (0..layers.len()).rev() {
        let (first, shape) = layers[layer];
        let (blocks, readers) = (first..first + shape.blocks(), readers_of(layer, false));
        if layer == 0 {
            let (z, delta) = (layout.z(hidden, ends, 0), layout.delta(hidden, ends, 1));
            step_four.layer(simd, LayerGradients { layer, first, shape, blocks, z, delta, samples, readers });
        } else {
            let (before, delta_in, after) = layout.hidden_deltas(hidden, layer);
            let way_back = WayBack { slope, derivatives: layout.derivatives(before, layer), delta_in };
            let (z, delta) = (layout.z(before, ends, layer), layout.next_delta(after, ends, layer + 1));
            let gradients = LayerGradients { layer, first, shape, blocks, z, delta, samples, readers };
            step_four.back_and_layer(simd, way_back, gradients);
        }
    }
}

/// Some blocks, with all that their update needs; what this optimiser does not need is empty.
pub(crate) struct BlocksToUpdate<'a> {
    pub blocks: Range<usize>,
    pub weights: BlocksMut<'a>,
    pub kept: &'a mut [f32],
    /// The sums over the groups before.
    pub sums: &'a mut [BlockSums],
}

impl Divisible for BlocksToUpdate<'_> {
    fn split_at(self, middle: usize) -> [Self; 2] {
        let BlocksToUpdate { blocks, weights, kept, sums } = self;
        let count = middle - blocks.start;
        let share = |length: usize| length / blocks.len().max(1) * count;
        let (left_kept, right_kept) = kept.split_at_mut(share(kept.len()));
        let (left_sums, right_sums) = sums.split_at_mut(share(sums.len()));
        let (left_weights, right_weights) = weights.split_at(count);
        [
            BlocksToUpdate { blocks: blocks.start..middle, weights: left_weights, kept: left_kept, sums: left_sums },
            BlocksToUpdate { blocks: middle..blocks.end, weights: right_weights, kept: right_kept, sums: right_sums },
        ]
    }
}

/// The step of any optimiser, for the last group.
pub(crate) struct Update<'a> {
    pub updated: BlocksToUpdate<'a>,
    pub step: Step,
    /// Whether there have been groups before.
    pub goes_on: bool,
}

impl StepFour for Update<'_> {
    #[inline(always)]
    fn weights(&self, (first, shape): (usize, LayerShape)) -> Blocks<'_> {
        self.updated.weights.layer(first - self.updated.blocks.start, shape)
    }

    #[inline(always)]
    fn layer<S: Simd>(&mut self, simd: S, gradients: LayerGradients<'_>) {
        match in_registers(self.step) {
            Some(sgd) => self.descend(simd, sgd, gradients),
            None => self.update(simd, gradients),
        }
    }

    #[inline(always)]
    fn back_and_layer<S: Simd>(&mut self, simd: S, way_back: WayBack<'_>, gradients: LayerGradients<'_>) {
        match in_registers(self.step) {
            Some(sgd) if gradients.shape.is_narrow() => self.back_and_descend(simd, sgd, way_back, gradients),
            _ => one_after_the_other(simd, self, way_back, gradients),
        }
    }
}

impl Update<'_> {
    /// Gradient descent, while the sums are in registers; of each block in a function of its own (`vectorize` outlines it), so that
    /// the loops over the blocks keep nothing on the stack for it.
    #[inline(always)]
    fn descend<S: Simd>(&mut self, simd: S, sgd: Sgd, gradients: LayerGradients<'_>) {
        let readers = gradients.readers;
        gradients.for_each(
            #[inline(always)]
            |block, gradient| {
                simd.vectorize(
                    #[inline(always)]
                    || {
                        let (before, weights, velocity) = self.descent_of(block);
                        gradient.descend(simd, sgd, readers, before, weights, velocity);
                    },
                );
            },
        );
    }

    /// The same for all blocks of a narrow layer, and back through it.
    #[inline(always)]
    fn back_and_descend<S: Simd>(
        &mut self,
        simd: S,
        sgd: Sgd,
        mut way_back: WayBack<'_>,
        gradients: LayerGradients<'_>,
    ) {
        gradients.for_each(
            #[inline(always)]
            |block, gradient| {
                simd.vectorize(
                    #[inline(always)]
                    || {
                        let (before, weights, velocity) = self.descent_of(block);
                        backward_and_descend(simd, gradient, &mut way_back, sgd, before, weights, velocity);
                    },
                );
            },
        );
    }

    /// What the step of gradient descent of a block needs: the sums over the groups before, if there are any, its weights, and its
    /// velocity, if there is one.
    #[inline(always)]
    fn descent_of(&mut self, block: usize) -> (Option<&[f32]>, BlockMut<'_>, &mut [f32]) {
        let Update { updated: BlocksToUpdate { blocks, weights, kept, sums }, goes_on, .. } = self;
        let block = block - blocks.start;
        let velocity = if kept.is_empty() { &mut [][..] } else { &mut kept[block * GRADIENT..][..GRADIENT] };
        let before = if *goes_on { Some(&sums[block].get_mut().numbers[..]) } else { None };
        (before, weights.block(block), velocity)
    }

    /// The gradient of a block is in memory no longer than its step takes, but for the sums over the groups before.
    #[inline(always)]
    fn update<S: Simd>(&mut self, simd: S, gradients: LayerGradients<'_>) {
        let Update { updated: BlocksToUpdate { blocks, weights, kept, sums }, step, goes_on } = self;
        let (slots, readers) = (step.rule.slots() * GRADIENT, gradients.readers);
        let mut sums_of_one_group = [0.0; GRADIENT];
        gradients.for_each(
            #[inline(always)]
            |block, gradient| {
                let block = block - blocks.start;
                let sums = if *goes_on { &mut sums[block].get_mut().numbers } else { &mut sums_of_one_group };
                sum_block(simd, gradient, sums, *goes_on);
                let kept = &mut kept[block * slots..][..slots];
                let place = (gradient.shape, gradient.block);
                update_block(simd, place, *step, readers, sums, weights.block(block), kept);
            },
        );
    }
}

impl Divisible for Update<'_> {
    fn split_at(self, middle: usize) -> [Self; 2] {
        let Update { updated, step, goes_on } = self;
        updated.split_at(middle).map(|updated| Update { updated, step, goes_on })
    }
}

/// Adds the gradients of a group to the sums, in its turn; then finds their squares, if wanted.
#[derive(Clone, Copy)]
pub(crate) struct Addition<'a> {
    pub parameters: &'a Parameters,
    pub sums: &'a [BlockSums],
    /// The groups before it.
    pub turn: usize,
    pub squares: bool,
    pub abandoned: &'a AtomicBool,
}

impl StepFour for Addition<'_> {
    #[inline(always)]
    fn weights(&self, layer: (usize, LayerShape)) -> Blocks<'_> {
        self.parameters.blocks(layer)
    }

    #[inline(always)]
    fn layer<S: Simd>(&mut self, simd: S, gradients: LayerGradients<'_>) {
        let Addition { sums, turn, squares: with_squares, abandoned, .. } = *self;
        gradients.for_each(
            #[inline(always)]
            |block, gradient| {
                sums[block].change(
                    turn,
                    abandoned,
                    #[inline(always)]
                    |sums| {
                        let Sums { numbers, squares } = &mut **sums;
                        sum_block(simd, gradient, numbers, turn > 0);
                        if with_squares {
                            matrix::gradient_squares(gradient.shape, gradient.block, numbers, squares);
                        }
                    },
                );
            },
        );
    }
}

impl Divisible for Addition<'_> {
    fn split_at(self, _middle: usize) -> [Self; 2] {
        [self; 2]
    }
}

/// Adds the gradients of the last group to the sums, in its turn, and updates these weights at once.
pub(crate) struct AdditionAndUpdate<'a> {
    pub weights: BlocksMut<'a>,
    pub kept: &'a mut [f32],
    pub step: Step,
    pub sums: &'a [BlockSums],
    /// The groups before it.
    pub turn: usize,
    pub abandoned: &'a AtomicBool,
}

impl StepFour for AdditionAndUpdate<'_> {
    #[inline(always)]
    fn weights(&self, (first, shape): (usize, LayerShape)) -> Blocks<'_> {
        self.weights.layer(first, shape)
    }

    #[inline(always)]
    fn layer<S: Simd>(&mut self, simd: S, gradients: LayerGradients<'_>) {
        let AdditionAndUpdate { weights, kept, step, sums, turn, abandoned } = self;
        let (slots, readers) = (step.rule.slots() * GRADIENT, gradients.readers);
        gradients.for_each(
            #[inline(always)]
            |block, gradient| {
                let place = (gradient.shape, gradient.block);
                let kept = &mut kept[block * slots..][..slots];
                sums[block].change(
                    *turn,
                    abandoned,
                    #[inline(always)]
                    |sums| {
                        sum_block(simd, gradient, &mut sums.numbers, *turn > 0);
                        update_block(simd, place, *step, readers, &sums.numbers, weights.block(block), kept);
                    },
                );
            },
        );
    }
}

/// The gradients of the one group there is, in book order: one vector for each layer.
pub(crate) struct BookOrder<'a> {
    pub parameters: &'a Parameters,
    pub gradients: &'a mut [Vec<f32>],
}

impl StepFour for BookOrder<'_> {
    #[inline(always)]
    fn weights(&self, layer: (usize, LayerShape)) -> Blocks<'_> {
        self.parameters.blocks(layer)
    }

    #[inline(always)]
    fn layer<S: Simd>(&mut self, simd: S, gradients: LayerGradients<'_>) {
        let in_book_order = &mut self.gradients[gradients.layer];
        let mut sums = [0.0; GRADIENT];
        gradients.for_each(
            #[inline(always)]
            |_, gradient| {
                sum_block(simd, gradient, &mut sums, false);
                matrix::write_gradient(gradient.shape, gradient.block, &sums, in_book_order);
            },
        );
    }
}

/// Calls `visit` with each of the blocks `blocks`, its layer (counted from 0), the layer's shape, and the block's panels; layer
/// by layer from the last one.
#[inline(always)]
fn for_each_block(
    layers: Layers<'_>,
    blocks: Range<usize>,
    mut visit: impl FnMut(usize, usize, (LayerShape, (usize, usize))),
) {
    for (layer, &(start, shape)) in layers.iter().enumerate().rev() {
        let of_layer = |block: usize| block.clamp(start, start + shape.blocks()) - start;
        shape.for_each_block(
            of_layer(blocks.start)..of_layer(blocks.end),
            1,
            #[inline(always)]
            |block, place| visit(start + block, layer, (shape, place)),
        );
    }
}

/// The step of any optimiser from sums over all groups.
pub(crate) fn update_from_sums(level: Level, layers: Layers<'_>, step: Step, updated: BlocksToUpdate<'_>) {
    let BlocksToUpdate { blocks, mut weights, kept, sums } = updated;
    let slots = step.rule.slots() * GRADIENT;
    dispatch!(level, simd => for_each_block(
        layers,
        blocks.clone(),
        #[inline(always)]
        |block, layer, place| {
            let block = block - blocks.start;
            let sums = &sums[block].get_mut().numbers;
            let kept = &mut kept[block * slots..][..slots];
            update_block(simd, place, step, readers_of(layer, false), sums, weights.block(block), kept);
        },
    ));
}

/// The same, each block in turn `turn`.
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
        #[inline(always)]
        |block, layer, place| {
            let kept = &mut kept[block * slots..][..slots];
            sums[block].change(
                turn,
                abandoned,
                #[inline(always)]
                |sums| {
                    update_block(simd, place, step, readers_of(layer, false), &sums.numbers, weights.block(block), kept)
                },
            );
        },
    );
}

/// Calls `body` on up to `threads` threads with a part of the blocks each.
pub(crate) fn for_blocks(threads: usize, updated: BlocksToUpdate<'_>, body: &(impl Fn(BlocksToUpdate<'_>) + Sync)) {
    let count = updated.blocks.len();
    share_out(
        0..threads,
        updated,
        &|updated, _, middle| match updated.blocks.len() {
            0 | 1 => (updated, None),
            _ => {
                let [left, right] = updated.split_at(count * middle / threads);
                (left, Some(right))
            }
        },
        &|_, updated| body(updated),
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
    readers: BackwardReaders,
    sums: &[f32],
    weights: matrix::BlockMut<'_>,
    kept: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        move || matrix::update_block(simd, place, step, readers, sums, weights, kept),
    );
}
