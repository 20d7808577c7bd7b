//! Forward propagation through a layer of a few units, with vectors across the samples.

use super::few::with_units;
use super::layout::{Blocks, PANEL, Panels, units_in_panel};
use super::row::{Row, RowMut, forward_row};
use crate::activation::{Activation, activate_rows};
use crate::simd::{Simd, Vector};

/// `z_out = activation(W z + w0)`, or the preactivations without an activation, of a narrow layer, unit by unit:
/// `z_out[i * rows + s]` of unit i and sample s, with `rows` those of the panels `z`.
///
/// Four inputs of `LANES` samples at a time are transposed on the way.
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
    let mut first = 0;
    while first < samples {
        // As many chains side by side as hide the latency of a multiply-add.
        let vectors = match (samples - first).div_ceil(S::LANES) {
            4.. if const { UNITS <= 2 } => some_chains::<S, UNITS, 4>(simd, weights, z, first, z_out),
            2.. => some_chains::<S, UNITS, 2>(simd, weights, z, first, z_out),
            _ => some_chains::<S, UNITS, 1>(simd, weights, z, first, z_out),
        };
        first += vectors * S::LANES;
    }
}

/// The same for `VECTORS` vectors of samples from `first` on. Returns `VECTORS`.
#[inline(always)]
fn some_chains<S: Simd, const UNITS: usize, const VECTORS: usize>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    first: usize,
    z_out: &mut [f32],
) -> usize {
    let shape = weights.shape;
    let mut sums = [[simd.splat(0.0); VECTORS]; UNITS];
    let biases = &weights.forward_block(0, 0)[..UNITS];
    let mut unit = 0;
    while unit < UNITS {
        sums[unit] = [simd.splat(biases[unit]); VECTORS];
        unit += 1;
    }
    for input_panel in 0..shape.input_panels() {
        let inputs = units_in_panel(shape.inputs, input_panel);
        let weights = weights.backward_block(0, input_panel);
        let z = &z.panel(input_panel)[first * PANEL..][..VECTORS * S::LANES * PANEL];
        let mut input = 0;
        while input + 4 <= inputs {
            add_inputs(simd, weights, z, (input, 4), &mut sums);
            input += 4;
        }
        if input < inputs {
            add_inputs(simd, weights, z, (input, inputs - input), &mut sums);
        }
    }
    let mut unit = 0;
    while unit < UNITS {
        let mut vector = 0;
        while vector < VECTORS {
            simd.store(sums[unit][vector], &mut z_out[unit * z.rows + first + vector * S::LANES..]);
            vector += 1;
        }
        unit += 1;
    }
    VECTORS
}

/// Adds the products of `count` inputs, at most four, from `input` on to the sums of `VECTORS` vectors of samples, whose rows
/// are `z`.
#[inline(always)]
fn add_inputs<S: Simd, const UNITS: usize, const VECTORS: usize>(
    simd: S,
    weights: &[f32],
    z: &[f32],
    (input, count): (usize, usize),
    sums: &mut [[S::Vector; VECTORS]; UNITS],
) {
    assert!(weights.len() == PANEL * PANEL && z.len() == VECTORS * S::LANES * PANEL && input + 4 <= PANEL);
    let mut vector = 0;
    while vector < VECTORS {
        // SAFETY: `z` has rows of PANEL for so many vectors, of which four numbers from `input` on are read, as was checked.
        let columns = unsafe { simd.four_columns(z.as_ptr().add(vector * S::LANES * PANEL + input), PANEL) };
        let mut column = 0;
        while column < 4 {
            if column < count {
                let mut unit = 0;
                while unit < UNITS {
                    let weight = simd.splat(weights[unit * PANEL + input + column]);
                    sums[unit][vector] = weight.mul_add(columns[column], sums[unit][vector]);
                    unit += 1;
                }
            }
            column += 1;
        }
        vector += 1;
    }
}
