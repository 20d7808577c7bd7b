//! Forward propagation through a layer of a few units, with vectors across the samples.

use std::mem::MaybeUninit;

use super::few::{few_rows, with_units};
use super::layout::{Blocks, PANEL, Panels, units_in_panel};
use super::row::{Row, RowMut, forward_row};
use super::tile::{AlongUnitsToColumns, Chain, Ends};
use crate::activation::{Activation, activate_rows};
use crate::simd::Simd;

/// `z_out = activation(W z + w0)`, or the preactivations without an activation, of a narrow layer, unit by unit:
/// `z_out[i * rows + s]` of unit i and sample s, with `rows` those of the panels `z`.
///
/// Squares of `LANES` samples by `LANES` inputs are transposed on the way.
///
/// # Panics
/// If the layer is not narrow, the panels do not fit it, or `z_out` has not `outputs * rows` numbers.
#[inline(always)]
pub fn forward_narrow<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: &mut [f32],
) {
    let shape = weights.shape;
    assert!(shape.is_narrow() && z.units == shape.inputs, "the panels fit the narrow layer");
    assert!(samples <= z.rows && z_out.len() == shape.outputs * z.rows, "a row for each sample");
    if samples == 1 {
        let mut row = [0.0; PANEL];
        forward_row(simd, weights, Row::of_panels(z), activation, RowMut::new(&mut row, shape.outputs));
        for (unit, number) in row[..shape.outputs].iter().enumerate() {
            z_out[unit * z.rows] = *number;
        }
        return;
    }
    with_units!(simd, shape.outputs, UNITS => preactivations::<S, UNITS>(simd, weights, z, samples, z_out));
    if let Some(activation) = activation {
        activate_rows(simd, activation, z_out, z.rows, samples.div_ceil(S::LANES));
    }
}

/// a = W z + w0 of `UNITS` units.
#[inline(always)]
fn preactivations<S: Simd, const UNITS: usize>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    samples: usize,
    z_out: &mut [f32],
) {
    let shape = weights.shape;
    let whole = samples.next_multiple_of(S::LANES);
    for (a, bias) in z_out.chunks_exact_mut(z.rows).zip(weights.forward_block(0, 0)) {
        a[..whole].fill(*bias);
    }
    let mut transposed = MaybeUninit::<[f32; PANEL * PANEL]>::uninit();
    let transposed = transposed.as_mut_ptr().cast::<f32>();
    for input_panel in 0..shape.input_panels() {
        let inputs = units_in_panel(shape.inputs, input_panel);
        let weights = weights.backward_block(0, input_panel);
        for first in (0..samples).step_by(PANEL) {
            let vectors = PANEL.min(samples - first).div_ceil(S::LANES);
            let from = &z.panel(input_panel)[first * PANEL..][..vectors * S::LANES * PANEL];
            for (group, from) in from.chunks_exact(S::LANES * PANEL).enumerate() {
                for input in (0..inputs).step_by(S::LANES) {
                    // SAFETY: `from` has LANES rows of a panel, and `input` is a multiple of LANES below PANEL;
                    // `transposed` has PANEL rows of PANEL, and this square lies inside.
                    unsafe {
                        let to = transposed.add(input * PANEL + group * S::LANES);
                        simd.transpose(from[input..].as_ptr(), PANEL, to, PANEL);
                    }
                }
            }
            let chain = Chain {
                a: weights.as_ptr(),
                a_row: PANEL,
                a_segment: 0,
                b: transposed,
                b_segment: 0,
                segment: PANEL,
                length: inputs,
            };
            let result = z_out[first..].as_mut_ptr();
            let ends = Ends { start: result, one_start: false, place: 0, c_row: z.rows };
            // SAFETY: A is the first rows of a backward block, B was just written; each unit's results
            // have `z.rows` places, a multiple of every LANES, and so whole vectors from `first` on.
            unsafe {
                few_rows::<S, AlongUnitsToColumns, UNITS>(
                    simd,
                    vectors,
                    chain,
                    ends,
                    #[inline(always)]
                    move |sum, place| simd.store_to(sum, result.add(place)),
                );
            }
        }
    }
}
