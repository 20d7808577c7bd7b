//! Weights between the order of a book (row i = unit i: bias, then weights) and blocks.

use super::layout::{BACKWARD_BLOCK, FORWARD_BLOCK, GRADIENT, LayerShape, PANEL, units_in_panel};

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

/// Copies the gradient of one block, as [`BlockGradient::sum`](super::BlockGradient::sum) gives it, to its place in a
/// gradient in book order.
///
/// # Panics
/// If either slice has the wrong size.
pub fn write_gradient(shape: LayerShape, block: (usize, usize), sums: &[f32], gradient: &mut [f32]) {
    assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
    assert_eq!(gradient.len(), shape.outputs * (1 + shape.inputs), "the gradient must be (outputs, 1 + inputs)");
    for_each_place(shape, block, |in_sums, in_gradient| gradient[in_gradient] = sums[in_sums]);
}

/// Copies one block of a gradient in book order to where [`BlockGradient::sum`](super::BlockGradient::sum) puts it; the
/// places of units that the layer does not have become 0.
///
/// # Panics
/// If either slice has the wrong size.
pub fn read_gradient(shape: LayerShape, block: (usize, usize), gradient: &[f32], sums: &mut [f32]) {
    assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
    assert_eq!(gradient.len(), shape.outputs * (1 + shape.inputs), "the gradient must be (outputs, 1 + inputs)");
    sums.fill(0.0);
    for_each_place(shape, block, |in_sums, in_gradient| sums[in_sums] = gradient[in_gradient]);
}

/// Calls `copy` with the place of each weight and bias of a block in the block's gradient and in one in book order.
fn for_each_place(shape: LayerShape, (output_panel, input_panel): (usize, usize), mut copy: impl FnMut(usize, usize)) {
    for output in 0..units_in_panel(shape.outputs, output_panel) {
        let row = (output_panel * PANEL + output) * (1 + shape.inputs);
        if input_panel == 0 {
            copy(output, row);
        }
        for input in 0..units_in_panel(shape.inputs, input_panel) {
            let at = if shape.is_narrow_panel(output_panel) { (1 + output, input) } else { (1 + input, output) };
            copy(at.0 * PANEL + at.1, row + 1 + input_panel * PANEL + input);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_come_back_from_their_blocks() {
        for (inputs, outputs) in [(1, 1), (40, 3), (40, 5), (64, 70), (3, 32)] {
            let shape = LayerShape { inputs, outputs };
            let gradient: Vec<f32> = (0..outputs * (1 + inputs)).map(|number| 1.0 + number as f32).collect();
            let (mut sums, mut back) = ([7.0; GRADIENT], vec![0.0; gradient.len()]);
            for output_panel in 0..shape.output_panels() {
                for input_panel in 0..shape.input_panels() {
                    read_gradient(shape, (output_panel, input_panel), &gradient, &mut sums);
                    write_gradient(shape, (output_panel, input_panel), &sums, &mut back);
                }
            }
            assert_eq!(back, gradient, "{inputs}-{outputs}");
        }
    }
}
