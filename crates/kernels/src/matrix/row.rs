//! Forward propagation of one sample.
//!
//! Every unit of it is one chain, and each step of a chain waits for the one before. A tile has too few of them to keep the
//! multipliers busy, so here the vectors of several panels go side by side.

use super::layout::{Blocks, FORWARD_BLOCK, NARROW, PANEL, Panels, PanelsMut, units_in_panel};
use crate::activation::{Activation, activate_rows};
use crate::simd::{Simd, Vector};

/// The activations of a layer for one sample: a plain vector, or a sample's row in [`Panels`].
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    numbers: &'a [f32],
    units: usize,
    /// Numbers from one panel to the next.
    stride: usize,
}

/// A [`Row`] to be written.
#[derive(Debug)]
pub struct RowMut<'a> {
    numbers: &'a mut [f32],
    units: usize,
    stride: usize,
}

impl<'a> Row<'a> {
    /// A plain vector with a number for each unit.
    #[inline(always)]
    pub fn new(numbers: &'a [f32]) -> Self {
        Row { numbers, units: numbers.len(), stride: PANEL }
    }

    /// The first sample of panels.
    #[inline(always)]
    pub(super) fn of_panels(panels: Panels<'a>) -> Self {
        Row { numbers: panels.numbers, units: panels.units, stride: Panels::stride(panels.rows) }
    }

    #[inline(always)]
    fn panel(self, panel: usize) -> &'a [f32] {
        &self.numbers[panel * self.stride..][..units_in_panel(self.units, panel)]
    }
}

impl<'a> RowMut<'a> {
    /// A plain vector for `units` units, with room up to the end of their last panel.
    ///
    /// # Panics
    /// If it is longer or shorter.
    #[inline(always)]
    pub fn new(numbers: &'a mut [f32], units: usize) -> Self {
        assert_eq!(numbers.len(), units.next_multiple_of(PANEL), "whole panels");
        RowMut { numbers, units, stride: PANEL }
    }

    /// The first sample of panels.
    #[inline(always)]
    pub(super) fn of_panels(panels: PanelsMut<'a>) -> Self {
        RowMut { numbers: panels.numbers, units: panels.units, stride: Panels::stride(panels.rows) }
    }

    #[inline(always)]
    fn panel(&mut self, panel: usize) -> &mut [f32] {
        &mut self.numbers[panel * self.stride..][..PANEL]
    }
}

/// `z_out = activation(W z + w0)` for one sample, or the preactivations without an activation. Writes whole panels.
///
/// # Panics
/// If the rows do not fit the layer.
#[inline(always)]
pub fn forward_row<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    z: Row<'_>,
    activation: Option<Activation>,
    mut z_out: RowMut<'_>,
) {
    let shape = weights.shape;
    assert!(z.units == shape.inputs && z_out.units == shape.outputs, "the rows fit the layer");
    if shape.is_narrow() {
        narrow(simd, weights, z, z_out.panel(0));
    } else {
        wide(simd, weights, z, &mut z_out);
    }
    if let Some(activation) = activation {
        for panel in 0..shape.output_panels() {
            let width = units_in_panel(shape.outputs, panel).div_ceil(S::LANES);
            activate_rows(simd, activation, z_out.panel(panel), PANEL, width);
        }
    }
}

/// The most vectors that go side by side: the latency of a multiply-add times the number of multipliers, on any core so
/// far, as far as the registers of the tier reach. They are whole panels, or divide one.
const fn most_vectors<S: Simd>() -> usize {
    let registers = S::TILE_ROWS * S::TILE_VECTORS;
    let most = if registers < 8 { registers } else { 8 };
    assert!((most * S::LANES).is_multiple_of(PANEL) || PANEL.is_multiple_of(most * S::LANES));
    most
}

/// The preactivations of a layer, with vectors across its units.
#[inline(always)]
fn wide<S: Simd>(simd: S, weights: Blocks<'_>, z: Row<'_>, z_out: &mut RowMut<'_>) {
    let vectors = weights.shape.output_panels() * (PANEL / S::LANES);
    let mut first = 0;
    while first < vectors {
        let count = most_vectors::<S>().min(vectors - first);
        macro_rules! of_count {
            ($($count:literal)*) => {
                match count {
                    $($count if const {
                        $count == most_vectors::<S>() || $count < most_vectors::<S>() && $count * S::LANES % PANEL == 0
                    } => side_by_side::<S, $count>(simd, weights, z, first, z_out),)*
                    _ => unreachable!("whole panels, or most_vectors vectors"),
                }
            };
        }
        of_count!(1 2 3 4 5 6 7 8);
        first += count;
    }
}

/// The preactivations of `VECTORS` vectors of units, from vector `first` of the layer on.
#[inline(always)]
fn side_by_side<S: Simd, const VECTORS: usize>(
    simd: S,
    weights: Blocks<'_>,
    z: Row<'_>,
    first: usize,
    z_out: &mut RowMut<'_>,
) {
    // Panel and column of a vector; those behind the first one have constants.
    let place = |vector: usize| (vector * S::LANES / PANEL, vector * S::LANES % PANEL);
    let (panel, column) = place(first);
    let (last_panel, last_column) = place(VECTORS - 1);
    let shape = weights.shape;
    assert!(panel + last_panel < shape.output_panels() && column + last_column < PANEL, "the layer has the units");
    let bias = weights.forward_from(panel, 0)[column..].as_ptr();
    // From a panel's first block to that of the next one.
    let stride = shape.input_panels() * FORWARD_BLOCK;
    let mut sums = [simd.splat(0.0); VECTORS];
    let mut v = 0;
    while v < VECTORS {
        let (panel, column) = place(v);
        // SAFETY: the assertion checked that the layer has the panel, and `Blocks` that the blocks of all panels are there, one
        // after the other.
        sums[v] = unsafe { simd.load_from(bias.add(panel * stride + column)) };
        v += 1;
    }
    for input_panel in 0..shape.input_panels() {
        let rows = bias.wrapping_add(input_panel * FORWARD_BLOCK + PANEL);
        for (input, z) in z.panel(input_panel).iter().enumerate() {
            let factor = simd.splat(*z);
            let row = rows.wrapping_add(input * PANEL);
            let mut v = 0;
            while v < VECTORS {
                let (panel, column) = place(v);
                // SAFETY: as above; behind its bias row a block has a row for each input of its panel.
                sums[v] = factor.mul_add(unsafe { simd.load_from(row.add(panel * stride + column)) }, sums[v]);
                v += 1;
            }
        }
    }
    let mut v = 0;
    while v < VECTORS {
        let (more_panels, more_columns) = place(v);
        simd.store(sums[v], &mut z_out.panel(panel + more_panels)[column + more_columns..]);
        v += 1;
    }
}

/// The preactivations of a narrow layer. All lanes of a vector hold the same number: vectors across so few units would gain
/// nothing, and read a cache line for each input.
#[inline(always)]
fn narrow<S: Simd>(simd: S, weights: Blocks<'_>, z: Row<'_>, a: &mut [f32]) {
    match weights.shape.outputs {
        1 => units::<S, 1>(simd, weights, z, a),
        2 => units::<S, 2>(simd, weights, z, a),
        3 => units::<S, 3>(simd, weights, z, a),
        4 => units::<S, 4>(simd, weights, z, a),
        _ => unreachable!("a narrow layer has 1 to NARROW units"),
    }
}

/// The preactivations of a layer of `UNITS` units.
#[inline(always)]
fn units<S: Simd, const UNITS: usize>(simd: S, weights: Blocks<'_>, z: Row<'_>, a: &mut [f32]) {
    const { assert!(UNITS <= NARROW) };
    let bias = weights.forward_block(0, 0);
    let mut sums = [simd.splat(0.0); UNITS];
    let mut unit = 0;
    while unit < UNITS {
        sums[unit] = simd.splat(bias[unit]);
        unit += 1;
    }
    for input_panel in 0..weights.shape.input_panels() {
        let z = z.panel(input_panel);
        let rows = &weights.backward_block(0, input_panel)[..NARROW * PANEL];
        for (input, z) in z.iter().enumerate() {
            let factor = simd.splat(*z);
            let mut unit = 0;
            while unit < UNITS {
                sums[unit] = factor.mul_add(simd.splat(rows[unit * PANEL + input]), sums[unit]);
                unit += 1;
            }
        }
    }
    // Whole vectors: the next unit's overwrites all lanes but one.
    let mut unit = 0;
    while unit < UNITS {
        simd.store(sums[unit], &mut a[unit..]);
        unit += 1;
    }
}
