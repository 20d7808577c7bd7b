//! The two sweeps of a training step. A barrier between them is all that a step needs.
//!
//! - The **sample sweep** runs forward and backward through all layers for one group of samples; threads share out the
//!   groups.
//! - The **weight sweep** sums the gradient of a block of weights over all samples of the minibatch and applies the
//!   optimiser; threads share out the blocks. No thread has a gradient of its own that would have to be added up, and so
//!   the order of no sum depends on threads.

use kernels::matrix::{self, BLOCK, GRADIENT, LayerShape, Minibatch, PanelsMut};
use kernels::simd::Simd;
use kernels::{Activation, Sgd};

use crate::Dataset;
use crate::layer;
use crate::loss::losses_and_deltas;
use crate::parameters::Parameters;
use crate::workspace::GroupLayout;

/// Step 1 of backpropagation for the samples whose features are in the group: leaves z of all hidden layers, and the
/// preactivations of the output at `layout.output`.
#[inline(always)]
pub(crate) fn propagate<S: Simd>(
    simd: S,
    parameters: &Parameters,
    activation: Activation,
    layout: &GroupLayout,
    group: &mut [f32],
    samples: usize,
) {
    let rows = layout.rows;
    let last = layout.z.len();
    for layer in 1..last {
        let (before, rest) = group.split_at_mut(layout.z[layer]);
        let z = &before[layout.z[layer - 1]..][..layout.panels_len(layer - 1)];
        let (z_out, rest) = rest.split_at_mut(layout.panels_len(layer));
        let scratch = &mut rest[layout.scratch - layout.z[layer] - layout.panels_len(layer)..];
        layer::forward_hidden(simd, parameters.layer(layer - 1), activation, (z, rows), samples, z_out, scratch);
    }
    let (before, rest) = group.split_at_mut(layout.output);
    let z = &before[layout.z[last - 1]..][..layout.panels_len(last - 1)];
    layer::forward_output(simd, parameters.layer(last - 1), (z, rows), samples, &mut rest[..rows]);
}

/// Writes the features of some samples into the group.
#[inline(always)]
pub(crate) fn gather_features<'a, S: Simd>(
    simd: S,
    layout: &GroupLayout,
    group: &mut [f32],
    samples: impl Iterator<Item = &'a [f32]>,
) {
    let mut z = PanelsMut::new(&mut group[layout.z[0]..][..layout.panels_len(0)], layout.units[0], layout.rows);
    for (row, features) in samples.enumerate() {
        z.write_row(simd, row, features);
    }
}

/// Steps 1, 2 and 3 of backpropagation for one group: the samples `indices` of `data`.
#[inline(always)]
pub(crate) fn sample_sweep<S: Simd>(
    simd: S,
    parameters: &Parameters,
    activation: Activation,
    layout: &GroupLayout,
    group: &mut [f32],
    data: &Dataset,
    indices: &[usize],
) {
    let rows = layout.rows;
    let samples = indices.len();
    gather_features(simd, layout, group, indices.iter().map(|index| data.row(*index)));
    propagate(simd, parameters, activation, layout, group, samples);

    let last = layout.z.len();
    let (before, deltas) = group.split_at_mut(layout.delta[last]);
    let delta = &mut deltas[..layout.panels_len(last)];
    let [a, t, loss, delta_out] = output_arrays(layout, before);
    for (t, index) in t.iter_mut().zip(indices) {
        *t = data.targets()[*index];
    }
    losses_and_deltas(simd, a, t, loss, delta_out);
    PanelsMut::new(delta, layout.units[last], rows).write_column(0, &delta_out[..samples]);

    for layer in (2..=last).rev() {
        let (before, delta) = group.split_at_mut(layout.delta[layer]);
        let delta = &delta[..layout.panels_len(layer)];
        let (before, delta_in) = before.split_at_mut(layout.delta[layer - 1]);
        let delta_in = &mut delta_in[..layout.panels_len(layer - 1)];
        let z = &before[layout.z[layer - 1]..][..layout.panels_len(layer - 1)];
        layer::backward(simd, parameters.layer(layer - 1), activation, (delta, rows), samples, z, delta_in);
    }
}

/// The arrays of the output: preactivations, classes, losses and deltas, each with a number for every row.
#[inline(always)]
pub(crate) fn output_arrays<'a>(layout: &GroupLayout, group: &'a mut [f32]) -> [&'a mut [f32]; 4] {
    let arrays = &mut group[layout.output..][..4 * layout.rows];
    let (a, rest) = arrays.split_at_mut(layout.rows);
    let (t, rest) = rest.split_at_mut(layout.rows);
    let (loss, delta) = rest.split_at_mut(layout.rows);
    [a, t, loss, delta]
}

/// What the weight sweep of some blocks reads.
#[derive(Clone, Copy)]
pub(crate) struct WeightSweep<'a> {
    pub layers: &'a [(usize, LayerShape)],
    pub layout: &'a GroupLayout,
    pub minibatch: Minibatch<'a>,
}

impl WeightSweep<'_> {
    /// Step 4 of backpropagation, summed over the minibatch, for the block `block` of all layers: calls `with` with its
    /// layer (counted from 0), the layer's shape, its place (output panel, input panel) and its gradient, in `sums`.
    #[inline(always)]
    fn gradient<S: Simd>(
        &self,
        simd: S,
        block: usize,
        sums: &mut [f32],
        with: impl FnOnce(usize, LayerShape, (usize, usize), &[f32]),
    ) {
        let layer = self.layers.partition_point(|(first, _)| *first <= block) - 1;
        let (first, shape) = self.layers[layer];
        let place = ((block - first) / shape.input_panels(), (block - first) % shape.input_panels());
        let (z, delta) = (self.layout.z[layer], self.layout.delta[layer + 1]);
        matrix::gradient(simd, shape, place, &self.minibatch, z, delta, sums);
        with(layer, shape, place, sums);
    }

    /// Sums the gradients of the blocks from `first` on and updates them and their velocities.
    #[inline(always)]
    pub(crate) fn update<S: Simd>(
        &self,
        simd: S,
        sgd: Sgd,
        first: usize,
        blocks: &mut [f32],
        velocity: &mut [f32],
        sums: &mut [f32],
    ) {
        let mut velocities = velocity.chunks_exact_mut(GRADIENT);
        for (block, weights) in blocks.chunks_exact_mut(BLOCK).enumerate() {
            let velocity = velocities.next().unwrap_or_default();
            self.gradient(
                simd,
                first + block,
                sums,
                #[inline(always)]
                |layer, shape, place, sums| {
                    matrix::update_block(simd, sgd, shape, place, sums, weights, velocity);
                    if layer > 0 {
                        matrix::refresh_block(simd, shape, place, weights);
                    }
                },
            );
        }
    }

    /// Sums the gradients of all blocks into gradients in book order, one for each layer.
    #[inline(always)]
    pub(crate) fn book_order<S: Simd>(&self, simd: S, gradients: &mut [Vec<f32>], sums: &mut [f32]) {
        let (first, last) = self.layers[self.layers.len() - 1];
        for block in 0..first + last.blocks() {
            self.gradient(
                simd,
                block,
                sums,
                #[inline(always)]
                |layer, shape, place, sums| {
                    matrix::write_gradient(shape, place, sums, &mut gradients[layer]);
                },
            );
        }
    }
}
