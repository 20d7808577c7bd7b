//! Panels of activations and blocks of weights: see the module's documentation.

/// Units in a panel. A multiple of the lanes of every tier.
pub const PANEL: usize = 32;

/// Numbers in a block of weights as the forward sweep reads it: the bias row and a row for each input.
pub const FORWARD_BLOCK: usize = (1 + PANEL) * PANEL;

/// Numbers in a block of weights as the backward sweep reads it: a row for each output.
pub const BACKWARD_BLOCK: usize = PANEL * PANEL;

/// Numbers in the gradient of a block, and in its velocity.
pub const GRADIENT: usize = FORWARD_BLOCK;

/// Numbers in a cache line.
pub(super) const LINE: usize = 64 / size_of::<f32>();

/// Layers of at most so many units are narrow.
pub const NARROW: usize = 4;

/// The rows of [`Panels`] are a multiple of this: the lanes of the widest tier.
pub const ROW_MULTIPLE: usize = 16;

/// The widths of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerShape {
    /// Units of the layer before; at least 1.
    pub inputs: usize,
    /// Units of this layer; at least 1.
    pub outputs: usize,
}

impl LayerShape {
    /// Panels of the layer before.
    #[inline(always)]
    pub fn input_panels(self) -> usize {
        self.inputs.div_ceil(PANEL)
    }

    /// Panels of this layer.
    #[inline(always)]
    pub fn output_panels(self) -> usize {
        self.outputs.div_ceil(PANEL)
    }

    /// Blocks of the layer's weights.
    #[inline(always)]
    pub fn blocks(self) -> usize {
        product(&[self.input_panels(), self.output_panels()])
    }

    /// Whether vectors run across samples and inputs, rather than across the layer's units.
    #[inline(always)]
    pub fn is_narrow(self) -> bool {
        self.outputs <= NARROW
    }

    /// Whether an output panel has so few units (that of a narrow layer, or the last one of another) that the gradient of its
    /// blocks is summed, and their weights are updated, with vectors across the inputs.
    #[inline(always)]
    pub(super) fn is_narrow_panel(self, output_panel: usize) -> bool {
        units_in_panel(self.outputs, output_panel) <= NARROW
    }

    /// Where the weight from input `input` to unit `output` stands in the layer's forward blocks, all counted from 0.
    #[inline(always)]
    pub fn forward_index(self, output: usize, input: usize) -> usize {
        let block = self.block(output / PANEL, input / PANEL);
        block * FORWARD_BLOCK + (1 + input % PANEL) * PANEL + output % PANEL
    }

    /// Where the bias of unit `output` stands in the layer's forward blocks.
    #[inline(always)]
    pub fn bias_index(self, output: usize) -> usize {
        self.block(output / PANEL, 0) * FORWARD_BLOCK + output % PANEL
    }

    /// Where the weight stands in the layer's backward blocks.
    #[inline(always)]
    pub fn backward_index(self, output: usize, input: usize) -> usize {
        self.block(output / PANEL, input / PANEL) * BACKWARD_BLOCK + output % PANEL * PANEL + input % PANEL
    }

    /// The number of a block among those of the layer.
    #[inline(always)]
    pub(super) fn block(self, output_panel: usize, input_panel: usize) -> usize {
        output_panel * self.input_panels() + input_panel
    }
}

/// A product of sizes, or the largest number if it overflows: no slice is as long, so that every check against it fails.
#[inline(always)]
pub(super) fn product(sizes: &[usize]) -> usize {
    let mut product = 1usize;
    for size in sizes {
        product = product.saturating_mul(*size);
    }
    product
}

/// Units in panel `panel` of a layer of `units` units.
#[inline(always)]
pub(super) fn units_in_panel(units: usize, panel: usize) -> usize {
    PANEL.min(units - panel * PANEL)
}

/// Inputs and outputs of block `block` of a layer.
#[inline(always)]
pub(super) fn units_in_block(shape: LayerShape, (output_panel, input_panel): (usize, usize)) -> (usize, usize) {
    (units_in_panel(shape.inputs, input_panel), units_in_panel(shape.outputs, output_panel))
}

/// The weights of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    forward: &'a [f32],
    backward: &'a [f32],
    pub(super) shape: LayerShape,
}

impl<'a> Blocks<'a> {
    /// Blocks in the order of output panels, and of input panels within each.
    ///
    /// # Panics
    /// If `forward` is not `shape.blocks() * FORWARD_BLOCK` long, or `backward` not `shape.blocks() * BACKWARD_BLOCK`.
    #[inline(always)]
    pub fn new(forward: &'a [f32], backward: &'a [f32], shape: LayerShape) -> Self {
        assert_eq!(forward.len(), product(&[shape.blocks(), FORWARD_BLOCK]), "the forward blocks of a layer");
        assert_eq!(backward.len(), product(&[shape.blocks(), BACKWARD_BLOCK]), "the backward blocks of a layer");
        Blocks { forward, backward, shape }
    }

    /// The layer's widths.
    #[inline(always)]
    pub fn shape(self) -> LayerShape {
        self.shape
    }

    /// The blocks of `outputs` units from the first one of panel `first_panel` on, as a layer of their own.
    ///
    /// # Panics
    /// If the layer has no such units, or these do not end with a panel, or with the layer.
    #[inline(always)]
    pub fn of_outputs(self, first_panel: usize, outputs: usize) -> Self {
        let end = product(&[first_panel, PANEL]).saturating_add(outputs);
        assert!(end <= self.shape.outputs, "the layer has those units");
        assert!(end == self.shape.outputs || end.is_multiple_of(PANEL), "whole panels, but for the last one");
        let shape = LayerShape { outputs, ..self.shape };
        let first = self.shape.block(first_panel, 0);
        let forward = &self.forward[first * FORWARD_BLOCK..][..shape.blocks() * FORWARD_BLOCK];
        let backward = &self.backward[first * BACKWARD_BLOCK..][..shape.blocks() * BACKWARD_BLOCK];
        Blocks::new(forward, backward, shape)
    }

    #[inline(always)]
    pub(super) fn forward_block(self, output_panel: usize, input_panel: usize) -> &'a [f32] {
        &self.forward_from(output_panel, input_panel)[..FORWARD_BLOCK]
    }

    /// The block and all behind it, for what goes on from block to block by pointers.
    #[inline(always)]
    pub(super) fn forward_from(self, output_panel: usize, input_panel: usize) -> &'a [f32] {
        &self.forward[self.shape.block(output_panel, input_panel) * FORWARD_BLOCK..]
    }

    #[inline(always)]
    pub(super) fn backward_block(self, output_panel: usize, input_panel: usize) -> &'a [f32] {
        &self.backward_from(output_panel, input_panel)[..BACKWARD_BLOCK]
    }

    /// The block and all behind it, as [`Blocks::forward_from`].
    #[inline(always)]
    pub(super) fn backward_from(self, output_panel: usize, input_panel: usize) -> &'a [f32] {
        &self.backward[self.shape.block(output_panel, input_panel) * BACKWARD_BLOCK..]
    }
}

/// The features of some samples as they lie in a table, a row after the other.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) units: usize,
    pub(super) rows: usize,
}

impl<'a> Table<'a> {
    /// Rows of `units` numbers.
    ///
    /// # Panics
    /// If `units` is 0, or `numbers` does not end with a whole row.
    #[inline(always)]
    pub fn new(numbers: &'a [f32], units: usize) -> Self {
        let rows = numbers.len() / units;
        assert!(rows * units == numbers.len(), "whole rows");
        Table { numbers, units, rows }
    }

    /// Whether rows are a multiple of 4 KiB apart, or nearly so. Then the same numbers of all rows share the few lines of one or
    /// two sets of a first-level cache, and a tile that reads its rows side by side finds none of them there.
    #[inline(always)]
    pub fn rows_collide(self) -> bool {
        const WAY: usize = 4096 / size_of::<f32>();
        self.units >= WAY - 1 && (self.units + 1) % WAY <= 2
    }
}

/// The activations, or deltas, of a layer for some samples.
#[derive(Clone, Copy, Debug)]
pub struct Panels<'a> {
    pub(super) numbers: &'a [f32],
    pub(super) units: usize,
    pub(super) rows: usize,
}

/// [`Panels`] to be written.
#[derive(Debug)]
pub struct PanelsMut<'a> {
    pub(super) numbers: &'a mut [f32],
    pub(super) units: usize,
    pub(super) rows: usize,
}

impl<'a> Panels<'a> {
    /// Panels of `units` units, with room for `rows` samples each.
    ///
    /// # Panics
    /// If `rows` is not a multiple of [`ROW_MULTIPLE`], or `numbers` does not have [`Panels::len`] numbers.
    #[inline(always)]
    pub fn new(numbers: &'a [f32], units: usize, rows: usize) -> Self {
        assert_eq!(numbers.len(), Panels::len(units, rows), "the panels of a layer");
        Panels { numbers, units, rows }
    }

    /// For how many samples they have room.
    #[inline(always)]
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Numbers in the panels of `units` units for `rows` samples.
    ///
    /// # Panics
    /// If `rows` is not a multiple of [`ROW_MULTIPLE`].
    #[inline(always)]
    pub fn len(units: usize, rows: usize) -> usize {
        assert_eq!(rows % ROW_MULTIPLE, 0, "rows come in multiples of the widest vector");
        // Not `stride`, which may overflow: a wrong length would let kernels write beyond the panels.
        product(&[units.div_ceil(PANEL), rows.saturating_add(1), PANEL])
    }

    /// Numbers from one panel to the next: a row more than `rows`. Panels a multiple of 4 KiB apart would share a few sets of a
    /// first-level cache, and a sample whose units are written, panel by panel, would find none of them there.
    #[inline(always)]
    pub fn stride(rows: usize) -> usize {
        (rows + 1) * PANEL
    }

    #[inline(always)]
    pub(super) fn panel(self, panel: usize) -> &'a [f32] {
        &self.numbers[panel * Panels::stride(self.rows)..][..self.rows * PANEL]
    }
}

impl<'a> PanelsMut<'a> {
    /// As [`Panels::new`].
    #[inline(always)]
    pub fn new(numbers: &'a mut [f32], units: usize, rows: usize) -> Self {
        assert_eq!(numbers.len(), Panels::len(units, rows), "the panels of a layer");
        PanelsMut { numbers, units, rows }
    }

    /// The same panels, for a while.
    #[inline(always)]
    pub fn reborrow(&mut self) -> PanelsMut<'_> {
        PanelsMut { numbers: &mut *self.numbers, units: self.units, rows: self.rows }
    }

    /// The first `panels` panels, as a layer of their own, and the other ones.
    ///
    /// # Panics
    /// If no unit is left for the other ones.
    #[inline(always)]
    pub fn split_at(self, panels: usize) -> (Self, Self) {
        let PanelsMut { numbers, units, rows } = self;
        assert!(panels < units.div_ceil(PANEL), "both parts have a panel");
        let (first, rest) = numbers.split_at_mut(panels * Panels::stride(rows));
        (PanelsMut::new(first, panels * PANEL, rows), PanelsMut::new(rest, units - panels * PANEL, rows))
    }

    /// How many.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.units.div_ceil(PANEL)
    }

    /// Their units.
    #[inline(always)]
    pub fn units(&self) -> usize {
        self.units
    }

    /// For how many samples they have room.
    #[inline(always)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    #[inline(always)]
    pub(super) fn panel(&mut self, panel: usize) -> &mut [f32] {
        &mut self.numbers[panel * Panels::stride(self.rows)..][..self.rows * PANEL]
    }

    /// Writes unit `unit` of the first `column.len()` samples.
    #[inline(always)]
    pub fn write_column(&mut self, unit: usize, column: &[f32]) {
        let panel = &mut self.panel(unit / PANEL)[..column.len() * PANEL];
        let mut row = 0;
        while row < column.len() {
            panel[row * PANEL + unit % PANEL] = column[row];
            row += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_that_no_memory_holds_have_no_length_of_others() {
        assert_eq!(Panels::len(1, usize::MAX / PANEL + 1), usize::MAX);
    }

    #[test]
    fn panels_are_no_multiple_of_pages_apart() {
        for rows in (0..4096).step_by(ROW_MULTIPLE) {
            let bytes = Panels::stride(rows) * size_of::<f32>();
            assert!((128..=4096 - 128).contains(&(bytes % 4096)), "{rows} rows");
        }
    }

    #[test]
    fn rows_of_whole_pages_collide() {
        let collide = |units: usize| Table::new(&vec![0.0; units], units).rows_collide();
        let colliding = [1023, 1024, 1025, 2047, 2048, 2049, 3072].map(collide);
        let others = [1, 2, 512, 1022, 1026, 1536, 2046, 2050].map(collide);
        assert_eq!((colliding, others), ([true; 7], [false; 8]));
    }
}
