//! What parts of a layer cost beside each other, so that threads can be given equal ones: the multiply-adds of a sample, with
//! those of lanes that stand for no unit.

use super::layout::{LayerShape, PANEL, ROW_MULTIPLE};

impl LayerShape {
    /// What it costs to go back through the layer to `inputs` of its inputs, from the first one of a panel on.
    pub fn backward_cost(self, inputs: usize) -> usize {
        self.outputs * inputs.next_multiple_of(ROW_MULTIPLE)
    }

    /// What the gradient of the layer's first `blocks` blocks costs.
    pub fn gradient_cost(self, blocks: usize) -> usize {
        let (row, column) = (blocks / self.input_panels(), blocks % self.input_panels());
        if row == self.output_panels() {
            return self.inputs * ((row - 1) * PANEL + self.lanes(row - 1));
        }
        self.inputs * row * PANEL + column * PANEL * self.lanes(row)
    }

    /// How many of the layer's first blocks have a gradient that costs about `cost`.
    pub fn blocks_of_gradient_cost(self, cost: usize) -> usize {
        let of_row = self.inputs * PANEL;
        let row = (cost / of_row).min(self.output_panels() - 1);
        let inputs = (cost - row * of_row) / self.lanes(row);
        let column = if inputs >= self.inputs { self.input_panels() } else { (inputs + PANEL / 2) / PANEL };
        row * self.input_panels() + column
    }

    /// Lanes that compute the gradient of an input's weights to an output panel.
    fn lanes(self, output_panel: usize) -> usize {
        let units = PANEL.min(self.outputs - output_panel * PANEL);
        if self.is_narrow_panel(output_panel) { units } else { units.next_multiple_of(ROW_MULTIPLE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_cost_their_lanes() {
        let shape = LayerShape { inputs: 70, outputs: 67 };
        let costs = [0, 1, 2, 3, 6, 7, 9].map(|blocks| shape.gradient_cost(blocks));
        assert_eq!(costs, [0, 1024, 2048, 70 * 32, 70 * 64, 70 * 64 + 32 * 3, 70 * 67]);
        assert_eq!(shape.backward_cost(64), 67 * 64);
        assert_eq!(LayerShape { inputs: 70, outputs: 37 }.gradient_cost(6), 70 * 48);
    }

    /// So that blocks that were cut can be cut again.
    #[test]
    fn costs_tell_blocks() {
        for (inputs, outputs) in [(1, 1), (32, 32), (30, 16), (300, 300), (784, 256), (70, 67), (3, 100)] {
            let shape = LayerShape { inputs, outputs };
            for blocks in 0..=shape.blocks() {
                assert_eq!(shape.blocks_of_gradient_cost(shape.gradient_cost(blocks)), blocks, "{shape:?}");
            }
            assert_eq!(shape.blocks_of_gradient_cost(usize::MAX / 2), shape.blocks(), "{shape:?}");
        }
    }
}
