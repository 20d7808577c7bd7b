//! The gradient of one block of weights, summed over a minibatch, and what is done with it.

use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;

use super::few::{few_rows, with_units};
use super::layout::{BACKWARD_BLOCK, FORWARD_BLOCK, GRADIENT, LayerShape, PANEL, Panels, units_in_block};
use super::stretch::in_even_parts;
use super::tile::{
    AlongSamples, AlongSamplesAndBiases, AlongSamplesBelowOnes, Chain, Ends, Walk, ZEROS, stored_tiles, tiles,
};
use crate::optimizer::Sgd;
use crate::simd::Simd;

/// A block of weights and what its gradient is made from.
#[derive(Clone, Copy, Debug)]
pub struct BlockGradient<'a> {
    /// The layer's widths.
    pub shape: LayerShape,
    /// The output panel and the input panel of the block.
    pub block: (usize, usize),
    /// The postactivations, or features, of the layer before.
    pub z: Panels<'a>,
    /// The deltas of this layer.
    pub delta: Panels<'a>,
    /// The samples that it is summed over, at least one: the first rows of the panels.
    pub samples: usize,
}

/// Both copies of a block of weights, to be written.
#[derive(Debug)]
pub struct BlockMut<'a> {
    /// As the forward sweep reads it.
    pub forward: &'a mut [f32],
    /// As the backward sweep reads it.
    pub backward: &'a mut [f32],
}

/// Who reads the backward copy of some weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackwardReaders {
    /// Nobody: that of the first layer, through which nothing is propagated back.
    Nobody,
    /// The thread that writes it.
    Writer,
    /// Other threads, too.
    Everybody,
}

/// The sweep that reads a copy.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Forward,
    Backward,
}

impl BlockMut<'_> {
    /// # Panics
    /// If the slices have not [`FORWARD_BLOCK`] and [`BACKWARD_BLOCK`] numbers.
    #[inline(always)]
    pub(super) fn check(&self) {
        assert_eq!(self.forward.len(), FORWARD_BLOCK, "the weights of a block");
        assert_eq!(self.backward.len(), BACKWARD_BLOCK, "the weights of a block");
    }

    /// Where the weights of a copy are, less their place in the gradient.
    #[inline(always)]
    pub(super) fn weights(&mut self, side: Side) -> *mut f32 {
        match side {
            Side::Forward => self.forward.as_mut_ptr(),
            // There is no row of biases.
            Side::Backward => self.backward.as_mut_ptr().wrapping_sub(PANEL),
        }
    }
}

impl BlockGradient<'_> {
    /// Step 4 of backpropagation, summed over the samples in their order. If it `goes_on`, it does so from the `sums` over the
    /// samples before.
    ///
    /// `sums` has [`GRADIENT`] numbers in rows of [`PANEL`]: row 0 the biases (of input panel 0 alone), row 1 + j the
    /// weights from input j; in an output panel of at most [`NARROW`](super::NARROW) units, row 1 + i the weights to output
    /// i. What lies outside the layer has no meaning.
    ///
    /// # Panics
    /// If the panels do not fit the layer, or have fewer rows than there are samples, or `sums` has another size.
    #[inline(always)]
    pub fn sum<S: Simd>(&self, simd: S, sums: &mut [f32], goes_on: bool) {
        assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
        let sums = sums.as_mut_ptr();
        let start = if goes_on { Start(sums) } else { Start::ZERO };
        self.finish_with(
            simd,
            start,
            #[inline(always)]
            |_| {
                (
                    #[inline(always)]
                    move |_| (),
                    #[inline(always)]
                    move |sum, place| {
                        // SAFETY: places are those of whole vectors in the gradient of a block.
                        unsafe { simd.store_to(sum, sums.add(place)) }
                    },
                )
            },
        );
    }

    /// The same sums, and with each at once the step of gradient descent, while it is in a register. Keeps both copies of
    /// the block in agreement; but where nobody reads the backward copy, the forward copy alone unless the output panel has
    /// at most [`NARROW`](super::NARROW) units.
    ///
    /// `before` has the sums over the samples before, if there are any. `velocity` has the layout of the gradient; it may be
    /// empty where the momentum is 0.
    ///
    /// # Panics
    /// If the panels do not fit the layer, or have fewer rows than there are samples, `block` has not the numbers of a block, or
    /// `before` or `velocity` has not [`GRADIENT`] where it is used.
    #[inline(always)]
    pub fn descend<S: Simd>(
        &self,
        simd: S,
        sgd: Sgd,
        readers: BackwardReaders,
        before: Option<&[f32]>,
        mut block: BlockMut<'_>,
        velocity: &mut [f32],
    ) {
        block.check();
        let start = before.map_or(Start::ZERO, Start::after);
        let refreshed = block.weights(Side::Backward);
        if sgd.momentum == 0.0 {
            self.finish_with(
                simd,
                start,
                #[inline(always)]
                |side| {
                    let weights = block.weights(side);
                    (
                        #[inline(always)]
                        move |place| {
                            simd.prefetch(weights.wrapping_add(place));
                            // SAFETY: tiles announce places of the forward copy, and few units have no tiles.
                            unsafe { fetch_refreshed(simd, readers, refreshed, place) };
                        },
                        #[inline(always)]
                        move |sum, place| {
                            // SAFETY: places are those of whole vectors in the gradient of a block, and so in that copy.
                            unsafe { descend_plainly(simd, sgd, sum, weights.wrapping_add(place)) }
                        },
                    )
                },
            );
        } else {
            assert_eq!(velocity.len(), GRADIENT, "the velocity of a block");
            let velocity = velocity.as_mut_ptr();
            self.finish_with(
                simd,
                start,
                #[inline(always)]
                |side| {
                    let weights = block.weights(side);
                    (
                        #[inline(always)]
                        move |place| {
                            simd.prefetch(weights.wrapping_add(place));
                            simd.prefetch(velocity.wrapping_add(place));
                            // SAFETY: as above.
                            unsafe { fetch_refreshed(simd, readers, refreshed, place) };
                        },
                        #[inline(always)]
                        move |sum, place| {
                            // SAFETY: as above, and the velocity has the layout of the gradient.
                            unsafe {
                                descend_with_momentum(simd, sgd, sum, weights.wrapping_add(place), velocity.add(place));
                            }
                        },
                    )
                },
            );
        }
        refresh_other_copy(simd, (self.shape, self.block), readers, block);
    }

    /// # Panics
    /// If there is no such block, or the panels do not fit the layer, or have fewer rows than there are samples.
    #[inline(always)]
    pub(super) fn check(&self) {
        let (output_panel, input_panel) = self.block;
        assert!(output_panel < self.shape.output_panels() && input_panel < self.shape.input_panels());
        assert!(
            self.z.units == self.shape.inputs && self.delta.units == self.shape.outputs,
            "the panels fit the layer"
        );
        assert!((1..=self.z.rows.min(self.delta.rows)).contains(&self.samples), "a row for each sample");
    }

    /// Gives each vector of sums, which begin with `start`, and its place in the gradient to the second function that
    /// `ends` makes for the copy of the block to be updated: the weights to few units are updated in the backward copy. The
    /// first one learns that place when a tile begins.
    #[inline(always)]
    fn finish_with<S: Simd, A: Fn(usize) + Copy, F: Fn(S::Vector, usize) + Copy>(
        &self,
        simd: S,
        start: Start,
        mut ends: impl FnMut(Side) -> (A, F),
    ) {
        self.check();
        let (output_panel, input_panel) = self.block;
        let z = self.z.panel(input_panel).as_ptr();
        let delta = self.delta.panel(output_panel).as_ptr();
        let (inputs, outputs) = units_in_block(self.shape, self.block);
        if !self.shape.is_narrow_panel(output_panel) {
            let (b, ends) = ((delta, outputs), ends(Side::Forward));
            if input_panel == 0 {
                self.sum_products::<S, AlongSamplesBelowOnes>(simd, (z, 0..1 + inputs), b, start, ends);
            } else {
                self.sum_products::<S, AlongSamples>(simd, (z, 1..1 + inputs), b, start, ends);
            }
        } else {
            let (of_biases, of_weights) = (ends(Side::Forward).1, ends(Side::Backward).1);
            with_units!(simd, outputs, UNITS => {
                if input_panel == 0 {
                    self.sum_few_products::<S, AlongSamplesAndBiases, UNITS>(
                        simd,
                        delta,
                        (z, inputs),
                        start,
                        #[inline(always)]
                        |sum, place| if place < PANEL { of_biases(sum, place) } else { of_weights(sum, place) },
                    );
                } else {
                    self.sum_few_products::<S, AlongSamples, UNITS>(simd, delta, (z, inputs), start, of_weights);
                }
            });
        }
    }

    /// `sums(m, n) = sum over the samples of a(m) b(n)`, for `rows` of the gradient and `columns` numbers b of each sample.
    #[inline(always)]
    fn sum_products<S: Simd, W: Walk>(
        &self,
        simd: S,
        (a, rows): (*const f32, Range<usize>),
        (b, columns): (*const f32, usize),
        start: Start,
        (announce, finish): (impl Fn(usize) + Copy, impl Fn(S::Vector, usize) + Copy),
    ) {
        let width = columns.div_ceil(S::LANES);
        debug_assert!(columns <= PANEL && rows.end <= 1 + PANEL);
        let mut chain = self.chain(a, b);
        let place = rows.start * PANEL;
        let mut ends = start.ends(place);
        let mut so_far = SoFar([MaybeUninit::uninit(); GRADIENT]);
        if const { S::SAMPLE_STRETCH < usize::MAX } && chain.length / 2 > S::SAMPLE_STRETCH {
            let so_far = so_far.0.as_mut_ptr().cast::<f32>();
            let longest = in_even_parts(chain.length, S::SAMPLE_STRETCH);
            while chain.length > longest {
                let stretch = Chain { length: longest, ..chain };
                // SAFETY: as below, and the sums have room for a gradient.
                unsafe { stored_tiles::<S, W>(simd, rows.len(), width, stretch, ends, so_far) };
                ends = Start(so_far).ends(place);
                chain = chain.after(longest);
            }
        }
        // SAFETY: A and B are panels, with a row for each sample, as `finish_with` checked; the rows and columns are those of
        // a panel, and those of the start are in a gradient.
        unsafe {
            tiles::<S, W>(simd, rows.len(), width, chain, ends, announce, finish);
        }
    }

    /// The same for `ROWS` rows of the gradient of few units, below that of the biases.
    #[inline(always)]
    fn sum_few_products<S: Simd, W: Walk, const ROWS: usize>(
        &self,
        simd: S,
        a: *const f32,
        (b, columns): (*const f32, usize),
        start: Start,
        finish: impl Fn(S::Vector, usize) + Copy,
    ) {
        debug_assert!(columns <= PANEL && ROWS <= PANEL);
        let ends = start.ends(PANEL);
        // SAFETY: as in `sum_products`; A are rows of a panel.
        unsafe { few_rows::<S, W, ROWS>(simd, columns.div_ceil(S::LANES), self.chain(a, b), ends, finish) };
    }

    /// The chain through all samples, from a number in a panel of the first one on: one segment.
    #[inline(always)]
    fn chain(&self, a: *const f32, b: *const f32) -> Chain {
        Chain { a, b, a_row: 1, a_segment: 0, b_segment: 0, segment: self.samples, length: self.samples }
    }
}

/// What the sums of a block begin with: those over the samples before, in the layout of the gradient, or null for zeros.
#[derive(Clone, Copy)]
pub(super) struct Start(*const f32);

impl Start {
    pub const ZERO: Start = Start(ptr::null());

    /// # Panics
    /// If the sums are not those of a block.
    #[inline(always)]
    pub fn after(sums: &[f32]) -> Self {
        assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
        Start(sums.as_ptr())
    }

    /// Those sums, if there are any.
    #[inline(always)]
    pub fn get(self) -> Option<*const f32> {
        (!self.0.is_null()).then_some(self.0)
    }

    /// For the rows from that of `place` on.
    #[inline(always)]
    fn ends(self, place: usize) -> Ends {
        match self.get() {
            None => Ends { start: ZEROS.as_ptr(), one_start: true, place },
            Some(sums) => Ends { start: sums.wrapping_add(place), one_start: false, place },
        }
    }
}

/// The sums of a block between two stretches.
#[repr(align(64))]
struct SoFar([MaybeUninit<f32>; GRADIENT]);

/// The step of gradient descent without momentum for one vector of the gradient.
///
/// # Safety
/// A vector must be readable and writable at `weights`.
#[inline(always)]
unsafe fn descend_plainly<S: Simd>(simd: S, sgd: Sgd, sum: S::Vector, weights: *mut f32) {
    // SAFETY: passed on to the caller.
    unsafe { simd.store_to(sgd.plain_lanes(simd, sum, simd.load_from(weights)), weights) };
}

/// The same with momentum.
///
/// # Safety
/// And at `velocity`.
#[inline(always)]
unsafe fn descend_with_momentum<S: Simd>(simd: S, sgd: Sgd, sum: S::Vector, weights: *mut f32, velocity: *mut f32) {
    // SAFETY: passed on to the caller.
    unsafe {
        let (weight, v) = sgd.step_lanes(simd, sum, simd.load_from(weights), simd.load_from(velocity));
        simd.store_to(weight, weights);
        simd.store_to(v, velocity);
    }
}

/// Either of them; without momentum there need be no velocity.
///
/// # Safety
/// As of both.
#[inline(always)]
pub(super) unsafe fn descend_lanes<S: Simd>(simd: S, sgd: Sgd, sum: S::Vector, weights: *mut f32, velocity: *mut f32) {
    // SAFETY: passed on to the caller.
    unsafe {
        match sgd.momentum == 0.0 {
            true => descend_plainly(simd, sgd, sum, weights),
            false => descend_with_momentum(simd, sgd, sum, weights, velocity),
        }
    }
}

/// Fetches a cache line of the backward copy (which [`BlockMut::weights`] has told), if it is to be written after the forward
/// copy: not the one that gets the weights at `place`, but the one that stands there. So each line has its turn.
///
/// # Safety
/// `place` must be one of the gradient, and [`refresh_other_copy`] must follow.
#[inline(always)]
unsafe fn fetch_refreshed<S: Simd>(simd: S, readers: BackwardReaders, backward: *mut f32, place: usize) {
    match readers {
        BackwardReaders::Nobody => {}
        BackwardReaders::Writer => simd.prefetch(backward.wrapping_add(place)),
        // SAFETY: the copy has a place for each one of the gradient below the row of biases. What lies outside the layer, and is
        // not written anew, is 0 and stays so.
        BackwardReaders::Everybody if place >= PANEL => unsafe { simd.claim(backward.wrapping_add(place)) },
        BackwardReaders::Everybody => {}
    }
}

/// The copy of the block that is updated is copied to the other one.
#[inline(always)]
pub(super) fn refresh_other_copy<S: Simd>(
    simd: S,
    (shape, block): (LayerShape, (usize, usize)),
    readers: BackwardReaders,
    weights: BlockMut<'_>,
) {
    let (inputs, outputs) = units_in_block(shape, block);
    let forward = &mut weights.forward[PANEL..];
    if shape.is_narrow_panel(block.0) {
        copy_to_forward(outputs, inputs, weights.backward, forward);
    } else if readers != BackwardReaders::Nobody {
        copy_to_backward(simd, outputs, inputs, forward, weights.backward);
    }
}

/// Copies the backward copy to the forward copy, for few units. Clears what lies beyond the last
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

/// Copies the forward copy to the backward copy, in squares of `LANES`.
#[inline(always)]
fn copy_to_backward<S: Simd>(simd: S, outputs: usize, inputs: usize, forward: &[f32], backward: &mut [f32]) {
    assert!(forward.len() == PANEL * PANEL && backward.len() == PANEL * PANEL && outputs <= PANEL && inputs <= PANEL);
    for input in (0..inputs).step_by(S::LANES) {
        for output in (0..outputs).step_by(S::LANES) {
            let from = forward[input * PANEL + output..].as_ptr();
            let to = backward[output * PANEL + input..].as_mut_ptr();
            // SAFETY: both copies have PANEL rows of PANEL, and `input` and `output` are multiples of LANES below it.
            unsafe { simd.transpose(from, PANEL, to, PANEL) };
        }
    }
}
