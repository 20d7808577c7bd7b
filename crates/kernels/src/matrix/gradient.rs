//! The gradient of one block of weights, summed over a minibatch, and what is done with it.

use std::ops::Range;

use super::layout::{BLOCK, FORWARD, GRADIENT, LayerShape, Minibatch, PANEL, units_in_panel};
use super::tile::{AlongSamples, AlongSamplesBelowOnes, Chain, Ends, Walk, ZEROS, tiles};
use crate::optimizer::Sgd;
use crate::simd::Simd;

/// A block of weights and what its gradient is made from.
#[derive(Clone, Copy, Debug)]
pub struct BlockGradient<'a> {
    /// The layer's widths.
    pub shape: LayerShape,
    /// The output panel and the input panel of the block.
    pub block: (usize, usize),
    /// The activations and deltas of all samples.
    pub minibatch: Minibatch<'a>,
    /// Where the panels z of the layer before start in each group of the minibatch.
    pub z: usize,
    /// Where the panels delta of this layer start in each group.
    pub delta: usize,
}

impl BlockGradient<'_> {
    /// Step 4 of backpropagation, summed over the samples in their order.
    ///
    /// `sums` has [`GRADIENT`] numbers in rows of [`PANEL`]: row 0 the biases (of input panel 0 alone), row 1 + j the weights
    /// from input j; of a narrow layer, row 1 + i the weights to output i. What lies outside the layer is left alone.
    ///
    /// # Panics
    /// If the minibatch does not hold those panels, or `sums` has another size.
    #[inline(always)]
    pub fn sum<S: Simd>(&self, simd: S, sums: &mut [f32]) {
        assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
        let sums = sums.as_mut_ptr();
        self.finish_with(
            simd,
            #[inline(always)]
            move |_, _| (),
            #[inline(always)]
            move |sum, place, _| {
                // SAFETY: places are those of whole vectors in the gradient of a block.
                unsafe { simd.store_to(sum, sums.add(place)) }
            },
        );
    }

    /// The same sums, and with each at once the step of gradient descent, while it is in a register. Keeps both halves of
    /// the `block` in agreement; but of the first layer (`is_first`), through which nothing is propagated back, the
    /// forward half alone if the layer is not narrow.
    ///
    /// `velocity` has the layout of the gradient; it may be empty where the momentum is 0.
    ///
    /// # Panics
    /// If the minibatch does not hold those panels, `block` has not [`BLOCK`] numbers, or `velocity` has not [`GRADIENT`]
    /// where it is used.
    #[inline(always)]
    pub fn descend<S: Simd>(&self, simd: S, sgd: Sgd, is_first: bool, block: &mut [f32], velocity: &mut [f32]) {
        assert_eq!(block.len(), BLOCK, "the weights of a block");
        let weights = block.as_mut_ptr();
        if sgd.momentum == 0.0 {
            self.finish_with(
                simd,
                #[inline(always)]
                move |place, half| simd.prefetch(weights.wrapping_add(half + place)),
                #[inline(always)]
                move |sum, place, half| {
                    // SAFETY: places are those of whole vectors in the gradient of a block, and, with the half added, in
                    // the block.
                    unsafe {
                        let weights = weights.add(half + place);
                        simd.store_to(sgd.plain_lanes(simd, sum, simd.load_from(weights)), weights);
                    }
                },
            );
        } else {
            assert_eq!(velocity.len(), GRADIENT, "the velocity of a block");
            let velocity = velocity.as_mut_ptr();
            self.finish_with(
                simd,
                #[inline(always)]
                move |place, half| {
                    simd.prefetch(weights.wrapping_add(half + place));
                    simd.prefetch(velocity.wrapping_add(place));
                },
                #[inline(always)]
                move |sum, place, half| {
                    // SAFETY: as above, and the velocity has the layout of the gradient.
                    unsafe {
                        let (weights, velocity) = (weights.add(half + place), velocity.add(place));
                        let (weight, v) = sgd.step_lanes(simd, sum, simd.load_from(weights), simd.load_from(velocity));
                        simd.store_to(weight, weights);
                        simd.store_to(v, velocity);
                    }
                },
            );
        }
        self.refresh_other_half(simd, is_first, block);
    }

    /// Copies the half of the block that was updated to the other one.
    #[inline(always)]
    pub(super) fn refresh_other_half<S: Simd>(&self, simd: S, is_first: bool, block: &mut [f32]) {
        let (inputs, outputs) = self.units();
        let (forward, backward) = block.split_at_mut(FORWARD);
        let forward = &mut forward[PANEL..];
        if self.shape.is_narrow() {
            copy_to_forward(outputs, inputs, backward, forward);
        } else if !is_first {
            copy_to_backward(simd, outputs, inputs, forward, backward);
        }
    }

    /// Inputs and outputs in the block.
    #[inline(always)]
    pub(super) fn units(&self) -> (usize, usize) {
        (units_in_panel(self.shape.inputs, self.block.1), units_in_panel(self.shape.outputs, self.block.0))
    }

    /// Calls `finish` with each vector of sums, its place in the gradient, and what must be added to that for its place in
    /// the block: a narrow layer's weights are updated in the backward half. Calls `announce` with both when it begins.
    #[inline(always)]
    fn finish_with<S: Simd>(
        &self,
        simd: S,
        announce: impl Fn(usize, usize) + Copy,
        finish: impl Fn(S::Vector, usize, usize) + Copy,
    ) {
        let (output_panel, input_panel) = self.block;
        assert!(output_panel < self.shape.output_panels() && input_panel < self.shape.input_panels());
        let z = self.minibatch.panel(self.z, input_panel);
        let delta = self.minibatch.panel(self.delta, output_panel);
        let (inputs, outputs) = self.units();
        let backward_half = FORWARD - PANEL;
        if !self.shape.is_narrow() {
            if input_panel == 0 {
                let rows = 0..1 + inputs;
                self.sum_products::<S, AlongSamplesBelowOnes>(simd, (z, rows), (delta, outputs), 0, announce, finish);
            } else {
                self.sum_products::<S, AlongSamples>(simd, (z, 1..1 + inputs), (delta, outputs), 0, announce, finish);
            }
        } else {
            if input_panel == 0 {
                self.sum_products::<S, AlongSamplesBelowOnes>(simd, (z, 0..1), (delta, outputs), 0, announce, finish);
            }
            let rows = 1..1 + outputs;
            self.sum_products::<S, AlongSamples>(simd, (delta, rows), (z, inputs), backward_half, announce, finish);
        }
    }

    /// `sums(m, n) = sum over the samples of a(m) b(n)`, for `rows` of the gradient and `columns` numbers b of each sample.
    #[inline(always)]
    fn sum_products<S: Simd, W: Walk>(
        &self,
        simd: S,
        (a, rows): (*const f32, Range<usize>),
        (b, columns): (*const f32, usize),
        half: usize,
        announce: impl Fn(usize, usize) + Copy,
        finish: impl Fn(S::Vector, usize, usize) + Copy,
    ) {
        let minibatch = &self.minibatch;
        let width = columns.div_ceil(S::LANES);
        debug_assert!(columns <= PANEL && rows.end <= 1 + PANEL);
        for vector in (0..width).step_by(S::TILE_VECTORS) {
            let column = vector * S::LANES;
            let chain = Chain {
                a,
                a_segment: minibatch.group_stride,
                b: b.wrapping_add(column),
                b_segment: minibatch.group_stride,
                segment: minibatch.group_samples,
                length: minibatch.samples,
            };
            let place = rows.start * PANEL + column;
            let ends = Ends { start: ZEROS.as_ptr(), start_stride: 0, place, stride: PANEL };
            let vectors = S::TILE_VECTORS.min(width - vector);
            // SAFETY: `Minibatch::panel` checked that the panels of A and B are there in every group, with a row for each
            // sample; the rows and columns are those of a panel.
            unsafe {
                tiles::<S, W>(
                    simd,
                    rows.len(),
                    vectors,
                    chain,
                    ends,
                    #[inline(always)]
                    move |place| announce(place, half),
                    #[inline(always)]
                    move |sum, place| finish(sum, place, half),
                );
            }
        }
    }
}

/// Copies the backward half to the forward half, for the few units of a narrow layer. Clears what lies beyond the last
/// input before, where the postactivations, and so the gradient, need not be zero.
#[inline(always)]
fn copy_to_forward(outputs: usize, inputs: usize, backward: &mut [f32], forward: &mut [f32]) {
    let mut output = 0;
    while output < outputs {
        let row = &mut backward[output * PANEL..][..PANEL];
        row[inputs..].fill(0.0);
        let mut input = 0;
        while input < inputs {
            forward[input * PANEL + output] = row[input];
            input += 1;
        }
        output += 1;
    }
}

/// Copies the forward half to the backward half, in squares of `LANES`.
#[inline(always)]
fn copy_to_backward<S: Simd>(simd: S, outputs: usize, inputs: usize, forward: &[f32], backward: &mut [f32]) {
    assert!(forward.len() == PANEL * PANEL && backward.len() == PANEL * PANEL && outputs <= PANEL && inputs <= PANEL);
    for input in (0..inputs).step_by(S::LANES) {
        for output in (0..outputs).step_by(S::LANES) {
            let from = forward[input * PANEL + output..].as_ptr();
            let to = backward[output * PANEL + input..].as_mut_ptr();
            // SAFETY: both halves have PANEL rows of PANEL, and `input` and `output` are multiples of LANES below it.
            unsafe { simd.transpose(from, PANEL, to, PANEL) };
        }
    }
}
