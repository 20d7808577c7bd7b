//! The order in which the weight sweep visits blocks, so that the caches hold what it reads again and again.

use std::ops::Range;

use super::layout::{LayerShape, PANEL, product};
use super::stretch::in_even_parts;
use crate::cache::{LEAST_RESIDENT, resident_numbers};

impl LayerShape {
    /// Calls `visit` with each of the blocks `blocks` of the layer, and its panels of outputs and of inputs, for the
    /// gradient of `samples` samples.
    ///
    /// Row by row each panel of deltas would meet all panels z, which may have no room in a cache. So the inputs are cut into
    /// parts whose z stays in the second-level cache until all panels of deltas have met it.
    ///
    /// # Panics
    /// If the layer has no such blocks.
    #[inline(always)]
    pub fn for_each_block(self, blocks: Range<usize>, samples: usize, mut visit: impl FnMut(usize, (usize, usize))) {
        assert!(blocks.end <= self.blocks(), "blocks of the layer");
        let panels = self.input_panels();
        let part = match product(&[samples, panels, PANEL]) {
            0..=LEAST_RESIDENT => panels,
            _ => in_even_parts(panels, (resident_numbers() / PANEL / samples).max(1)),
        };
        // Divisions would be a part of a small layer's time.
        let first_row = if blocks.start == 0 { 0 } else { blocks.start / panels };
        let end_row = if blocks.end == self.blocks() { self.output_panels() } else { blocks.end.div_ceil(panels) };
        let mut first = 0;
        while first < panels {
            let end = panels.min(first + part);
            for output_panel in first_row..end_row {
                for input_panel in first..end {
                    let block = self.block(output_panel, input_panel);
                    if blocks.contains(&block) {
                        visit(block, (output_panel, input_panel));
                    }
                }
            }
            first = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each block of a range comes once, with its place.
    #[test]
    fn every_block_is_visited_once() {
        for (inputs, outputs) in [(1, 1), (30, 16), (300, 300), (1024, 1000), (40_000, 70)] {
            let shape = LayerShape { inputs, outputs };
            let all = shape.blocks();
            for blocks in [0..all, 0..all / 2, all / 2..all, all / 3..all - all / 3, 0..0] {
                for samples in [1, 100, 512, 1_000_000] {
                    let mut visited = Vec::new();
                    shape.for_each_block(blocks.clone(), samples, |block, (output_panel, input_panel)| {
                        assert_eq!(block, shape.block(output_panel, input_panel));
                        assert!(input_panel < shape.input_panels());
                        visited.push(block);
                    });
                    visited.sort_unstable();
                    assert!(visited.into_iter().eq(blocks.clone()), "{shape:?}, {blocks:?}, {samples} samples");
                }
            }
        }
    }
}
