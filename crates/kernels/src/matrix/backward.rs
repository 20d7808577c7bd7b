//! Backpropagation of a minibatch through one layer.

use super::layout::{BLOCK, Blocks, FORWARD, PANEL, Panels, PanelsMut, units_in_panel};
use super::tile::{AlongUnits, Chain, Ends, ZEROS, tile};
use super::tiles;
use crate::activation::{Activation, multiply_rows_by_derivative};
use crate::simd::Simd;

/// Step 3 of backpropagation: `delta_in = (W^T delta) dz/da` for the first `samples` samples, with dz/da the derivative of
/// `activation` at the postactivations `z` of the layer before.
///
/// # Panics
/// If the panels do not fit the layer, or have fewer rows than `samples`.
#[inline(always)]
pub fn backward<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    delta: Panels<'_>,
    samples: usize,
    activation: Activation,
    z: Panels<'_>,
    mut delta_in: PanelsMut<'_>,
) {
    let shape = weights.shape;
    assert!(delta.units == shape.outputs, "the deltas fit the layer");
    assert!(z.units == shape.inputs && delta_in.units == shape.inputs, "the panels fit the layer before");
    assert!(samples <= delta.rows && samples <= z.rows && samples <= delta_in.rows, "a row for each sample");
    for input_panel in 0..shape.input_panels() {
        let block = weights.block(0, input_panel);
        let width = units_in_panel(shape.inputs, input_panel).div_ceil(S::LANES);
        let result = delta_in.panel(input_panel);
        for vector in (0..width).step_by(S::TILE_VECTORS) {
            let column = vector * S::LANES;
            for (first, rows) in tiles(samples, S::TILE_ROWS) {
                let chain = Chain {
                    a: delta.numbers[first * PANEL..].as_ptr(),
                    a_segment: delta.rows * PANEL,
                    b: block[FORWARD + column..].as_ptr(),
                    b_segment: shape.input_panels() * BLOCK,
                    segment: PANEL,
                    length: shape.outputs,
                };
                let ends = Ends {
                    start: ZEROS[column..].as_ptr(),
                    start_stride: 0,
                    result: result[first * PANEL + column..].as_mut_ptr(),
                    result_stride: PANEL,
                };
                // SAFETY: as in `forward`; the steps of B lie in the backward halves of the blocks of this input
                // panel, one block for each output panel.
                unsafe { tile::<S, AlongUnits>(simd, rows, S::TILE_VECTORS.min(width - vector), chain, ends) };
            }
        }
        let z = &z.panel(input_panel)[..samples * PANEL];
        multiply_rows_by_derivative(simd, activation, &mut result[..samples * PANEL], z, PANEL, width);
    }
}
