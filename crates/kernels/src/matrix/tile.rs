//! The register tile: the one inner loop of the minibatch kernels.

use super::layout::PANEL;
use crate::simd::{Simd, Vector};

/// How a tile walks A, and what it knows about its first row.
pub(super) trait Walk {
    /// Numbers from one row of A to the next.
    const A_ROW: usize;
    /// Numbers from one step of the chain to the next in A. (In B it is always a row of a panel.)
    const A_STEP: usize;
    /// Whether the first row of A is all ones, and not stored: the input of the bias.
    const ONES_FIRST: bool;
}

/// A is the panels of activations, a row a sample: the chain runs along its units.
pub(super) struct AlongUnits;
impl Walk for AlongUnits {
    const A_ROW: usize = PANEL;
    const A_STEP: usize = 1;
    const ONES_FIRST: bool = false;
}

/// A is the panels of activations, a row a unit: the chain runs along the samples.
pub(super) struct AlongSamples;
impl Walk for AlongSamples {
    const A_ROW: usize = 1;
    const A_STEP: usize = PANEL;
    const ONES_FIRST: bool = false;
}

/// As [`AlongSamples`], below a first row of ones.
pub(super) struct AlongSamplesBelowOnes;
impl Walk for AlongSamplesBelowOnes {
    const A_ROW: usize = 1;
    const A_STEP: usize = PANEL;
    const ONES_FIRST: bool = true;
}

/// The chain of multiply-adds of every number of a tile: `length` steps, in segments (a panel's units, a group's
/// samples) of `segment` steps.
#[derive(Clone, Copy)]
pub(super) struct Chain {
    pub a: *const f32,
    pub b: *const f32,
    /// Numbers from one segment to the next in A and in B.
    pub a_segment: usize,
    pub b_segment: usize,
    pub segment: usize,
    pub length: usize,
}

/// Where the numbers of a tile start and end up.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    /// The number that each chain starts from; rows are `start_stride` apart (0: one row serves all).
    pub start: *const f32,
    pub start_stride: usize,
    /// Where each chain's result goes; rows are `result_stride` apart.
    pub result: *mut f32,
    pub result_stride: usize,
}

/// Zeros to start from.
pub(super) static ZEROS: [f32; PANEL] = [0.0; PANEL];

/// Computes a tile of `rows` by `vectors` vectors, at most `TILE_ROWS` by `TILE_VECTORS`.
///
/// # Safety
/// A, B and the start must be readable, and the result writable, for all rows, vectors and steps.
#[inline(always)]
pub(super) unsafe fn tile<S: Simd, W: Walk>(simd: S, rows: usize, vectors: usize, chain: Chain, ends: Ends) {
    // Each height is a function of its own (`vectorize` outlines it), so that all sums stay in registers.
    macro_rules! of_height {
        ($vectors:literal: $($rows:literal)*) => {
            match rows {
                // SAFETY: passed on to the caller.
                $($rows if const { $rows <= S::TILE_ROWS } => simd.vectorize(#[inline(always)] || unsafe {
                    fixed_tile::<S, W, $rows, $vectors>(simd, chain, ends)
                }),)*
                _ => unreachable!("a tile has 1 to TILE_ROWS rows"),
            }
        };
    }
    debug_assert!((1..=S::TILE_VECTORS).contains(&vectors));
    if const { S::TILE_VECTORS == 2 } && vectors == 2 {
        of_height!(2: 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    } else {
        of_height!(1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14)
    }
}

/// # Safety
/// As [`tile`].
#[inline(always)]
unsafe fn fixed_tile<S: Simd, W: Walk, const ROWS: usize, const VECTORS: usize>(simd: S, chain: Chain, ends: Ends) {
    // SAFETY: every address below is one of the tile's rows, vectors and steps, which the caller vouches for. Pointers
    // are advanced with wrapping_add, since the last advance may leave the allocation.
    unsafe {
        let mut sums = [[simd.splat(0.0); VECTORS]; ROWS];
        let mut r = 0;
        while r < ROWS {
            let mut v = 0;
            while v < VECTORS {
                sums[r][v] = simd.load_from(ends.start.add(r * ends.start_stride + v * S::LANES));
                v += 1;
            }
            r += 1;
        }
        let (mut a_segment, mut b_segment, mut left) = (chain.a, chain.b, chain.length);
        while left > 0 {
            let steps = left.min(chain.segment);
            left -= steps;
            let (mut a, mut b) = (a_segment, b_segment);
            for _ in 0..steps {
                let mut row = [simd.splat(0.0); VECTORS];
                let mut v = 0;
                while v < VECTORS {
                    row[v] = simd.load_from(b.add(v * S::LANES));
                    v += 1;
                }
                let mut r = 0;
                while r < ROWS {
                    let factor = match (W::ONES_FIRST, r) {
                        (true, 0) => simd.splat(1.0),
                        (true, _) => simd.splat(*a.add((r - 1) * W::A_ROW)),
                        (false, _) => simd.splat(*a.add(r * W::A_ROW)),
                    };
                    let mut v = 0;
                    while v < VECTORS {
                        sums[r][v] = factor.mul_add(row[v], sums[r][v]);
                        v += 1;
                    }
                    r += 1;
                }
                a = a.wrapping_add(W::A_STEP);
                b = b.wrapping_add(PANEL);
            }
            a_segment = a_segment.wrapping_add(chain.a_segment);
            b_segment = b_segment.wrapping_add(chain.b_segment);
        }
        let mut r = 0;
        while r < ROWS {
            let mut v = 0;
            while v < VECTORS {
                simd.store_to(sums[r][v], ends.result.add(r * ends.result_stride + v * S::LANES));
                v += 1;
            }
            r += 1;
        }
    }
}
