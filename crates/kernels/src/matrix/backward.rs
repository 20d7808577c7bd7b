//! Backpropagation of a minibatch through one layer.

use super::layout::{BACKWARD_BLOCK, Blocks, NARROW, PANEL, Panels, PanelsMut, product, units_in_panel};
use super::stretch::{Visit, for_each_stretch};
use super::tile::{AlongUnits, Chain, Ends, ZEROS, stored_tiles, tiles};
use crate::activation::{Slope, derivative_lanes, with_constant};
use crate::simd::{Simd, Vector};

/// Step 3 of backpropagation: `delta_in = (W^T delta) dz/da` for the first `samples` samples. `z` are the postactivations of
/// the layer before, from which the derivative is found as `slope` says; or, if that says so, the derivatives. `delta_in` are
/// the panels of all inputs, or some of them from panel `first_panel` on.
///
/// # Panics
/// If the panels do not fit the layer, or have fewer rows than `samples`.
#[inline(always)]
pub fn backward<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    delta: Panels<'_>,
    samples: usize,
    slope: Slope,
    z: Panels<'_>,
    (mut delta_in, first_panel): (PanelsMut<'_>, usize),
) {
    let shape = weights.shape;
    assert!(delta.units == shape.outputs, "the deltas fit the layer");
    let end = product(&[first_panel, PANEL]).saturating_add(delta_in.units);
    assert!(z.units == shape.inputs && end <= shape.inputs, "the panels fit the layer before");
    assert!(end == shape.inputs || end.is_multiple_of(PANEL), "whole panels, but for the last one");
    assert!(samples <= delta.rows && samples <= z.rows && samples <= delta_in.rows, "a row for each sample");
    for_each_stretch::<S>(
        samples,
        shape.outputs,
        delta_in.units.div_ceil(PANEL),
        #[inline(always)]
        |visit| {
            let z = z.panel(first_panel + visit.panel)[..samples * PANEL].as_ptr();
            let results = delta_in.panel(visit.panel)[..samples * PANEL].as_mut_ptr();
            let sums = Sums { weights, delta, visit, first_panel, so_far: results };
            if !visit.stretch.is_last {
                sums.put_down(simd);
                return;
            }
            with_constant!(simd, Slope: slope, SLOPE => sums.finish_with(
                simd,
                #[inline(always)]
                move |place| simd.prefetch(z.wrapping_add(place)),
                #[inline(always)]
                move |sum, place| {
                    // SAFETY: both panels have a row of PANEL for each sample, and places lie in rows below `samples`.
                    unsafe {
                        let derivative = derivative_lanes(simd, SLOPE, simd.load_from(z.add(place)));
                        simd.store_to(sum * derivative, results.add(place));
                    }
                },
            ));
        },
    );
}

/// One stretch of the sums W^T delta of a panel of inputs.
struct Sums<'a> {
    weights: Blocks<'a>,
    delta: Panels<'a>,
    /// Its panels are counted from `first_panel`.
    visit: Visit,
    first_panel: usize,
    /// The panel in which the sums lie between two stretches, with a row for each sample up to the last one of the chunk.
    so_far: *mut f32,
}

impl Sums<'_> {
    /// Vectors in a row of the sums.
    #[inline(always)]
    fn width<S: Simd>(&self) -> usize {
        units_in_panel(self.weights.shape.inputs, self.first_panel + self.visit.panel).div_ceil(S::LANES)
    }

    /// Gives `tiles` (rows, width, chains and ends) all tiles.
    #[inline(always)]
    fn for_tiles<S: Simd>(&self, simd: S, mut tiles: impl FnMut(usize, usize, Chain, Ends)) {
        let Visit { panel, stretch, .. } = self.visit;
        let width = self.width::<S>();
        let b_segment = self.weights.shape.input_panels() * BACKWARD_BLOCK;
        let steps = |input_panel, from| self.weights.backward_from(from, self.first_panel + input_panel);
        self.visit.for_samples(
            simd,
            (steps, b_segment),
            #[inline(always)]
            |first, count| {
                let b = (steps(panel, stretch.panel), b_segment);
                let (chain, ends) = stretch.chains((self.delta, first), b, &ZEROS, self.so_far);
                tiles(count, width, chain, ends);
            },
        );
    }

    /// Leaves the sums for the next stretch.
    #[inline(always)]
    fn put_down<S: Simd>(&self, simd: S) {
        self.for_tiles(
            simd,
            #[inline(always)]
            |rows, width, chain, ends| {
                // SAFETY: as in `forward`; the steps of B lie in the backward blocks of this input panel, one for each
                // output panel.
                unsafe { stored_tiles::<S, AlongUnits>(simd, rows, width, chain, ends, self.so_far) };
            },
        );
    }

    /// Calls `finish` with each vector of the sums and its place in the panel; `announce` learns it when a tile begins.
    #[inline(always)]
    fn finish_with<S: Simd>(&self, simd: S, announce: impl Fn(usize) + Copy, finish: impl Fn(S::Vector, usize) + Copy) {
        if self.weights.shape.is_narrow() {
            let width = self.width::<S>();
            let block = self.weights.backward_block(0, self.first_panel + self.visit.panel);
            let delta = self.delta.panel(0);
            return match self.weights.shape.outputs {
                1 => through_few::<S, 1>(simd, block, delta, self.visit.samples, width, finish),
                2 => through_few::<S, 2>(simd, block, delta, self.visit.samples, width, finish),
                3 => through_few::<S, 3>(simd, block, delta, self.visit.samples, width, finish),
                _ => through_few::<S, NARROW>(simd, block, delta, self.visit.samples, width, finish),
            };
        }
        self.for_tiles(
            simd,
            #[inline(always)]
            |rows, width, chain, ends| {
                // SAFETY: as in `put_down`.
                unsafe { tiles::<S, AlongUnits>(simd, rows, width, chain, ends, announce, finish) };
            },
        );
    }
}

/// The sums over so few outputs that a tile would do more loading than adding.
#[inline(always)]
fn through_few<S: Simd, const OUTPUTS: usize>(
    simd: S,
    weights: &[f32],
    delta: &[f32],
    (first, count): (usize, usize),
    width: usize,
    finish: impl Fn(S::Vector, usize),
) {
    assert!(delta.len() >= (first + count) * PANEL && width * S::LANES <= PANEL);
    let mut column = 0;
    while column < width * S::LANES {
        let mut rows = [simd.splat(0.0); OUTPUTS];
        let mut output = 0;
        while output < OUTPUTS {
            rows[output] = simd.load(&weights[output * PANEL + column..]);
            output += 1;
        }
        let mut sample = first;
        while sample < first + count {
            let mut sum = simd.splat(0.0);
            let mut output = 0;
            while output < OUTPUTS {
                // SAFETY: the deltas have a row of PANEL for each sample, as was checked.
                let delta = unsafe { *delta.as_ptr().add(sample * PANEL + output) };
                sum = simd.splat(delta).mul_add(rows[output], sum);
                output += 1;
            }
            finish(sum, sample * PANEL + column);
            sample += 1;
        }
        column += S::LANES;
    }
}
