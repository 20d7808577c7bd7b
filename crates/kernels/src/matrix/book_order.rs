//! Weights between the order of a book (row i = unit i: bias, then weights) and blocks.

use super::layout::{BACKWARD_BLOCK, FORWARD_BLOCK, GRADIENT, LayerShape, PANEL};

/// Writes a layer's blocks from its weights in book order: (outputs, 1 + inputs).
///
/// # Panics
/// If a slice has the wrong size.
pub fn write_blocks(shape: LayerShape, weights: &[f32], forward: &mut [f32], backward: &mut [f32]) {
    assert_eq!(weights.len(), shape.outputs * (1 + shape.inputs), "weights must be (outputs, 1 + inputs)");
    assert_eq!(forward.len(), shape.blocks() * FORWARD_BLOCK, "the forward blocks of a layer");
    assert_eq!(backward.len(), shape.blocks() * BACKWARD_BLOCK, "the backward blocks of a layer");
    forward.fill(0.0);
    backward.fill(0.0);
    for (output, row) in weights.chunks_exact(1 + shape.inputs).enumerate() {
        forward[shape.bias_index(output)] = row[0];
        for (input, weight) in row[1..].iter().enumerate() {
            forward[shape.forward_index(output, input)] = *weight;
            backward[shape.backward_index(output, input)] = *weight;
        }
    }
}

/// Reads a layer's weights in book order from its forward blocks.
///
/// # Panics
/// If either slice has the wrong size.
pub fn read_blocks(shape: LayerShape, forward: &[f32], weights: &mut [f32]) {
    assert_eq!(weights.len(), shape.outputs * (1 + shape.inputs), "weights must be (outputs, 1 + inputs)");
    assert_eq!(forward.len(), shape.blocks() * FORWARD_BLOCK, "the forward blocks of a layer");
    for (output, row) in weights.chunks_exact_mut(1 + shape.inputs).enumerate() {
        row[0] = forward[shape.bias_index(output)];
        for (input, weight) in row[1..].iter_mut().enumerate() {
            *weight = forward[shape.forward_index(output, input)];
        }
    }
}

/// Copies the gradient of one block, as [`BlockGradient::sum`](super::BlockGradient::sum) gives it, to its place in a gradient in book order.
///
/// # Panics
/// If either slice has the wrong size.
pub fn write_gradient(
    shape: LayerShape,
    (output_panel, input_panel): (usize, usize),
    sums: &[f32],
    gradient: &mut [f32],
) {
    assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
    assert_eq!(gradient.len(), shape.outputs * (1 + shape.inputs), "the gradient must be (outputs, 1 + inputs)");
    let rows = gradient.chunks_exact_mut(1 + shape.inputs).skip(output_panel * PANEL).take(PANEL);
    for (output, row) in rows.enumerate() {
        if input_panel == 0 {
            row[0] = sums[output];
        }
        let inputs = row[1..].iter_mut().skip(input_panel * PANEL).take(PANEL);
        for (input, place) in inputs.enumerate() {
            let at = if shape.is_narrow() { (1 + output, input) } else { (1 + input, output) };
            *place = sums[at.0 * PANEL + at.1];
        }
    }
}
