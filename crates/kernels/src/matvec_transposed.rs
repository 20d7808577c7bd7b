//! The sum in step 3 of backpropagation, for one sample: W^T delta.

use crate::dispatch;
use crate::level::Level;
use crate::simd::{Simd, Vector};

/// Columns that are summed at once, in vectors: independent chains that hide the latency of the multiply-add.
const COLUMN_VECTORS: usize = 4;

/// `sums[j-1] = sum over i of delta[i] w_ij`, a chain of fused multiply-adds that starts from zero, in the order of i. The
/// bias column takes no part.
///
/// `weights` is (delta.len(), 1 + sums.len()) in book order: row i holds the bias w_i0, then w_i1, w_i2, ...
///
/// # Panics
/// If `weights` has another size.
pub fn matvec_transposed(level: Level, weights: &[f32], delta: &[f32], sums: &mut [f32]) {
    assert_eq!(weights.len(), delta.len() * (1 + sums.len()), "weights must be (delta.len(), 1 + sums.len())");
    dispatch!(level, simd => matvec_transposed_lanes(simd, weights, delta, sums))
}

#[inline(always)]
fn matvec_transposed_lanes<S: Simd>(simd: S, weights: &[f32], delta: &[f32], sums: &mut [f32]) {
    let columns = 1 + sums.len();
    let mut first = 1;
    for sums in sums.chunks_mut(COLUMN_VECTORS * S::LANES) {
        let mut totals = [simd.splat(0.0); COLUMN_VECTORS];
        let whole = sums.len() / S::LANES;
        let rest = sums.len() % S::LANES;
        for (row, delta) in weights.chunks_exact(columns).zip(delta) {
            let row = &row[first..first + sums.len()];
            let delta = simd.splat(*delta);
            let mut vector = 0;
            while vector < COLUMN_VECTORS {
                if vector < whole {
                    totals[vector] = simd.load(&row[vector * S::LANES..]).mul_add(delta, totals[vector]);
                } else if vector == whole && rest > 0 {
                    totals[vector] = simd.load_partial(&row[vector * S::LANES..]).mul_add(delta, totals[vector]);
                }
                vector += 1;
            }
        }
        first += sums.len();
        for (sums, total) in sums.chunks_mut(S::LANES).zip(totals) {
            if sums.len() == S::LANES {
                simd.store(total, sums);
            } else {
                simd.store_partial(total, sums);
            }
        }
    }
}
