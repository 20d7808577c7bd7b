//! Sweeps in which the threads share out the units of each layer, rather than the samples.
//!
//! Each thread takes the same panels of units forward, backward and in the weight sweep, and so reads weights that it has
//! updated itself; what moves between cores are activations and deltas, which are fewer than weights where the minibatch is
//! small. The price is a meeting after each layer. Each number's chain is the same, and so are its bits.

use kernels::matrix::{self, PanelsMut, Table};
use kernels::{Activation, Dropout, Level, dispatch};

use crate::layer;
use crate::parallel::share_out;
use crate::parameters::Parameters;
use crate::sample_sweep::{Keep, output_deltas};
use crate::workspace::GroupLayout;
use crate::{Dataset, Network};

/// Panels for the left half of the threads: at least one, of at least two.
pub(crate) fn left_share(panels: usize, threads: usize) -> usize {
    (panels * (threads / 2) / threads).max(1)
}

/// Calls `body` on each of `threads` threads with some of the panels of each array, which have the same size, and the number of
/// the first of these.
pub(crate) fn for_parts<const ARRAYS: usize>(
    threads: usize,
    panels: [PanelsMut<'_>; ARRAYS],
    body: &(impl Fn(usize, [PanelsMut<'_>; ARRAYS]) + Sync),
) {
    share_out(
        0..threads,
        (0, panels),
        &|(first, panels), threads, _| {
            let count = panels[0].count();
            if count == 1 {
                return Err((first, panels));
            }
            let left = left_share(count, threads.len());
            let mut right_panels = [const { None }; ARRAYS];
            let mut array = 0;
            let left_panels = panels.map(|panels| {
                let (left, right) = panels.split_at(left);
                right_panels[array] = Some(right);
                array += 1;
                left
            });
            let right_panels = right_panels.map(|right| right.expect("each array was split"));
            Ok([(first, left_panels), (first + left, right_panels)])
        },
        &|_, (first, panels)| body(first, panels),
    );
}

/// [`gather_features`](crate::sample_sweep::gather_features) on several threads.
pub(crate) fn gather_features(
    (level, threads): (Level, usize),
    layout: &GroupLayout,
    group: &mut [f32],
    features: &[f32],
    samples: usize,
    index_of: &(impl Fn(usize) -> usize + Sync),
) {
    let table = Table::new(features, layout.units[0]);
    for_parts(threads, [layout.features(group)], &|first, [z]| {
        dispatch!(level, simd => matrix::gather_rows(simd, (table, first), samples, index_of, z));
    });
}

/// [`propagate`](crate::sample_sweep::propagate) on several threads, from the features on.
pub(crate) fn propagate(
    (level, threads): (Level, usize),
    parameters: &Parameters,
    activation: Activation,
    layout: &GroupLayout,
    group: &mut [f32],
    samples: usize,
    keep: Keep,
) {
    let rows = layout.rows;
    let last = layout.z.len();
    for layer in 1..last {
        let (z, z_out, scratch) = layout.hidden_layer(group, layer);
        let (weights, now) = (parameters.layer(layer - 1), keep.at_once(activation));
        layer::forward_hidden_on((level, threads), weights, now, (z, rows), samples, z_out, scratch);
        if let Keep::Slopes { dropout, first } = keep {
            let dropout = dropout.map(|dropout| dropout.of_layer(layer, first));
            for_parts(threads, layout.z_and_slopes(group, layer), &|first, z_and_slopes| {
                dispatch!(level, simd => {
                    layer::activate_with_slopes(simd, activation, dropout, samples, first, z_and_slopes);
                });
            });
        }
    }
    let (z, output) = layout.output_layer(group);
    let weights = parameters.layer(last - 1);
    dispatch!(level, simd => layer::forward_output(simd, weights, (z, rows), samples, output));
}

/// [`sample_sweep`](crate::sample_sweep::sample_sweep) on several threads, for all samples of a minibatch.
pub(crate) fn sample_sweep(
    (level, threads): (Level, usize),
    network: &Network,
    layout: &GroupLayout,
    group: &mut [f32],
    data: &Dataset,
    indices: &[u32],
    dropout: Option<Dropout>,
) {
    let Network { parameters, shape } = network;
    let (activation, samples, keep) = (shape.activation(), indices.len(), Keep::new(layout, dropout, 0));
    let index_of = |sample| indices[sample] as usize;
    gather_features((level, threads), layout, group, data.features(), samples, &index_of);
    propagate((level, threads), parameters, activation, layout, group, samples, keep);
    dispatch!(level, simd => output_deltas(simd, shape.output_layer(), layout, group, data, indices));
    for layer in (2..=layout.z.len()).rev() {
        let (delta, z, delta_in) = layout.backward(group, layer);
        let (weights, slope) = (parameters.layer(layer - 1), layout.slope(activation));
        for_parts(threads, [delta_in], &|first, [delta_in]| {
            dispatch!(level, simd => layer::backward(simd, weights, slope, delta, samples, z, (delta_in, first)));
        });
    }
}
