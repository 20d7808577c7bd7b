//! The gradient of one block of weights, summed over a minibatch.

use super::layout::{GRADIENT, LayerShape, Minibatch, PANEL, units_in_panel};
use super::tile::{AlongSamples, AlongSamplesBelowOnes, Chain, Ends, Walk, ZEROS, tile};
use super::tiles;
use crate::simd::Simd;

/// Step 4 of backpropagation, summed over the samples in their order, for the block of `output_panel` and `input_panel`.
///
/// `z` and `delta` are where the panels of the layer before, and the deltas of this layer, start in each group of the
/// minibatch. `sums` has [`GRADIENT`] numbers in rows of [`PANEL`]: row 0 the biases (of input panel 0 alone), row 1 + j
/// the weights from input j; of a narrow layer, row 1 + i the weights to output i. What lies outside the layer is left
/// alone.
///
/// # Panics
/// If the minibatch does not hold those panels, or `sums` has another size.
#[inline(always)]
pub fn gradient<S: Simd>(
    simd: S,
    shape: LayerShape,
    (output_panel, input_panel): (usize, usize),
    minibatch: &Minibatch<'_>,
    z: usize,
    delta: usize,
    sums: &mut [f32],
) {
    assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
    assert!(output_panel < shape.output_panels() && input_panel < shape.input_panels(), "a block of the layer");
    let z = minibatch.panel(z, input_panel);
    let delta = minibatch.panel(delta, output_panel);
    let inputs = units_in_panel(shape.inputs, input_panel);
    let outputs = units_in_panel(shape.outputs, output_panel);
    let with_bias = usize::from(input_panel == 0);
    if shape.is_narrow() {
        if with_bias == 1 {
            sum_products::<S, AlongSamplesBelowOnes>(simd, minibatch, z, 1, delta, outputs, sums);
        }
        sum_products::<S, AlongSamples>(simd, minibatch, delta, outputs, z, inputs, &mut sums[PANEL..]);
        return;
    }
    for (first, rows) in tiles(with_bias + inputs, S::TILE_ROWS) {
        if first < with_bias {
            sum_products::<S, AlongSamplesBelowOnes>(simd, minibatch, z, rows, delta, outputs, sums);
        } else {
            let row = 1 - with_bias + first;
            let a = z.wrapping_add(row - 1);
            sum_products::<S, AlongSamples>(simd, minibatch, a, rows, delta, outputs, &mut sums[row * PANEL..]);
        }
    }
}

/// `sums(m, n) = sum over the samples of a(m) b(n)`, for `rows` numbers a and `columns` numbers b of each sample.
#[inline(always)]
fn sum_products<S: Simd, W: Walk>(
    simd: S,
    minibatch: &Minibatch<'_>,
    a: *const f32,
    rows: usize,
    b: *const f32,
    columns: usize,
    sums: &mut [f32],
) {
    let width = columns.div_ceil(S::LANES);
    assert!(columns <= PANEL && sums.len() >= rows * PANEL, "the sums have a row of a panel for each number a");
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
        let ends = Ends {
            start: ZEROS[column..].as_ptr(),
            start_stride: 0,
            result: sums[column..].as_mut_ptr(),
            result_stride: PANEL,
        };
        // SAFETY: `Minibatch::panel` checked that the panels of A and B are there in every group, with a row for each
        // sample; the rows and columns are those of a panel; the sums were checked above.
        unsafe { tile::<S, W>(simd, rows, S::TILE_VECTORS.min(width - vector), chain, ends) };
    }
}
