//! Step 4 of backpropagation, for one sample: dL/dw_ij = delta_i z_j, and dL/dw_i0 = delta_i.

use crate::dispatch;
use crate::level::Level;
use crate::simd::{Simd, Vector};
use crate::slice::update;

/// Adds delta z^T to `gradient`, and delta to its bias column: `gradient_ij += delta[i] z[j-1]`, rounded once, and
/// `gradient_i0 += delta[i]`.
///
/// `gradient` is (delta.len(), 1 + z.len()) in book order: row i holds dL/dw_i0, then dL/dw_i1, dL/dw_i2, ...
///
/// # Panics
/// If `gradient` has another size.
pub fn outer_product(level: Level, delta: &[f32], z: &[f32], gradient: &mut [f32]) {
    assert_eq!(gradient.len(), delta.len() * (1 + z.len()), "gradient must be (delta.len(), 1 + z.len())");
    dispatch!(level, simd => for (row, delta) in gradient.chunks_exact_mut(1 + z.len()).zip(delta) {
        row[0] += delta;
        add_scaled_lanes(simd, *delta, z, &mut row[1..]);
    })
}

#[inline(always)]
fn add_scaled_lanes<S: Simd>(simd: S, factor: f32, z: &[f32], row: &mut [f32]) {
    let factor = simd.splat(factor);
    update(
        simd,
        row,
        z,
        #[inline(always)]
        |sum, z| factor.mul_add(z, sum),
    );
}
