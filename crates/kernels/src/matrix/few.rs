//! The gradient of narrow layers, and the number of their units as a constant. The calls of tiles would be most of its time, so
//! these are part of their caller; and their rows are wider, so that enough chains go side by side to hide the latency of a
//! multiply-add.

use super::layout::NARROW;
use super::tile::{Chain, Ends, Walk, fixed_tile};
use crate::simd::Simd;

/// Calls an expression with the number of units of a narrow layer as a constant. Several are in a function of their own
/// (`vectorize` outlines it), so that they cost a single one no registers.
macro_rules! with_units {
    ($simd:expr, $units:expr, $constant:ident => $body:expr) => {
        match $units {
            1 => {
                const $constant: usize = 1;
                $body
            }
            2 => with_units!(@$simd, 2, $constant => $body),
            3 => with_units!(@$simd, 3, $constant => $body),
            _ => with_units!(@$simd, $crate::matrix::NARROW, $constant => $body),
        }
    };
    (@$simd:expr, $units:expr, $constant:ident => $body:expr) => {
        $simd.vectorize(
            #[inline(always)]
            || {
                const $constant: usize = $units;
                $body
            },
        )
    };
}

pub(super) use with_units;

/// Computes `ROWS` rows, at most [`NARROW`], of `vectors` vectors. `finish` as in [`tiles`](super::tile::tiles).
///
/// # Safety
/// A, B and the start must be readable for all rows, vectors and steps.
#[inline(always)]
pub(super) unsafe fn few_rows<S: Simd, W: Walk, const ROWS: usize>(
    simd: S,
    vectors: usize,
    chain: Chain,
    ends: Ends,
    finish: impl Fn(S::Vector, usize) + Copy,
) {
    const { assert!(ROWS <= NARROW) };
    let mut vector = 0;
    while vector < vectors {
        let column = vector * S::LANES;
        let chain = Chain { b: chain.b.wrapping_add(column), ..chain };
        let ends = Ends { start: ends.start.wrapping_add(column), place: ends.place + column, ..ends };
        let left = vectors - vector;
        vector += match vector {
            // SAFETY: passed on to the caller; no more vectors than are left.
            0 => unsafe { some_columns::<S, W, ROWS>(simd, left, chain, ends, finish) },
            // SAFETY: as above.
            _ => unsafe { some_columns::<S, W::Below, ROWS>(simd, left, chain, ends, finish) },
        };
    }
}

/// The first ones of `left` vectors; returns how many.
///
/// # Safety
/// As [`few_rows`].
#[inline(always)]
unsafe fn some_columns<S: Simd, W: Walk, const ROWS: usize>(
    simd: S,
    left: usize,
    chain: Chain,
    ends: Ends,
    finish: impl Fn(S::Vector, usize) + Copy,
) -> usize {
    // SAFETY: passed on to the caller.
    unsafe {
        match left {
            4.. if const { ROWS <= 2 } => columns::<S, W, ROWS, 4>(simd, chain, ends, finish),
            2.. => columns::<S, W, ROWS, 2>(simd, chain, ends, finish),
            _ => columns::<S, W, ROWS, 1>(simd, chain, ends, finish),
        }
    }
}

/// One tile; returns its vectors.
///
/// # Safety
/// As [`few_rows`].
#[inline(always)]
unsafe fn columns<S: Simd, W: Walk, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    chain: Chain,
    ends: Ends,
    finish: impl Fn(S::Vector, usize) + Copy,
) -> usize {
    // SAFETY: passed on to the caller.
    unsafe {
        fixed_tile::<S, W, ROWS, VECTORS>(
            simd,
            chain,
            ends,
            #[inline(always)]
            |_| (),
            finish,
        );
    }
    VECTORS
}
