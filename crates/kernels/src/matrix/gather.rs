//! The rows of a minibatch, from wherever they lie in a table.

use super::layout::{LINE, PANEL, Panels, PanelsMut, Table};
use crate::simd::Simd;

/// A row is asked for so many numbers in advance, but at least one row: rows in a random order are what no processor foresees.
const AHEAD: usize = 512;

/// Writes row `index_of(s)` of `table` to sample s of the panels, for the first `samples` samples. In the last panel, what follows
/// the last unit in the same vector becomes zero.
///
/// # Panics
/// If the table has no such row, or other units than the panels, or the panels have fewer rows than `samples`.
#[inline(always)]
pub fn gather_rows<S: Simd>(
    simd: S,
    table: Table<'_>,
    samples: usize,
    index_of: impl Fn(usize) -> usize,
    panels: PanelsMut<'_>,
) {
    let (units, rows) = (panels.units, panels.rows);
    assert!(
        samples <= rows && panels.numbers.len() == Panels::len(units, rows),
        "the panels have a row for each sample"
    );
    assert_eq!(units, table.units, "the units of the table");
    let rest = units % S::LANES;
    // Constants for a single panel, so that its rows are copied without a loop.
    match units / S::LANES {
        0 => copy_rows(simd, table, samples, index_of, (0, rest), panels),
        1 => copy_rows(simd, table, samples, index_of, (1, rest), panels),
        2 => copy_rows(simd, table, samples, index_of, (2, rest), panels),
        3 => copy_rows(simd, table, samples, index_of, (3, rest), panels),
        whole => copy_rows(simd, table, samples, index_of, (whole, rest), panels),
    }
}

/// Copies rows of `whole` vectors and `rest` more numbers.
#[inline(always)]
fn copy_rows<S: Simd>(
    simd: S,
    table: Table<'_>,
    samples: usize,
    index_of: impl Fn(usize) -> usize,
    (whole, rest): (usize, usize),
    panels: PanelsMut<'_>,
) {
    let Table { numbers, units, rows: table_rows } = table;
    let from = numbers.as_ptr();
    let (to, stride) = (panels.numbers.as_mut_ptr(), Panels::stride(panels.rows));
    let rows_ahead = (AHEAD / units).max(1);
    let mut sample = 0;
    while sample < samples {
        let index = index_of(sample);
        assert!(index < table_rows, "the table has the row");
        // A single panel's rows are read before it could help.
        let ahead = if whole * S::LANES >= PANEL && sample + rows_ahead < samples {
            Some(from.wrapping_add(index_of(sample + rows_ahead) * units))
        } else {
            None
        };
        // SAFETY: the table has that row, and the panels have all its units, as the caller checked. Unit u has its place
        // u / PANEL strides and u % PANEL after the sample's first, within the panels, which have a row for each sample, as
        // the caller checked too; vectors do not straddle panels, since LANES divides PANEL.
        unsafe { copy_row(simd, (from.add(index * units), ahead), whole, rest, (to.add(sample * PANEL), stride)) };
        sample += 1;
    }
}

/// Copies `whole` vectors and the first `rest` numbers of another one to the panels, of which the first one's row is at `to` and
/// the next one's `stride` after it. Meanwhile it asks for the cache lines of the row `ahead`, one after the other: all of
/// them at once would be more than a core waits for.
///
/// # Safety
/// `from` must have them, and the panels places for them.
#[inline(always)]
unsafe fn copy_row<S: Simd>(
    simd: S,
    (from, ahead): (*const f32, Option<*const f32>),
    whole: usize,
    rest: usize,
    (to, stride): (*mut f32, usize),
) {
    let mut vector = 0;
    while vector < whole {
        let unit = vector * S::LANES;
        ask_for(simd, ahead, unit);
        // SAFETY: passed on to the caller.
        unsafe { simd.store_to(simd.load_from(from.add(unit)), to.add(unit / PANEL * stride + unit % PANEL)) };
        vector += 1;
    }
    if rest > 0 {
        let unit = whole * S::LANES;
        ask_for(simd, ahead, unit);
        // SAFETY: passed on to the caller.
        unsafe {
            let numbers = std::slice::from_raw_parts(from.add(unit), rest);
            simd.store_to(simd.load_partial(numbers), to.add(unit / PANEL * stride + unit % PANEL));
        }
    }
}

/// Asks for a cache line of a row, if there is one, at every [`LINE`]th unit.
#[inline(always)]
fn ask_for<S: Simd>(simd: S, row: Option<*const f32>, unit: usize) {
    if let Some(row) = row
        && unit.is_multiple_of(LINE)
    {
        simd.prefetch(row.wrapping_add(unit));
    }
}
