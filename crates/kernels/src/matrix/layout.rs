//! Panels of activations and blocks of weights: see the module's documentation.

/// Units in a panel. A multiple of the lanes of every tier.
pub const PANEL: usize = 32;

/// Numbers in the forward half of a block: the bias row and a row for each input.
pub(super) const FORWARD: usize = (1 + PANEL) * PANEL;

/// Numbers in a block of weights: the forward half, then the backward half.
pub const BLOCK: usize = FORWARD + PANEL * PANEL;

/// Numbers in the gradient of a block, and in its velocity.
pub const GRADIENT: usize = FORWARD;

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

    /// Where the weight from input `input` to unit `output` stands in the layer's blocks (in their forward halves), all
    /// counted from 0.
    #[inline(always)]
    pub fn forward_index(self, output: usize, input: usize) -> usize {
        self.block_index(output / PANEL, input / PANEL) + (1 + input % PANEL) * PANEL + output % PANEL
    }

    /// Where the bias of unit `output` stands in the layer's blocks.
    #[inline(always)]
    pub fn bias_index(self, output: usize) -> usize {
        self.block_index(output / PANEL, 0) + output % PANEL
    }

    /// Where the weight stands once more, in the backward halves.
    #[inline(always)]
    pub fn backward_index(self, output: usize, input: usize) -> usize {
        self.block_index(output / PANEL, input / PANEL) + FORWARD + output % PANEL * PANEL + input % PANEL
    }

    #[inline(always)]
    fn block_index(self, output_panel: usize, input_panel: usize) -> usize {
        (output_panel * self.input_panels() + input_panel) * BLOCK
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

/// The weights of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Blocks<'a> {
    pub(super) numbers: &'a [f32],
    /// The layer's widths.
    pub shape: LayerShape,
}

impl<'a> Blocks<'a> {
    /// Blocks in the order of output panels, and of input panels within each.
    ///
    /// # Panics
    /// If `numbers` is not `shape.blocks() * BLOCK` long.
    #[inline(always)]
    pub fn new(numbers: &'a [f32], shape: LayerShape) -> Self {
        assert_eq!(numbers.len(), product(&[shape.blocks(), BLOCK]), "the blocks of a layer");
        Blocks { numbers, shape }
    }

    #[inline(always)]
    pub(super) fn block(self, output_panel: usize, input_panel: usize) -> &'a [f32] {
        &self.numbers[self.shape.block_index(output_panel, input_panel)..][..BLOCK]
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

    /// Numbers in the panels of `units` units for `rows` samples.
    #[inline(always)]
    pub fn len(units: usize, rows: usize) -> usize {
        assert_eq!(rows % ROW_MULTIPLE, 0, "rows come in multiples of the widest vector");
        product(&[units.div_ceil(PANEL), rows, PANEL])
    }

    #[inline(always)]
    pub(super) fn panel(self, panel: usize) -> &'a [f32] {
        &self.numbers[panel * self.rows * PANEL..][..self.rows * PANEL]
    }
}

impl<'a> PanelsMut<'a> {
    /// As [`Panels::new`].
    #[inline(always)]
    pub fn new(numbers: &'a mut [f32], units: usize, rows: usize) -> Self {
        assert_eq!(numbers.len(), Panels::len(units, rows), "the panels of a layer");
        PanelsMut { numbers, units, rows }
    }

    /// The same panels, to be read.
    #[inline(always)]
    pub fn as_panels(&self) -> Panels<'_> {
        Panels { numbers: self.numbers, units: self.units, rows: self.rows }
    }

    #[inline(always)]
    pub(super) fn panel(&mut self, panel: usize) -> &mut [f32] {
        &mut self.numbers[panel * self.rows * PANEL..][..self.rows * PANEL]
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

/// The activations of a whole minibatch, cut into groups of samples that lie one after the other, each with all its
/// layers: what the weight sweep reads.
#[derive(Clone, Copy, Debug)]
pub struct Minibatch<'a> {
    /// All groups.
    pub numbers: &'a [f32],
    /// Numbers from one group to the next.
    pub group_stride: usize,
    /// Samples in each group; the last one may have fewer.
    pub group_samples: usize,
    /// The rows of the panels in each group.
    pub rows: usize,
    /// Samples in all.
    pub samples: usize,
}

impl Minibatch<'_> {
    /// The first number of panel `panel` of the layer whose panels start at `offset` in each group; checks that the
    /// whole panel is there in every group.
    #[inline(always)]
    pub(super) fn panel(&self, offset: usize, panel: usize) -> *const f32 {
        let groups = self.samples.div_ceil(self.group_samples);
        assert!(groups >= 1 && self.group_samples <= self.rows, "the panels have a row for each sample");
        let first = offset.saturating_add(product(&[panel, self.rows, PANEL]));
        let end = product(&[groups - 1, self.group_stride]).saturating_add(first);
        let end = end.saturating_add(product(&[self.rows, PANEL]));
        assert!(end <= self.numbers.len(), "the panel is there in every group");
        self.numbers[first..].as_ptr()
    }
}
