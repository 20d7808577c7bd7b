//! The rows of a minibatch, from wherever they lie in a table.

use std::{ptr, slice};

use super::layout::{LINE, PANEL, Panels, PanelsMut, Table};
use crate::simd::Simd;

/// Rows of a panel and more are copied so many at a time, panel by panel: a core fetches several rows side by side faster than
/// one after the other.
const SIDE_BY_SIDE: usize = 8;

/// Of each of them, so many numbers are asked for in advance: rows in a random order are what no processor foresees.
const AHEAD: usize = 3 * PANEL;

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
    let row_of = |sample| {
        let index = index_of(sample);
        assert!(index < table.rows, "the table has the row");
        table.numbers.as_ptr().wrapping_add(index * units)
    };
    let (to, rest) = (panels.numbers.as_mut_ptr(), units % S::LANES);
    // SAFETY: `row_of` gives rows of the table, and the panels have all their units, and a row for each sample.
    unsafe {
        match units / S::LANES {
            _ if units >= PANEL => copy_side_by_side(simd, units, samples, row_of, (to, Panels::stride(rows))),
            // Constants, so that shorter rows are copied without a loop.
            0 => copy_one_by_one(simd, (0, rest), samples, row_of, to),
            1 => copy_one_by_one(simd, (1, rest), samples, row_of, to),
            2 => copy_one_by_one(simd, (2, rest), samples, row_of, to),
            3 => copy_one_by_one(simd, (3, rest), samples, row_of, to),
            whole => copy_one_by_one(simd, (whole, rest), samples, row_of, to),
        }
    }
}

/// Copies rows of less than a panel: `whole` vectors and `rest` more numbers. They are read before it could help to ask for them.
///
/// # Safety
/// `row_of` must give rows of so many numbers, and at `to` there must be a panel of `samples` rows.
#[inline(always)]
unsafe fn copy_one_by_one<S: Simd>(
    simd: S,
    (whole, rest): (usize, usize),
    samples: usize,
    row_of: impl Fn(usize) -> *const f32,
    to: *mut f32,
) {
    let mut sample = 0;
    while sample < samples {
        // SAFETY: passed on to the caller.
        unsafe { copy(simd, row_of(sample), (whole, rest), to.add(sample * PANEL)) };
        sample += 1;
    }
}

/// Copies rows of `units` numbers, a panel or more, side by side.
///
/// # Safety
/// `row_of` must give rows of so many numbers, and at `to` there must be panels for them, `stride` apart, of `samples` rows.
#[inline(always)]
unsafe fn copy_side_by_side<S: Simd>(
    simd: S,
    units: usize,
    samples: usize,
    row_of: impl Fn(usize) -> *const f32,
    (to, stride): (*mut f32, usize),
) {
    if samples == 0 {
        return;
    }
    // After the last row comes that row again: it is there, and costs nothing to ask for.
    let rows_from = |first: usize| {
        let mut rows = [ptr::null(); SIDE_BY_SIDE];
        let mut row = 0;
        while row < SIDE_BY_SIDE {
            rows[row] = row_of((first + row).min(samples - 1));
            row += 1;
        }
        rows
    };
    let ahead = AHEAD.min(units);
    let (mut first, mut rows) = (0, rows_from(0));
    while first < samples {
        let (count, next_rows) = (SIDE_BY_SIDE.min(samples - first), rows_from(first + SIDE_BY_SIDE));
        let mut unit = 0;
        while unit < units {
            let (asked, from) =
                if unit + ahead < units { (&rows, unit + ahead) } else { (&next_rows, unit + ahead - units) };
            let panel = to.wrapping_add(unit / PANEL * stride);
            let left = units - unit;
            let mut row = 0;
            while row < count {
                let asked = asked[row].wrapping_add(from);
                simd.prefetch(asked);
                simd.prefetch(asked.wrapping_add(LINE));
                // SAFETY: units of the row, and its places in their panel, as the caller vouches for.
                unsafe {
                    let (from, to) = (rows[row].add(unit), panel.add((first + row) * PANEL));
                    if left >= PANEL {
                        copy(simd, from, (PANEL / S::LANES, 0), to);
                    } else {
                        copy(simd, from, (left / S::LANES, left % S::LANES), to);
                    }
                }
                row += 1;
            }
            unit += PANEL;
        }
        (first, rows) = (first + SIDE_BY_SIDE, next_rows);
    }
}

/// Copies `whole` vectors and the first `rest` numbers of another one.
///
/// # Safety
/// `from` must have them, and `to` must have room for all these vectors.
#[inline(always)]
unsafe fn copy<S: Simd>(simd: S, from: *const f32, (whole, rest): (usize, usize), to: *mut f32) {
    let end = whole * S::LANES;
    let mut unit = 0;
    // SAFETY: passed on to the caller.
    unsafe {
        while unit < end {
            simd.store_to(simd.load_from(from.add(unit)), to.add(unit));
            unit += S::LANES;
        }
        if rest > 0 {
            simd.store_to(simd.load_partial(slice::from_raw_parts(from.add(end), rest)), to.add(end));
        }
    }
}
