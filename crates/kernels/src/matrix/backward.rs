//! Backpropagation of a minibatch through one layer.

use super::chunks;
use super::layout::{BACKWARD_BLOCK, Blocks, NARROW, PANEL, Panels, PanelsMut, units_in_panel};
use super::tile::{AlongUnits, Chain, Ends, ZEROS, tiles};
use crate::activation::{Slope, derivative_lanes, with_constant};
use crate::simd::{Simd, Vector};

/// Step 3 of backpropagation: `delta_in = (W^T delta) dz/da` for the first `samples` samples. `z` are the postactivations of
/// the layer before, from which the derivative is found as `slope` says; or, if that says so, the derivatives.
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
    mut delta_in: PanelsMut<'_>,
) {
    let shape = weights.shape;
    assert!(delta.units == shape.outputs, "the deltas fit the layer");
    assert!(z.units == shape.inputs && delta_in.units == shape.inputs, "the panels fit the layer before");
    assert!(samples <= delta.rows && samples <= z.rows && samples <= delta_in.rows, "a row for each sample");
    for chunk in chunks(samples, shape.outputs) {
        for input_panel in 0..shape.input_panels() {
            let z = z.panel(input_panel)[..samples * PANEL].as_ptr();
            let results = delta_in.panel(input_panel)[..samples * PANEL].as_mut_ptr();
            with_constant!(simd, Slope: slope, SLOPE => to_panel(
                simd,
                weights,
                delta,
                chunk,
                input_panel,
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
        }
    }
}

/// The sums W^T delta of one input panel for the samples from `first` on: calls `finish` with each vector of them and its
/// place in the panel.
#[inline(always)]
fn to_panel<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    delta: Panels<'_>,
    (first, count): (usize, usize),
    input_panel: usize,
    announce: impl Fn(usize) + Copy,
    finish: impl Fn(S::Vector, usize) + Copy,
) {
    let shape = weights.shape;
    let block = weights.backward_block(0, input_panel);
    let width = units_in_panel(shape.inputs, input_panel).div_ceil(S::LANES);
    if shape.is_narrow() {
        return match shape.outputs {
            1 => through_few::<S, 1>(simd, block, delta.panel(0), (first, count), width, finish),
            2 => through_few::<S, 2>(simd, block, delta.panel(0), (first, count), width, finish),
            3 => through_few::<S, 3>(simd, block, delta.panel(0), (first, count), width, finish),
            _ => through_few::<S, NARROW>(simd, block, delta.panel(0), (first, count), width, finish),
        };
    }
    for vector in (0..width).step_by(S::TILE_VECTORS) {
        let column = vector * S::LANES;
        let chain = Chain {
            a: delta.numbers[first * PANEL..].as_ptr(),
            a_segment: delta.rows * PANEL,
            b: block[column..].as_ptr(),
            b_segment: shape.input_panels() * BACKWARD_BLOCK,
            segment: PANEL,
            length: shape.outputs,
        };
        let ends = Ends { start: ZEROS.as_ptr(), start_stride: 0, place: first * PANEL + column, stride: PANEL };
        let vectors = S::TILE_VECTORS.min(width - vector);
        // SAFETY: as in `forward`; the steps of B lie in the backward blocks of this input panel, one for each
        // output panel.
        unsafe { tiles::<S, AlongUnits>(simd, count, vectors, chain, ends, announce, finish) };
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
