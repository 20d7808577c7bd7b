//! Forward propagation of a minibatch through one layer.

use super::layout::{Blocks, FORWARD_BLOCK, PANEL, Panels, PanelsMut, units_in_panel};
use super::row::forward_row;
use super::tile::{AlongUnits, Chain, Ends, stored_tiles};
use super::{Stretch, chunks};
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
    mut z_out: PanelsMut<'_>,
) {
    let shape = weights.shape;
    assert!(z.units == shape.inputs && z_out.units == shape.outputs, "the panels fit the layer");
    assert!(samples <= z.rows && samples <= z_out.rows, "the panels have a row for each sample");
    // A tile holds a narrower row as well.
    if samples == 1 && shape.outputs > S::TILE_VECTORS * S::LANES {
        forward_row(simd, weights, z, 0, &mut z_out);
        if let Some(activation) = activation {
            for output_panel in 0..shape.output_panels() {
                let width = units_in_panel(shape.outputs, output_panel).div_ceil(S::LANES);
                activate_rows(simd, activation, &mut z_out.panel(output_panel)[..PANEL], PANEL, width);
            }
        }
        return;
    }
    let (stretches, longest) = Stretch::of_chunk::<S>(shape.inputs);
    for chunk in chunks(samples, longest) {
        for stretch in stretches.clone() {
            for output_panel in 0..shape.output_panels() {
                for stretch in stretch.of_column::<S>() {
                    to_panel(simd, weights, z, chunk, stretch, activation, output_panel, &mut z_out);
                }
            }
        }
    }
}

/// One stretch of the chains to an output panel, for the samples from `first` on.
#[inline(always)]
#[expect(clippy::too_many_arguments, reason = "all but the last two are those of `forward`, and its loops")]
fn to_panel<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    (first, count): (usize, usize),
    stretch: Stretch,
    activation: Option<Activation>,
    output_panel: usize,
    z_out: &mut PanelsMut<'_>,
) {
    let shape = weights.shape;
    let bias = &weights.forward_block(output_panel, 0)[..PANEL];
    let steps = &weights.forward_block(output_panel, stretch.panel)[PANEL..];
    let width = units_in_panel(shape.outputs, output_panel).div_ceil(S::LANES);
    let panel = &mut z_out.panel(output_panel)[first * PANEL..][..count * PANEL];
    let results = panel.as_mut_ptr();
    for vector in (0..width).step_by(S::TILE_VECTORS) {
        let column = vector * S::LANES;
        let chain = Chain {
            a: z.panel(stretch.panel)[first * PANEL..].as_ptr(),
            a_segment: z.rows * PANEL,
            b: steps[column..].as_ptr(),
            b_segment: FORWARD_BLOCK,
            segment: PANEL,
            length: stretch.units,
        };
        let (start, start_stride) = match stretch.panel {
            0 => (bias[column..].as_ptr(), 0),
            _ => (results.cast_const().wrapping_add(column), PANEL),
        };
        let ends = Ends { start, start_stride, place: column, stride: PANEL };
        let vectors = S::TILE_VECTORS.min(width - vector);
        // SAFETY: `Panels` and `Blocks` checked that each panel has `rows` rows and each block its rows; `count` rows of A and
        // of the results are there from `first` on, and the steps of A and B lie in the panels and in the blocks of this
        // output panel.
        unsafe { stored_tiles::<S, AlongUnits>(simd, count, vectors, chain, ends, results) };
    }
    // In registers the activation would be compiled for every height of a tile; the panel is in the cache.
    if let Some(activation) = activation
        && stretch.is_last
    {
        activate_rows(simd, activation, panel, PANEL, width);
    }
}
