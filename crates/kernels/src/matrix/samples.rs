//! What chains along units run through: the activations of a layer for some samples, in panels or as they lie in a table.

use super::layout::{PANEL, Panels, Table};
use super::row::Row;
use super::tile::{AlongUnits, AlongUnitsOfTable, Walk};

/// The operand A of a tile whose rows are samples.
pub(super) trait Samples<'a>: Copy {
    /// How a tile walks it.
    type Walk: Walk;

    /// Units of each sample.
    fn units(self) -> usize;

    /// Samples, at most.
    fn rows(self) -> usize;

    /// All numbers from the first unit of panel `panel` of sample `sample` on, those of later panels included.
    fn from(self, panel: usize, sample: usize) -> &'a [f32];

    /// Numbers from one sample to the next.
    fn row_stride(self) -> usize;

    /// Numbers from one panel to the next.
    fn panel_stride(self) -> usize;

    /// The first sample.
    fn first_row(self) -> Row<'a>;
}

impl<'a> Samples<'a> for Panels<'a> {
    type Walk = AlongUnits;

    #[inline(always)]
    fn units(self) -> usize {
        self.units
    }

    #[inline(always)]
    fn rows(self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn from(self, panel: usize, sample: usize) -> &'a [f32] {
        &self.numbers[panel * Panels::stride(self.rows) + sample * PANEL..]
    }

    #[inline(always)]
    fn row_stride(self) -> usize {
        PANEL
    }

    #[inline(always)]
    fn panel_stride(self) -> usize {
        Panels::stride(self.rows)
    }

    #[inline(always)]
    fn first_row(self) -> Row<'a> {
        Row::of_panels(self)
    }
}

impl<'a> Samples<'a> for Table<'a> {
    type Walk = AlongUnitsOfTable;

    #[inline(always)]
    fn units(self) -> usize {
        self.units
    }

    #[inline(always)]
    fn rows(self) -> usize {
        self.rows
    }

    #[inline(always)]
    fn from(self, panel: usize, sample: usize) -> &'a [f32] {
        &self.numbers[sample * self.units + panel * PANEL..]
    }

    #[inline(always)]
    fn row_stride(self) -> usize {
        self.units
    }

    #[inline(always)]
    fn panel_stride(self) -> usize {
        PANEL
    }

    #[inline(always)]
    fn first_row(self) -> Row<'a> {
        Row::new(&self.numbers[..self.units])
    }
}
