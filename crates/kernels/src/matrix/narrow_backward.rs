//! Back through a layer of a few units and down its gradient, steps 3 and 4 of backpropagation, in one pass over the samples. Both
//! read the same activations and deltas, and each is a chain that waits for itself: side by side they take little longer than one.

use super::few::with_units;
use super::gradient::{BackwardReaders, BlockGradient, BlockMut, Side, Start, descend_lanes, refresh_other_copy};
use super::layout::{GRADIENT, NARROW, PANEL, Panels, PanelsMut, units_in_block};
use crate::activation::{Slope, derivative_lanes, with_constant};
use crate::optimizer::Sgd;
use crate::simd::{Simd, Vector};

/// The way back to the layer before.
#[derive(Debug)]
pub struct WayBack<'a> {
    /// How dz/da is found in `derivatives`.
    pub slope: Slope,
    /// The postactivations of the layer before; or dz/da, if the slope says so.
    pub derivatives: Panels<'a>,
    /// Its deltas, to be written: all of its panels.
    pub delta_in: PanelsMut<'a>,
}

/// [`backward`](super::backward) through a block of a narrow layer, to its panel of inputs, and [`BlockGradient::descend`] for
/// its weights as they were before.
///
/// # Panics
/// If the layer is not narrow, or the way back is not that to the layer before; and as [`BlockGradient::descend`].
#[inline(always)]
pub fn backward_and_descend<S: Simd>(
    simd: S,
    gradient: BlockGradient<'_>,
    way_back: &mut WayBack<'_>,
    sgd: Sgd,
    before: Option<&[f32]>,
    mut block: BlockMut<'_>,
    velocity: &mut [f32],
) {
    let WayBack { slope, derivatives, delta_in } = way_back;
    let BlockGradient { shape, block: place @ (_, input_panel), z, delta, samples } = gradient;
    block.check();
    gradient.check();
    assert!(shape.is_narrow(), "the layer has few units");
    assert!(derivatives.units == shape.inputs && delta_in.units == shape.inputs, "the panels fit the layer before");
    assert!(samples <= derivatives.rows && samples <= delta_in.rows, "a row for each sample");
    if sgd.momentum != 0.0 {
        assert_eq!(velocity.len(), GRADIENT, "the velocity of a block");
    }
    let velocity = velocity.as_mut_ptr();
    let start = before.map_or(Start::ZERO, Start::after);
    let (inputs, outputs) = units_in_block(shape, place);
    let (z, derivatives) = (z.panel(input_panel).as_ptr(), derivatives.panel(input_panel).as_ptr());
    let (delta, results) = (delta.panel(0).as_ptr(), delta_in.panel(input_panel).as_mut_ptr());
    let (biases, weights) = (block.weights(Side::Forward), block.weights(Side::Backward));
    with_units!(simd, outputs, UNITS => with_constant!(simd, Slope: *slope, SLOPE => {
        let pass = Pass { samples, delta, z, derivatives, slope: SLOPE, weights, start, results };
        // SAFETY: the panels have a row for each sample and the blocks and the velocity their numbers, as was checked, and so has
        // what the chains start with.
        unsafe {
            pass.through::<S, UNITS>(
                simd,
                (inputs, input_panel == 0),
                #[inline(always)]
                move |sum, place| {
                    let copy = if place < PANEL { biases } else { weights };
                    descend_lanes(simd, sgd, sum, copy.wrapping_add(place), velocity.wrapping_add(place));
                },
            );
        }
    }));
    refresh_other_copy(simd, (shape, place), BackwardReaders::Writer, block);
}

/// What a pass over the samples reads and writes: rows of panels.
#[derive(Clone, Copy)]
struct Pass {
    samples: usize,
    delta: *const f32,
    z: *const f32,
    derivatives: *const f32,
    slope: Slope,
    /// The weights before the step, at their places in the gradient.
    weights: *const f32,
    start: Start,
    /// The deltas of the layer before.
    results: *mut f32,
}

impl Pass {
    /// Through a panel of `inputs` inputs, and with the biases if they are in its block. `finish` takes each vector of the
    /// gradient and its place there.
    ///
    /// # Safety
    /// All must be there for so many samples, units and inputs.
    #[inline(always)]
    unsafe fn through<S: Simd, const UNITS: usize>(
        self,
        simd: S,
        (inputs, has_biases): (usize, bool),
        finish: impl Fn(S::Vector, usize) + Copy,
    ) {
        const { assert!(UNITS <= NARROW) };
        let mut column = 0;
        while column < inputs {
            let left = (inputs - column).div_ceil(S::LANES);
            // SAFETY: passed on to the caller; no more vectors than are left.
            let vectors = unsafe {
                match (has_biases && column == 0, left) {
                    (true, 2..) if const { fits::<S>(UNITS) } => {
                        self.columns::<S, UNITS, 2, true>(simd, column, finish)
                    }
                    (true, _) => self.columns::<S, UNITS, 1, true>(simd, column, finish),
                    (false, 2..) if const { fits::<S>(UNITS) } => {
                        self.columns::<S, UNITS, 2, false>(simd, column, finish)
                    }
                    (false, _) => self.columns::<S, UNITS, 1, false>(simd, column, finish),
                }
            };
            column += vectors * S::LANES;
        }
    }

    /// The same for `VECTORS` vectors of inputs from `column` on. Returns `VECTORS`.
    ///
    /// # Safety
    /// As [`through`](Self::through).
    #[inline(always)]
    unsafe fn columns<S: Simd, const UNITS: usize, const VECTORS: usize, const BIASES: bool>(
        self,
        simd: S,
        column: usize,
        finish: impl Fn(S::Vector, usize) + Copy,
    ) -> usize {
        let zero = simd.splat(0.0);
        let (mut weights, mut sums) = ([[zero; VECTORS]; UNITS], [[zero; VECTORS]; UNITS]);
        // Single numbers: a vector of deltas would have to wait until all of them are in the cache.
        let mut biases = [0.0; UNITS];
        // SAFETY: the rows below are those of the samples and of the units, and the columns those of the inputs, which the
        // caller vouches for.
        unsafe {
            let mut unit = 0;
            while unit < UNITS {
                let mut vector = 0;
                while vector < VECTORS {
                    let place = (1 + unit) * PANEL + column + vector * S::LANES;
                    weights[unit][vector] = simd.load_from(self.weights.wrapping_add(place));
                    if let Some(start) = self.start.get() {
                        sums[unit][vector] = simd.load_from(start.add(place));
                    }
                    vector += 1;
                }
                if BIASES && let Some(start) = self.start.get() {
                    biases[unit] = *start.add(unit);
                }
                unit += 1;
            }
            let mut row = 0;
            while row < self.samples * PANEL {
                let mut deltas = [0.0; UNITS];
                let mut unit = 0;
                while unit < UNITS {
                    deltas[unit] = *self.delta.add(row + unit);
                    if BIASES {
                        biases[unit] += deltas[unit];
                    }
                    unit += 1;
                }
                let mut vector = 0;
                while vector < VECTORS {
                    let place = row + column + vector * S::LANES;
                    let z = simd.load_from(self.z.add(place));
                    let mut back = zero;
                    let mut unit = 0;
                    while unit < UNITS {
                        let delta = simd.splat(deltas[unit]);
                        sums[unit][vector] = delta.mul_add(z, sums[unit][vector]);
                        back = delta.mul_add(weights[unit][vector], back);
                        unit += 1;
                    }
                    let derivative = derivative_lanes(simd, self.slope, simd.load_from(self.derivatives.add(place)));
                    simd.store_to(back * derivative, self.results.add(place));
                    vector += 1;
                }
                row += PANEL;
            }
        }
        let mut unit = 0;
        while BIASES && unit < UNITS {
            let lanes = S::LANES.min(UNITS - unit);
            finish(simd.load_partial(&biases[unit..][..lanes]), unit);
            unit += lanes;
        }
        let mut unit = 0;
        while unit < UNITS {
            let mut vector = 0;
            while vector < VECTORS {
                finish(sums[unit][vector], (1 + unit) * PANEL + column + vector * S::LANES);
                vector += 1;
            }
            unit += 1;
        }
        VECTORS
    }
}

/// Whether two vectors of weights and sums for so many units, and their deltas, fit the registers.
const fn fits<S: Simd>(units: usize) -> bool {
    5 * units <= S::TILE_ROWS * S::TILE_VECTORS
}
