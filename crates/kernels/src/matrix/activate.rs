//! From preactivations to postactivations with derivatives that are kept, and with dropout.

use super::layout::{PANEL, PanelsMut, units_in_panel};
use crate::activation::{Activation, activate_rows_with_slopes};
use crate::dropout::LayerDropout;
use crate::simd::Simd;

/// Rows at a time: what is computed for them stays in the first-level cache until it is multiplied by the dropout's factors.
const ROWS: usize = 64;

/// Replaces the preactivations of the first `samples` samples in `z` by their postactivations, and writes dz/da to `slopes`.
/// With dropout, both are multiplied by the units' factors. The panels are those of a layer from panel `first_panel` on.
///
/// # Panics
/// If the panels differ in size, or have fewer rows than `samples`.
#[inline(always)]
pub fn activate_with_slopes<S: Simd>(
    simd: S,
    activation: Activation,
    dropout: Option<LayerDropout>,
    samples: usize,
    first_panel: usize,
    [mut z, mut slopes]: [PanelsMut<'_>; 2],
) {
    assert!(z.units == slopes.units && samples <= z.rows && samples <= slopes.rows, "the panels of one layer");
    for panel in 0..z.units.div_ceil(PANEL) {
        let width = units_in_panel(z.units, panel).div_ceil(S::LANES);
        let rows = z.panel(panel)[..samples * PANEL].chunks_mut(ROWS * PANEL);
        let slopes = slopes.panel(panel)[..samples * PANEL].chunks_mut(ROWS * PANEL);
        for (chunk, (rows, slopes)) in rows.zip(slopes).enumerate() {
            activate_rows_with_slopes(simd, activation, rows, slopes, PANEL, width);
            if let Some(dropout) = dropout {
                drop_units(simd, dropout, chunk * ROWS, ((first_panel + panel) * PANEL, width), rows, slopes);
            }
        }
    }
}

/// Multiplies rows of a panel, `width` vectors of each, by the factors of the units from `first_unit` on.
#[inline(always)]
fn drop_units<S: Simd>(
    simd: S,
    dropout: LayerDropout,
    first_row: usize,
    (first_unit, width): (usize, usize),
    rows: &mut [f32],
    slopes: &mut [f32],
) {
    for (row, (z, slopes)) in rows.chunks_exact_mut(PANEL).zip(slopes.chunks_exact_mut(PANEL)).enumerate() {
        let factors = dropout.of_sample(first_row + row);
        let mut column = 0;
        while column < width * S::LANES {
            let factor = factors.lanes(simd, first_unit + column);
            simd.store(simd.load(&z[column..]) * factor, &mut z[column..]);
            simd.store(simd.load(&slopes[column..]) * factor, &mut slopes[column..]);
            column += S::LANES;
        }
    }
}
