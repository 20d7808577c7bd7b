//! Between panels, in which the units of a sample are neighbours, and columns, in which the samples of a unit are.
//!
//! Columns are what an output layer wants: the sum over its units runs in one lane, and vectors run across the samples.

use super::layout::{PANEL, Panels, PanelsMut, product, units_in_panel};
use crate::simd::Simd;

/// Numbers in the columns of `units` units in panels with room for `rows` samples: of whole panels, without what lies between
/// them.
#[inline(always)]
pub fn columns_len(units: usize, rows: usize) -> usize {
    product(&[units.div_ceil(PANEL), PANEL, rows])
}

/// Writes unit u of sample s to `columns[u * rows + s]`, for all units and at least the first `samples` samples, with
/// `rows` those of the panels. What follows the last unit up to the end of its panel is written as well.
///
/// # Panics
/// If the panels have fewer rows than `samples`, or `columns` has not [`columns_len`] numbers.
#[inline(always)]
pub fn panels_to_columns<S: Simd>(simd: S, panels: Panels<'_>, samples: usize, columns: &mut [f32]) {
    let Panels { numbers, units, rows } = panels;
    assert!(samples <= rows && numbers.len() == Panels::len(units, rows), "a row for each sample");
    assert_eq!(columns.len(), columns_len(units, rows), "a column for each unit");
    for panel in 0..units.div_ceil(PANEL) {
        let (first, first_column) = (panel * Panels::stride(rows), panel * PANEL * rows);
        for unit in (0..units_in_panel(units, panel)).step_by(S::LANES) {
            for sample in (0..samples).step_by(S::LANES) {
                let from = numbers[first + sample * PANEL + unit..].as_ptr();
                let to = columns[first_column + unit * rows + sample..].as_mut_ptr();
                // SAFETY: rows are a multiple of LANES, and so is a panel's width: the square of LANES samples from
                // `sample` on and of LANES units from `unit` on lies in the panel, and in its PANEL columns of `rows`.
                unsafe { simd.transpose(from, PANEL, to, rows) };
            }
        }
    }
}

/// The way back: writes `columns[u * rows + s]` to unit u of sample s, also for the units up to the end of the last vector.
///
/// # Panics
/// As [`panels_to_columns`].
#[inline(always)]
pub fn columns_to_panels<S: Simd>(simd: S, columns: &[f32], samples: usize, panels: PanelsMut<'_>) {
    let PanelsMut { numbers, units, rows } = panels;
    assert!(samples <= rows && numbers.len() == Panels::len(units, rows), "a row for each sample");
    assert_eq!(columns.len(), columns_len(units, rows), "a column for each unit");
    for panel in 0..units.div_ceil(PANEL) {
        let (first, first_column) = (panel * Panels::stride(rows), panel * PANEL * rows);
        for unit in (0..units_in_panel(units, panel)).step_by(S::LANES) {
            for sample in (0..samples).step_by(S::LANES) {
                let from = columns[first_column + unit * rows + sample..].as_ptr();
                let to = numbers[first + sample * PANEL + unit..].as_mut_ptr();
                // SAFETY: as above.
                unsafe { simd.transpose(from, rows, to, PANEL) };
            }
        }
    }
}
