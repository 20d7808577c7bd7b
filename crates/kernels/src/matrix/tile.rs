//! The register tile: the one inner loop of the minibatch kernels.

use super::layout::{LINE, PANEL};
use crate::simd::{Simd, Vector};

/// How a tile walks A, and what it knows about its first row.
pub(super) trait Walk {
    /// Numbers from one step of the chain to the next in A. (In B it is always a row of a panel.)
    const A_STEP: usize;
    /// Whether the first row of A is all ones, and not stored: the input of the bias.
    const ONES_FIRST: bool = false;
    /// Whether the rows of A are added up beside the products, as vectors, for a row of C above the others, where they start:
    /// biases again.
    const SUMS_A: bool = false;
    /// The walk of the tiles after the first one.
    type Below: Walk;

    /// Numbers from one row of A to the next: a constant, the other way through a panel, but for a table.
    #[inline(always)]
    fn a_row(_chain: &Chain) -> usize {
        PANEL / Self::A_STEP
    }
}

/// A is the panels of activations, a row a sample: the chain runs along its units.
pub(super) struct AlongUnits;
impl Walk for AlongUnits {
    const A_STEP: usize = 1;
    type Below = Self;
}

/// The same, of a table.
pub(super) struct AlongUnitsOfTable;
impl Walk for AlongUnitsOfTable {
    const A_STEP: usize = 1;
    type Below = Self;

    #[inline(always)]
    fn a_row(chain: &Chain) -> usize {
        chain.a_row
    }
}

/// A is the panels of activations, a row a unit: the chain runs along the samples.
pub(super) struct AlongSamples;
impl Walk for AlongSamples {
    const A_STEP: usize = PANEL;
    type Below = Self;
}

/// As [`AlongSamples`], below a first row of ones.
pub(super) struct AlongSamplesBelowOnes;
impl Walk for AlongSamplesBelowOnes {
    const A_STEP: usize = PANEL;
    const ONES_FIRST: bool = true;
    type Below = AlongSamples;
}

/// As [`AlongSamples`], for few units: A are the deltas, whose sums are the gradients of the biases.
pub(super) struct AlongSamplesAndBiases;
impl Walk for AlongSamplesAndBiases {
    const A_STEP: usize = PANEL;
    const SUMS_A: bool = true;
    type Below = AlongSamples;
}

/// The chain of multiply-adds of every number of a tile: `length` steps, in segments (a panel's units, or all
/// samples) of `segment` steps.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    pub a: *const f32,
    pub b: *const f32,
    /// Numbers from one row of a table to the next in A; see [`Walk::a_row`].
    pub a_row: usize,
    /// Numbers from one segment to the next in A and in B.
    pub a_segment: usize,
    pub b_segment: usize,
    pub segment: usize,
    pub length: usize,
}

impl Chain {
    /// What is left of a chain along samples, of one segment, after so many steps.
    #[inline(always)]
    pub fn after(self, steps: usize) -> Chain {
        let (a, b) = (self.a.wrapping_add(steps * PANEL), self.b.wrapping_add(steps * PANEL));
        Chain { a, b, length: self.length - steps, ..self }
    }
}

/// Where the numbers of C start and end up.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    /// The number that each chain starts from: in one row that serves all, or in rows as far apart as those of C.
    pub start: *const f32,
    pub one_start: bool,
    /// The place of the first number among the results, whose rows are those of a panel.
    pub place: usize,
}

/// Zeros to start from.
pub(super) static ZEROS: [f32; PANEL] = [0.0; PANEL];

/// Computes `rows` rows of `width` vectors, at most a panel's, in columns of tiles. `finish`, the epilogue, takes each vector of
/// sums, while it is in a register, and its place; `announce` learns the places, one in each cache line, when the tile begins,
/// to fetch what the epilogue will need.
///
/// # Safety
/// A, B and the start must be readable for all rows, vectors and steps.
#[inline(always)]
pub(super) unsafe fn tiles<S: Simd, W: Walk>(
    simd: S,
    rows: usize,
    width: usize,
    chain: Chain,
    ends: Ends,
    announce: impl Fn(usize) + Copy,
    finish: impl Fn(S::Vector, usize) + Copy,
) {
    let left_over = left_over::<S>(rows, width);
    let (columns, single) = (width / S::TILE_VECTORS, width % S::TILE_VECTORS);
    // SAFETY: the rows and vectors of all columns together are some of those that the caller vouches for.
    unsafe {
        if columns > 0 {
            let size = (S::TILE_VECTORS, columns);
            columns_of_tiles::<S, W>(simd, rows - left_over, size, chain, ends, announce, finish);
        }
        if single > 0 {
            let (chain, ends) = beside(chain, ends, columns * S::TILE_VECTORS * S::LANES);
            columns_of_tiles::<S, W>(simd, rows - left_over, (single, 1), chain, ends, announce, finish);
        }
    }
    if left_over > 0 {
        let (chain, ends) = below::<W>(chain, ends, rows - left_over);
        // SAFETY: the rows are the last ones, and the walk is that of rows below the first tile.
        unsafe { wide_tile::<S, W::Below>(simd, left_over, chain, ends, announce, finish) };
    }
}

/// How many of the rows of a whole panel are left over for a wide tile: the ones that would make the tiles of the columns lower
/// than they can be, and low tiles have too few chains to keep the multiply-add units busy.
#[inline(always)]
fn left_over<S: Simd>(rows: usize, width: usize) -> usize {
    if const { S::WIDE_TILE_ROWS == 0 } || width * S::LANES < PANEL || rows <= S::TILE_ROWS {
        return 0;
    }
    match rows % S::TILE_ROWS {
        // A single row would wait for itself.
        1 => S::WIDE_TILE_ROWS,
        rest if rest <= S::WIDE_TILE_ROWS => rest,
        _ => 0,
    }
}

/// Computes `columns` columns of tiles, side by side, of `vectors` vectors each, at most `TILE_VECTORS`. The heights of the
/// tiles, at most `TILE_ROWS`, or `SINGLE_TILE_ROWS` where there is one vector, are as even as can be.
///
/// # Safety
/// As [`tiles`].
#[inline(always)]
unsafe fn columns_of_tiles<S: Simd, W: Walk>(
    simd: S,
    rows: usize,
    (vectors, columns): (usize, usize),
    chain: Chain,
    ends: Ends,
    announce: impl Fn(usize) + Copy,
    finish: impl Fn(S::Vector, usize) + Copy,
) {
    if rows == 0 {
        return;
    }
    let size = (vectors, columns);
    // Divisions by constants.
    let tiles = if vectors == 1 { rows.div_ceil(S::SINGLE_TILE_ROWS) } else { rows.div_ceil(S::TILE_ROWS) };
    let (height, higher) = (rows / tiles, rows % tiles);
    let heights = |tile: usize| height + usize::from(tile < higher);
    // SAFETY: the rows of all columns together are those that the caller vouches for.
    unsafe {
        if W::ONES_FIRST {
            let first = heights(0);
            grid::<S, W>(simd, (first, 1), size, chain, ends, announce, finish);
            let higher = higher.saturating_sub(1);
            let (chain, ends) = below::<W>(chain, ends, first);
            grid::<S, W::Below>(simd, (height + 1, higher), size, chain, ends, announce, finish);
            let (chain, ends) = below::<W::Below>(chain, ends, higher * (height + 1));
            grid::<S, W::Below>(simd, (height, tiles - 1 - higher), size, chain, ends, announce, finish);
        } else {
            grid::<S, W>(simd, (height + 1, higher), size, chain, ends, announce, finish);
            let (chain, ends) = below::<W>(chain, ends, higher * (height + 1));
            grid::<S, W>(simd, (height, tiles - higher), size, chain, ends, announce, finish);
        }
    }
}

/// The same, and stores the sums at their places among `results`.
///
/// # Safety
/// As [`tiles`], and the places must be writable.
#[inline(always)]
pub(super) unsafe fn stored_tiles<S: Simd, W: Walk>(
    simd: S,
    rows: usize,
    width: usize,
    chain: Chain,
    ends: Ends,
    results: *mut f32,
) {
    // SAFETY: passed on to the caller.
    unsafe {
        tiles::<S, W>(
            simd,
            rows,
            width,
            chain,
            ends,
            #[inline(always)]
            move |_| (),
            #[inline(always)]
            move |sum, place| simd.store_to(sum, results.add(place)),
        );
    }
}

/// The same chains and ends for the numbers of B from `column` on.
#[inline(always)]
fn beside(chain: Chain, ends: Ends, column: usize) -> (Chain, Ends) {
    (
        Chain { b: chain.b.wrapping_add(column), ..chain },
        Ends { start: ends.start.wrapping_add(column), place: ends.place + column, ..ends },
    )
}

/// The same chains and ends for the rows from `rows` on.
#[inline(always)]
fn below<W: Walk>(chain: Chain, ends: Ends, rows: usize) -> (Chain, Ends) {
    let stored = rows - usize::from(W::ONES_FIRST && rows > 0);
    (
        Chain { a: chain.a.wrapping_add(stored * W::a_row(&chain)), ..chain },
        Ends {
            start: if ends.one_start { ends.start } else { ends.start.wrapping_add(rows * PANEL) },
            place: ends.place + rows * PANEL,
            ..ends
        },
    )
}

/// Computes `count` tiles of `height` rows, one below the other, in each of `columns` columns of `vectors` vectors.
///
/// # Safety
/// As [`tiles`].
#[inline(always)]
unsafe fn grid<S: Simd, W: Walk>(
    simd: S,
    (height, count): (usize, usize),
    (vectors, columns): (usize, usize),
    chain: Chain,
    ends: Ends,
    announce: impl Fn(usize) + Copy,
    finish: impl Fn(S::Vector, usize) + Copy,
) {
    debug_assert!((1..=S::TILE_VECTORS).contains(&vectors));
    if count == 0 {
        return;
    }
    // Each height is a function of its own (`vectorize` outlines it), so that all sums stay in registers. They share their
    // arguments: a copy for each would be most of the code of a caller.
    let grid = &Grid { columns, count, chain, ends, announce, finish };
    macro_rules! of_height {
        ($vectors:literal, $most:expr; $($height:literal)*) => {
            match height {
                // SAFETY: passed on to the caller.
                $($height if const { $height <= $most } => simd.vectorize(#[inline(always)] move || unsafe {
                    fixed_grid::<S, W, $height, $vectors>(simd, grid)
                }),)*
                _ => unreachable!("a tile has 1 to so many rows"),
            }
        };
    }
    if const { S::TILE_VECTORS == 2 } && vectors == 2 {
        of_height!(2, S::TILE_ROWS; 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    } else {
        of_height!(1, S::SINGLE_TILE_ROWS; 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    }
}

/// Computes one tile as wide as a panel, of 2 to `WIDE_TILE_ROWS` rows.
///
/// # Safety
/// As [`tiles`].
#[inline(always)]
unsafe fn wide_tile<S: Simd, W: Walk>(
    simd: S,
    rows: usize,
    chain: Chain,
    ends: Ends,
    announce: impl Fn(usize) + Copy,
    finish: impl Fn(S::Vector, usize) + Copy,
) {
    let grid = &Grid { columns: 1, count: 1, chain, ends, announce, finish };
    // The only tier with such tiles has vectors of a quarter of a panel.
    if const { S::WIDE_TILE_ROWS == 3 && 4 * S::LANES == PANEL } {
        match rows {
            2 => simd.vectorize(
                #[inline(always)]
                // SAFETY: passed on to the caller.
                move || unsafe { fixed_grid::<S, W, 2, 4>(simd, grid) },
            ),
            3 => simd.vectorize(
                #[inline(always)]
                // SAFETY: passed on to the caller.
                move || unsafe { fixed_grid::<S, W, 3, 4>(simd, grid) },
            ),
            _ => unreachable!("a wide tile has two or three rows"),
        }
    } else {
        unreachable!("this tier has no wide tiles");
    }
}

/// Tiles of one height, one below the other in columns side by side.
struct Grid<A, F> {
    columns: usize,
    count: usize,
    chain: Chain,
    ends: Ends,
    announce: A,
    finish: F,
}

/// # Safety
/// As [`tiles`].
#[inline(always)]
unsafe fn fixed_grid<S: Simd, W: Walk, const HEIGHT: usize, const VECTORS: usize>(
    simd: S,
    grid: &Grid<impl Fn(usize) + Copy, impl Fn(S::Vector, usize) + Copy>,
) {
    let Grid { columns, count, chain, ends, announce, finish } = *grid;
    for column in 0..columns {
        let (mut chain, mut ends) = beside(chain, ends, column * VECTORS * S::LANES);
        for _ in 0..count {
            // SAFETY: passed on to the caller.
            unsafe { fixed_tile::<S, W, HEIGHT, VECTORS>(simd, chain, ends, announce, finish) };
            (chain, ends) = below::<W>(chain, ends, HEIGHT);
        }
    }
}

/// Plain text for each of `$height` rows: a loop that the compiler leaves rolled would keep the sums in memory.
macro_rules! each_row {
    ($height:ident, $r:ident => $row:block) => {
        each_row!(@ $height, $r => $row, 0 1 2 3 4 5 6 7 8 9 10 11 12 13)
    };
    (@ $height:ident, $r:ident => $row:block, $($literal:literal)*) => {
        $(if const { $literal < $height } {
            const $r: usize = $literal;
            $row
        })*
    };
}

/// One tile. If the walk says so, `finish` takes the sums of A first, whose place is in the row above.
///
/// # Safety
/// As [`tiles`]; where A is added up, whole vectors of its rows must be readable.
#[inline(always)]
pub(super) unsafe fn fixed_tile<S: Simd, W: Walk, const HEIGHT: usize, const VECTORS: usize>(
    simd: S,
    chain: Chain,
    ends: Ends,
    announce: impl Fn(usize) + Copy,
    finish: impl Fn(S::Vector, usize) + Copy,
) {
    let mut sums = [[simd.splat(0.0); VECTORS]; HEIGHT];
    // As many vectors as the rows of A take: one, but for a tier of few lanes.
    let mut sums_of_a = [simd.splat(0.0); HEIGHT];
    // SAFETY: every address below is one of the tile's rows, vectors and steps, which the caller vouches for. Pointers
    // are advanced with wrapping_add, since the last advance may leave the allocation.
    unsafe {
        each_row!(HEIGHT, R => {
            let mut v = 0;
            while v < VECTORS {
                announce(ends.place + R * PANEL + v * S::LANES);
                // Once for each cache line.
                v += (LINE / S::LANES).max(1);
            }
        });
        let above = if ends.one_start {
            each_row!(HEIGHT, R => {
                let mut v = 0;
                while v < VECTORS {
                    sums[R][v] = if R == 0 { simd.load_from(ends.start.add(v * S::LANES)) } else { sums[0][v] };
                    v += 1;
                }
            });
            ends.start
        } else {
            each_row!(HEIGHT, R => {
                let mut v = 0;
                while v < VECTORS {
                    sums[R][v] = simd.load_from(ends.start.add(R * PANEL + v * S::LANES));
                    v += 1;
                }
            });
            ends.start.wrapping_sub(PANEL)
        };
        let mut v = 0;
        while W::SUMS_A && v * S::LANES < HEIGHT {
            sums_of_a[v] = simd.load_from(above.wrapping_add(v * S::LANES));
            v += 1;
        }
        let (mut a_segment, mut b_segment, mut left) = (chain.a, chain.b, chain.length);
        while left > 0 {
            let steps = left.min(chain.segment);
            left -= steps;
            let (mut a, mut b) = (a_segment, b_segment);
            macro_rules! step {
                ($after:literal) => {
                    step::<S, W, HEIGHT, VECTORS>(
                        simd,
                        a.wrapping_add($after * W::A_STEP),
                        b.wrapping_add($after * PANEL),
                        &chain,
                        &mut sums,
                        &mut sums_of_a,
                    )
                };
            }
            macro_rules! go_on {
                ($steps:literal) => {
                    a = a.wrapping_add($steps * W::A_STEP);
                    b = b.wrapping_add($steps * PANEL);
                };
            }
            // Along the samples it costs more than it gains, and so it does in tiles of one vector, whose chains have no time to spare.
            if const { S::FOUR_STEPS && W::A_STEP == 1 && VECTORS > 1 } {
                for _ in 0..steps / 4 {
                    step!(0);
                    step!(1);
                    step!(2);
                    step!(3);
                    go_on!(4);
                }
                if steps & 2 != 0 {
                    step!(0);
                    step!(1);
                    go_on!(2);
                }
                if steps & 1 != 0 {
                    step!(0);
                }
            } else {
                for _ in 0..steps {
                    step!(0);
                    go_on!(1);
                }
            }
            a_segment = a_segment.wrapping_add(chain.a_segment);
            b_segment = b_segment.wrapping_add(chain.b_segment);
        }
    }
    let mut v = 0;
    while W::SUMS_A && v * S::LANES < HEIGHT {
        finish(sums_of_a[v], ends.place - PANEL + v * S::LANES);
        v += 1;
    }
    each_row!(HEIGHT, R => {
        let mut v = 0;
        while v < VECTORS {
            finish(sums[R][v], ends.place + R * PANEL + v * S::LANES);
            v += 1;
        }
    });
}

/// One step of the chains of a tile: adds the products of a number of each row of A with a row of B.
///
/// # Safety
/// The numbers and the row must be readable; where A is added up, whole vectors of its rows.
#[inline(always)]
unsafe fn step<S: Simd, W: Walk, const HEIGHT: usize, const VECTORS: usize>(
    simd: S,
    a: *const f32,
    b: *const f32,
    chain: &Chain,
    sums: &mut [[S::Vector; VECTORS]; HEIGHT],
    sums_of_a: &mut [S::Vector; HEIGHT],
) {
    // SAFETY: passed on to the caller.
    unsafe {
        let mut v = 0;
        while W::SUMS_A && v * S::LANES < HEIGHT {
            sums_of_a[v] = simd.load_from(a.wrapping_add(v * S::LANES)) + sums_of_a[v];
            v += 1;
        }
        if const { S::STEPS_AHEAD > 0 && W::A_STEP == 1 } {
            // Beyond a block's last row comes the next block, but for its bias row.
            let mut v = 0;
            while v < VECTORS {
                simd.prefetch(b.wrapping_add(S::STEPS_AHEAD * PANEL + v * S::LANES));
                v += LINE / S::LANES;
            }
        }
        if const { VECTORS > 2 && !W::ONES_FIRST && !W::SUMS_A } {
            // A wide tile: the numbers of A, which are fewer, are kept in registers. There are none left for a row of B.
            let mut factors = [simd.splat(0.0); HEIGHT];
            each_row!(HEIGHT, R => {
                factors[R] = simd.splat(*a.wrapping_add(R * W::a_row(chain)));
            });
            let mut v = 0;
            while v < VECTORS {
                let row = simd.load_from(b.add(v * S::LANES));
                each_row!(HEIGHT, R => {
                    sums[R][v] = factors[R].mul_add(row, sums[R][v]);
                });
                v += 1;
            }
        } else {
            let mut row = [simd.splat(0.0); VECTORS];
            let mut v = 0;
            while v < VECTORS {
                row[v] = simd.load_from(b.add(v * S::LANES));
                v += 1;
            }
            each_row!(HEIGHT, R => {
                let mut v = 0;
                if W::ONES_FIRST && R == 0 {
                    while v < VECTORS {
                        // 1 x + y, rounded once, is x + y.
                        sums[R][v] = row[v] + sums[R][v];
                        v += 1;
                    }
                } else {
                    let factor = simd.splat(*a.wrapping_add((R - W::ONES_FIRST as usize) * W::a_row(chain)));
                    while v < VECTORS {
                        sums[R][v] = factor.mul_add(row[v], sums[R][v]);
                        v += 1;
                    }
                }
            });
        }
    }
}
