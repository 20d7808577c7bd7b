//! How the chains along units, and the samples, are cut so that the caches hold what is read again and again.

use std::ptr;

use super::layout::{LINE, PANEL, ROW_MULTIPLE, product};
use super::samples::Samples;
use super::tile::{Chain, Ends};
use crate::cache::{LEAST_RESIDENT, resident_numbers, second_level_bytes};
use crate::simd::Simd;

/// The size of parts of `samples` samples with `units` units each, of at most `resident` numbers and as even as can be.
#[inline(always)]
fn chunk(samples: usize, units: usize, resident: usize) -> usize {
    if product(&[samples, units]) <= resident {
        return samples;
    }
    in_even_parts(samples, (resident / units).max(ROW_MULTIPLE))
}

/// The size of parts of at most `most`, as even as can be.
#[inline(always)]
pub(super) fn in_even_parts(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most))
}

/// Numbers of a layer's weights from which on it is large: so many, 1 MiB, have no room in a second-level cache beside all
/// else, and may have none in the third-level cache that a core is left by its neighbours.
const LARGE: usize = 256 * 1024;

/// A part of the chains through the units of a layer.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    /// The panel that it begins with.
    pub panel: usize,
    pub units: usize,
    /// Whether the chains end with it.
    pub is_last: bool,
}

/// A stretch of the chains of a panel of results, for a chunk of samples.
#[derive(Clone, Copy)]
pub(super) struct Visit {
    /// The first sample, and how many.
    pub samples: (usize, usize),
    /// The panel of results.
    pub panel: usize,
    pub stretch: Stretch,
    /// The panel of results of the next visit and the panel that its stretch begins with, if its weights are to be fetched
    /// ahead.
    next: Option<(usize, usize)>,
}

/// Visits all stretches of the chains through `units` units, of `panels` panels of results.
#[inline(always)]
pub(super) fn for_each_stretch<S: Simd>(samples: usize, units: usize, panels: usize, mut visit: impl FnMut(Visit)) {
    let is_large = product(&[units, panels, PANEL]) >= LARGE;
    let fetches_ahead = S::FETCHES_AHEAD && is_large;
    // Short chains are common, and to look at the machine would be a part of a small layer's time.
    let longest = if units <= S::STRETCH { S::STRETCH } else { S::long_stretch(is_large, second_level_bytes()) };
    // Where nothing is to be cut, the loops below would be a part of the time.
    if units <= longest && product(&[samples, units]) <= LEAST_RESIDENT && !fetches_ahead {
        let stretch = Stretch { panel: 0, units, is_last: true };
        for panel in 0..panels {
            visit(Visit { samples: (0, samples), panel, stretch, next: None });
        }
        return;
    }
    let long = longest.saturating_mul(4);
    let chunk = chunk(samples, long.min(units), resident_numbers());
    Cuts { chunk, long, longest, fetches_ahead }.for_each(samples, units, panels, visit);
}

/// Where samples and chains are cut.
struct Cuts {
    /// Samples in a chunk, at most.
    chunk: usize,
    /// Units in a long stretch, at most: its operand A stays, for all samples of a chunk, in the second-level cache while all
    /// panels read it.
    long: usize,
    /// Units in a stretch, at most: its operand B stays in the first-level cache while all tiles of a column read it.
    longest: usize,
    fetches_ahead: bool,
}

impl Cuts {
    #[inline(always)]
    fn for_each(self, samples: usize, units: usize, panels: usize, mut visit: impl FnMut(Visit)) {
        let Cuts { chunk, long, longest, fetches_ahead } = self;
        let mut first = 0;
        while first < samples {
            let samples = (first, chunk.min(samples - first));
            Stretch { panel: 0, units, is_last: true }.for_parts(
                long,
                #[inline(always)]
                |long| {
                    for panel in 0..panels {
                        long.for_parts(
                            longest,
                            #[inline(always)]
                            |stretch| {
                                let after = stretch.panel + stretch.units.div_ceil(PANEL);
                                let next = if (after - long.panel) * PANEL < long.units {
                                    (panel, after)
                                } else {
                                    (panel + 1, long.panel)
                                };
                                visit(Visit {
                                    samples,
                                    panel,
                                    stretch,
                                    next: (fetches_ahead && next.0 < panels).then_some(next),
                                });
                            },
                        );
                    }
                },
            );
            first += chunk;
        }
    }
}

impl Visit {
    /// Gives `tiles` the samples, as (first, count), and fetches ahead meanwhile. `b` finds the first row of B for the tiles of
    /// a visit, from the panel of results and the one that the stretch begins with; `b_segment` as in
    /// [`chains`](Stretch::chains).
    #[inline(always)]
    pub fn for_samples<'a, S: Simd>(
        self,
        simd: S,
        (b, b_segment): (impl Fn(usize, usize) -> &'a [f32], usize),
        mut tiles: impl FnMut(usize, usize),
    ) {
        let (mut first, count) = self.samples;
        let end = first + count;
        // Few rows of B between tiles: a core waits for no more than some twenty cache lines at a time.
        let (next, at_a_time, rows) = match self.next {
            None => (ptr::null(), count, 0),
            Some((panel, from)) => {
                let at_a_time = 2 * S::TILE_ROWS;
                (b(panel, from).as_ptr(), at_a_time, self.stretch.units.div_ceil(count.div_ceil(at_a_time)))
            }
        };
        let mut row = 0;
        while first < end {
            for row in row..self.stretch.units.min(row + rows) {
                let row = next.wrapping_add(row / PANEL * b_segment + row % PANEL * PANEL);
                simd.prefetch(row);
                simd.prefetch(row.wrapping_add(LINE));
            }
            row += rows;
            tiles(first, at_a_time.min(end - first));
            first += at_a_time;
        }
    }
}

impl Stretch {
    /// The chains of a panel, for the samples from `first` on. A is `a`; B has its first row, of this stretch, from `b` on, and
    /// is `b_segment` from one panel to the next. The chains begin with `start`, and go on from what was put down in `sums`,
    /// the panel.
    #[inline(always)]
    pub fn chains<'a>(
        self,
        (a, first): (impl Samples<'a>, usize),
        (b, b_segment): (&[f32], usize),
        start: &[f32],
        sums: *const f32,
    ) -> (Chain, Ends) {
        let chain = Chain {
            a: a.from(self.panel, first).as_ptr(),
            a_row: a.row_stride(),
            a_segment: a.panel_stride(),
            b: b.as_ptr(),
            b_segment,
            segment: PANEL,
            length: self.units,
        };
        let place = first * PANEL;
        let (start, one_start) = match self.panel {
            0 => (start.as_ptr(), true),
            _ => (sums.wrapping_add(place), false),
        };
        (chain, Ends { start, one_start, place })
    }

    /// Calls `body` with parts of at most `longest` units, of whole panels and as even as can be.
    #[inline(always)]
    fn for_parts(self, longest: usize, mut body: impl FnMut(Stretch)) {
        let panels = self.units.div_ceil(PANEL);
        let mut size = panels;
        // Most layers fit: the divisions would be a part of a small one's time. So would those of `step_by`.
        if self.units > longest {
            size = in_even_parts(panels, longest / PANEL);
        }
        let mut first = 0;
        while first < panels {
            let left = self.units - first * PANEL;
            let (units, is_last) = (left.min(size * PANEL), self.is_last && left <= size * PANEL);
            body(Stretch { panel: self.panel + first, units, is_last });
            first += size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every chain is visited from its first unit to its last one, in order, and once; `is_last` is said at its end alone.
    #[test]
    fn every_chain_is_visited_in_order() {
        for (samples, units, panels) in [(1, 1, 1), (16, 32, 2), (100, 300, 10), (513, 1000, 3), (40, 1025, 2)] {
            for (resident, long, longest) in [(1, 32, 32), (5000, 128, 64), (40_000, 512, 128), (1 << 30, 4096, 1024)] {
                let chunk = chunk(samples, long.min(units), resident);
                let mut done = vec![(0, false); samples * panels];
                let cuts = Cuts { chunk, long, longest, fetches_ahead: true };
                cuts.for_each(samples, units, panels, |Visit { samples: (first, count), panel, stretch, next }| {
                    assert!(stretch.units <= longest && count <= chunk && next.is_none_or(|next| next.0 < panels));
                    for chain in &mut done[panel * samples..][first..first + count] {
                        assert_eq!(*chain, (stretch.panel * PANEL, false), "where the chain was put down");
                        *chain = (chain.0 + stretch.units, stretch.is_last);
                    }
                });
                assert!(done.iter().all(|chain| *chain == (units, true)), "{samples}, {units}, {panels}, {resident}");
            }
        }
    }
}
