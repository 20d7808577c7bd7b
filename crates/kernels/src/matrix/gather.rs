//! The rows of a minibatch, from wherever they lie in a table.

use super::layout::{PANEL, Panels, PanelsMut};
use crate::simd::Simd;

/// Writes row `index_of(s)` of `table`, (rows, units) in row-major order, to sample s of the panels, for the first `samples`
/// samples. In the last panel, what follows the last unit in the same vector becomes zero.
///
/// # Panics
/// If the table has no such row, or the panels have fewer rows than `samples`.
#[inline(always)]
pub fn gather_rows<S: Simd>(
    simd: S,
    table: &[f32],
    samples: usize,
    index_of: impl Fn(usize) -> usize,
    panels: PanelsMut<'_>,
) {
    let PanelsMut { numbers, units, rows } = panels;
    assert!(samples <= rows && numbers.len() == Panels::len(units, rows), "the panels have a row for each sample");
    let table_rows = table.len() / units;
    let whole = units - units % S::LANES;
    let mut sample = 0;
    while sample < samples {
        let index = index_of(sample);
        assert!(index < table_rows, "the table has the row");
        // SAFETY: the table has `units` numbers from `from` on. Unit u of the sample has its place PANEL (u / PANEL) rows
        // + u % PANEL after `to`, within the panels; vectors do not straddle panels, since LANES divides PANEL.
        unsafe {
            let from = table.as_ptr().add(index * units);
            let mut to = numbers.as_mut_ptr().add(sample * PANEL);
            let mut unit = 0;
            while unit < whole {
                simd.store_to(simd.load_from(from.add(unit)), to.add(unit % PANEL));
                unit += S::LANES;
                if unit.is_multiple_of(PANEL) {
                    to = to.wrapping_add(rows * PANEL);
                }
            }
            if whole < units {
                let rest = std::slice::from_raw_parts(from.add(whole), units - whole);
                simd.store_to(simd.load_partial(rest), to.add(whole % PANEL));
            }
        }
        sample += 1;
    }
}
