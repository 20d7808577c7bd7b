//! Forward propagation of a minibatch through one layer.

use super::layout::{Blocks, FORWARD_BLOCK, PANEL, Panels, PanelsMut, Table, units_in_panel};
use super::row::{RowMut, forward_row};
use super::samples::Samples;
use super::stretch::{Visit, for_each_stretch};
use super::tile::stored_tiles;
use crate::activation::{Activation, activate_rows};
use crate::simd::Simd;

/// `z_out = activation(W z + w0)` for the first `samples` samples, or the preactivations without an activation.
///
/// # Panics
/// If the panels do not fit the layer, or have fewer rows than `samples`.
#[inline(always)]
pub fn forward<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: PanelsMut<'_>,
) {
    forward_samples(simd, weights, z, samples, activation, z_out);
}

/// The same through the first layer, for the first `samples` rows of a table.
///
/// # Panics
/// If the table or the panels do not fit the layer, or have fewer rows than `samples`.
#[inline(always)]
pub fn forward_table<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    table: Table<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: PanelsMut<'_>,
) {
    forward_samples(simd, weights, table, samples, activation, z_out);
}

#[inline(always)]
fn forward_samples<'a, S: Simd, Z: Samples<'a>>(
    simd: S,
    weights: Blocks<'_>,
    z: Z,
    samples: usize,
    activation: Option<Activation>,
    mut z_out: PanelsMut<'_>,
) {
    let shape = weights.shape;
    assert!(z.units() == shape.inputs && z_out.units == shape.outputs, "the activations fit the layer");
    assert!(samples <= z.rows() && samples <= z_out.rows, "a row for each sample");
    if samples == 1 {
        // In a function of its own, so that it costs the tiles no registers.
        return simd.vectorize(
            #[inline(always)]
            || forward_row(simd, weights, z.first_row(), activation, RowMut::of_panels(z_out)),
        );
    }
    for_each_stretch::<S>(
        samples,
        shape.inputs,
        shape.output_panels(),
        #[inline(always)]
        |visit| {
            let Visit { samples: (first, count), panel: output_panel, stretch, .. } = visit;
            let width = units_in_panel(shape.outputs, output_panel).div_ceil(S::LANES);
            let panel = &mut z_out.panel(output_panel)[..(first + count) * PANEL];
            let results = panel.as_mut_ptr();
            let bias = &weights.forward_block(output_panel, 0)[..PANEL];
            let steps = |output_panel, from| &weights.forward_from(output_panel, from)[PANEL..];
            visit.for_samples(
                simd,
                (steps, FORWARD_BLOCK),
                #[inline(always)]
                |first, count| {
                    let b = (steps(output_panel, stretch.panel), FORWARD_BLOCK);
                    let (chain, ends) = stretch.chains((z, first), b, bias, results);
                    // SAFETY: `Panels`, `Table` and `Blocks` checked that the rows of each panel, of the table and of each
                    // block are there; `count` rows of A and of the results are from `first` on, and the steps of A and B
                    // lie in the rows of A and in the blocks of this output panel.
                    unsafe { stored_tiles::<S, Z::Walk>(simd, count, width, chain, ends, results) };
                },
            );
            // In registers the activation would be compiled for every height of a tile; the panel is in the cache.
            if let Some(activation) = activation
                && stretch.is_last
            {
                activate_rows(simd, activation, &mut panel[first * PANEL..], PANEL, width);
            }
        },
    );
}
