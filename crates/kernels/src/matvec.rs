//! Forward propagation of one sample: a = W z + w0.

use crate::dispatch;
use crate::level::Level;
use crate::simd::{Simd, Vector};

/// The most lanes of any tier.
const MAX_LANES: usize = 16;

/// `a[i] = w_i0 + sum over j of w_ij z[j-1]`, a chain of fused multiply-adds that starts from the bias, in the order of j.
///
/// `weights` is (a.len(), 1 + z.len()) in book order: row i holds the bias w_i0, then w_i1, w_i2, ...
///
/// # Panics
/// If `weights` has another size.
pub fn matvec(level: Level, weights: &[f32], z: &[f32], a: &mut [f32]) {
    assert_eq!(weights.len(), a.len() * (1 + z.len()), "weights must be (a.len(), 1 + z.len())");
    dispatch!(level, simd => matvec_lanes(simd, weights, z, a))
}

/// Vectors run across units, so squares of `LANES` rows and columns of W are transposed on the way.
#[inline(always)]
fn matvec_lanes<S: Simd>(simd: S, weights: &[f32], z: &[f32], a: &mut [f32]) {
    let columns = 1 + z.len();
    for (rows, a) in weights.chunks(S::LANES * columns).zip(a.chunks_mut(S::LANES)) {
        let mut transposed = [0.0; MAX_LANES * MAX_LANES];
        let mut sum = simd.splat(0.0);
        for first in (0..columns).step_by(S::LANES) {
            let width = S::LANES.min(columns - first);
            if width == S::LANES && a.len() == S::LANES {
                // SAFETY: `rows` has LANES rows of `columns` numbers, and LANES of them are left from `first` on;
                // `transposed` has room for LANES x LANES.
                unsafe { simd.transpose(rows[first..].as_ptr(), columns, transposed.as_mut_ptr(), S::LANES) };
            } else {
                for (lane, row) in rows.chunks_exact(columns).enumerate() {
                    for (j, weight) in row[first..first + width].iter().enumerate() {
                        transposed[j * S::LANES + lane] = *weight;
                    }
                }
            }
            for (j, weights) in transposed.chunks_exact(S::LANES).take(width).enumerate() {
                let weights = simd.load(weights);
                sum = match first + j {
                    0 => weights,
                    j => weights.mul_add(simd.splat(z[j - 1]), sum),
                };
            }
        }
        if a.len() == S::LANES {
            simd.store(sum, a);
        } else {
            simd.store_partial(sum, a);
        }
    }
}
