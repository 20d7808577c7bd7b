//! Forward propagation of one sample.
//!
//! Every unit of it is one chain, and each step of a chain waits for the one before. A tile has too few of them to keep the
//! multipliers busy, so here several vectors of units, of as many panels as it takes, go side by side.

use super::layout::{Blocks, FORWARD_BLOCK, PANEL, Panels, PanelsMut, units_in_panel};
use crate::simd::{Simd, Vector};

/// The most vectors that go side by side: the latency of a multiply-add times the number of multipliers, on any core so
/// far, as far as the registers of the tier reach.
const fn most_vectors<S: Simd>() -> usize {
    let registers = S::TILE_ROWS * S::TILE_VECTORS;
    if registers < 8 { registers } else { 8 }
}

/// The preactivations `W z + w0` of sample `sample`.
///
/// # Panics
/// If the panels do not fit the layer, or have no such sample.
#[inline(always)]
pub(super) fn forward_row<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    sample: usize,
    z_out: &mut PanelsMut<'_>,
) {
    let shape = weights.shape;
    assert!(z.units == shape.inputs && z_out.units == shape.outputs, "the panels fit the layer");
    assert!(sample < z.rows && sample < z_out.rows, "the panels have the sample");
    let vectors = shape.outputs.div_ceil(S::LANES);
    let groups = vectors.div_ceil(most_vectors::<S>());
    // As even as can be.
    let (fewer, more) = (vectors / groups, vectors % groups);
    let mut first = 0;
    for group in 0..groups {
        let count = fewer + usize::from(group < more);
        macro_rules! of_count {
            ($($count:literal)*) => {
                match count {
                    $($count if const { $count <= most_vectors::<S>() } => simd.vectorize(
                        #[inline(always)]
                        || side_by_side::<S, $count>(simd, weights, z, sample, first, z_out),
                    ),)*
                    _ => unreachable!("a group has 1 to most_vectors vectors"),
                }
            };
        }
        of_count!(1 2 3 4 5 6 7 8);
        first += count;
    }
}

/// The preactivations of `VECTORS` vectors of units, from vector `first` of the layer on.
#[inline(always)]
fn side_by_side<S: Simd, const VECTORS: usize>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    sample: usize,
    first: usize,
    z_out: &mut PanelsMut<'_>,
) {
    let place = |vector: usize| {
        let unit = (first + vector) * S::LANES;
        (unit / PANEL, unit % PANEL)
    };
    let mut sums = [simd.splat(0.0); VECTORS];
    // The bias rows, and behind each one the rows of the inputs.
    let mut rows = [std::ptr::null::<f32>(); VECTORS];
    let mut v = 0;
    while v < VECTORS {
        let (panel, column) = place(v);
        let bias = &weights.forward_block(panel, 0)[column..];
        sums[v] = simd.load(bias);
        rows[v] = bias[PANEL..].as_ptr();
        v += 1;
    }
    for input_panel in 0..weights.shape.input_panels() {
        let z = &z.panel(input_panel)[sample * PANEL..][..units_in_panel(weights.shape.inputs, input_panel)];
        for (input, z) in z.iter().enumerate() {
            let factor = simd.splat(*z);
            let mut v = 0;
            while v < VECTORS {
                // SAFETY: the row of each input in the block of this input panel has a vector at the same column; such blocks
                // follow each other, and `Blocks` checked that all are there.
                let row = unsafe { simd.load_from(rows[v].wrapping_add(input_panel * FORWARD_BLOCK + input * PANEL)) };
                sums[v] = factor.mul_add(row, sums[v]);
                v += 1;
            }
        }
    }
    let mut v = 0;
    while v < VECTORS {
        let (panel, column) = place(v);
        simd.store(sums[v], &mut z_out.panel(panel)[sample * PANEL + column..]);
        v += 1;
    }
}
