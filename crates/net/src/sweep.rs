//! The two sweeps of a training step. A barrier between them is all that a step needs.
//!
//! - The **sample sweep** runs forward and backward through all layers for one group of samples; threads share out the
//!   groups.
//! - The **weight sweep** sums the gradient of a block of weights over all samples of the minibatch and applies the
//!   optimiser; threads share out the blocks. No thread has a gradient of its own that would have to be added up, and so
//!   the order of no sum depends on threads.
//!
//! Threads may also share out the units of each layer in both sweeps, with a barrier after each: see `by_units.rs`.

use kernels::matrix::{self, BlockGradient, BlockMut, GRADIENT, LayerShape, Minibatch, PANEL, PanelsMut, Table};
use kernels::simd::Simd;
use kernels::{Activation, Dropout, Level, Sgd, Slope, Step, dispatch};

use crate::layer;
use crate::loss::losses_and_deltas;
use crate::parameters::{BlocksMut, Parameters};
use crate::workspace::{GroupLayout, OutputArrays};
use crate::{Dataset, Network, OutputLayer};

/// What step 1 keeps of the hidden layers.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    /// z alone.
    Postactivations,
    /// z and dz/da, both after dropout, of samples from position `first` in the minibatch on.
    Slopes { dropout: Option<Dropout>, first: usize },
}

/// Step 1 of backpropagation for the samples whose features (`from` 0), or postactivations of the first hidden layer (1), are in
/// the group: leaves z of all hidden layers, and the preactivations of the output in its array. A function of its own
/// (`vectorize` outlines it), for training and prediction.
#[inline(always)]
pub(crate) fn propagate<S: Simd>(
    simd: S,
    parameters: &Parameters,
    activation: Activation,
    layout: &GroupLayout,
    group: &mut [f32],
    samples: usize,
    (from, keep): (usize, Keep),
) {
    simd.vectorize(
        #[inline(always)]
        || {
            let rows = layout.rows;
            let last = layout.z.len();
            for layer in 1 + from..last {
                let weights = parameters.layer(layer - 1);
                let (z, z_out, scratch) = layout.hidden_layer(group, layer);
                let now = match keep {
                    Keep::Postactivations => Some(activation),
                    Keep::Slopes { .. } => None,
                };
                layer::forward_hidden(simd, weights, now, (z, rows), samples, z_out, scratch);
                if let Keep::Slopes { dropout, first } = keep {
                    let panels = layout.hidden_layer_with_slopes(group, layer);
                    let [z_out, slopes] = panels.map(|panels| PanelsMut::new(panels, layout.units[layer], rows));
                    let dropout = dropout.map(|dropout| dropout.of_layer(layer, first));
                    layer::activate_with_slopes(simd, activation, dropout, samples, z_out, slopes);
                }
            }
            let (z, output) = layout.output_layer(group);
            layer::forward_output(simd, parameters.layer(last - 1), (z, rows), samples, output);
        },
    );
}

/// Writes the features of some samples into the group: row `index_of(s)` of `features` is sample s.
#[inline(always)]
pub(crate) fn gather_features<S: Simd>(
    simd: S,
    layout: &GroupLayout,
    group: &mut [f32],
    features: &[f32],
    samples: usize,
    index_of: impl Fn(usize) -> usize,
) {
    let table = Table::new(features, layout.units[0]);
    matrix::gather_rows(simd, (table, 0), samples, index_of, layout.features(group));
}

/// Steps 1, 2 and 3 of backpropagation for one group: the samples `indices` of `data`, the first of which is at position
/// `first` in the minibatch.
pub(crate) fn sample_sweep(
    level: Level,
    network: &Network,
    layout: &GroupLayout,
    group: &mut [f32],
    data: &Dataset,
    samples: (&[u32], usize),
    dropout: Option<Dropout>,
) {
    dispatch!(level, simd => sample_sweep_with(simd, network, layout, group, data, samples, dropout));
}

#[inline(always)]
fn sample_sweep_with<S: Simd>(
    simd: S,
    network: &Network,
    layout: &GroupLayout,
    group: &mut [f32],
    data: &Dataset,
    (indices, first): (&[u32], usize),
    dropout: Option<Dropout>,
) {
    let Network { parameters, shape } = network;
    let activation = shape.activation();
    let samples = indices.len();
    gather_features(
        simd,
        layout,
        group,
        data.features(),
        samples,
        #[inline(always)]
        |sample| indices[sample] as usize,
    );
    let keep = match layout.slopes {
        None => Keep::Postactivations,
        Some(_) => Keep::Slopes { dropout, first },
    };
    // Step by step in functions of their own: they are compiled faster, and cost each other no registers.
    propagate(simd, parameters, activation, layout, group, samples, (0, keep));

    output_deltas(simd, shape.output_layer(), layout, group, data, indices);
    let slope = if layout.slopes.is_none() { activation.slope() } else { Slope::Kept };
    for layer in (2..=layout.z.len()).rev() {
        let (delta, z, delta_in) = layout.backward(group, layer);
        layer::backward(simd, parameters.layer(layer - 1), slope, delta, samples, z, (delta_in, 0));
    }
}

/// Step 2 of backpropagation: the losses, and the deltas of the output layer.
#[inline(always)]
pub(crate) fn output_deltas<S: Simd>(
    simd: S,
    output_layer: OutputLayer,
    layout: &GroupLayout,
    group: &mut [f32],
    data: &Dataset,
    indices: &[u32],
) {
    let last = layout.z.len();
    let (before, deltas) = group.split_at_mut(layout.delta[last]);
    let delta = &mut deltas[..layout.panels_len(last)];
    match (output_layer, layout.units[last]) {
        // Constants, so that loops over the units vanish. The other output layers are in a function of their own (`vectorize`
        // outlines it), so that they cost the sweep of a small network no registers.
        (OutputLayer::Sigmoid, 1) => {
            deltas_of_units(simd, (OutputLayer::Sigmoid, 1), layout, before, delta, data, indices);
        }
        head => simd.vectorize(
            #[inline(always)]
            || deltas_of_units(simd, head, layout, before, delta, data, indices),
        ),
    }
}

/// The same for so many units.
#[inline(always)]
fn deltas_of_units<S: Simd>(
    simd: S,
    (output_layer, units): (OutputLayer, usize),
    layout: &GroupLayout,
    group: &mut [f32],
    delta: &mut [f32],
    data: &Dataset,
    indices: &[u32],
) {
    let rows = layout.rows;
    let (_, OutputArrays { a, t, losses, deltas: columns }) = layout.output_arrays(group);
    data.gather_targets(indices, rows, t);
    let arrays = OutputArrays { a, t, losses, deltas: &mut *columns };
    losses_and_deltas(simd, output_layer, data.smoothing(), units, arrays);
    data.weigh(indices, rows, columns);
    layer::write_deltas(simd, (columns, rows), units, indices.len(), delta);
}

/// What the weight sweep of some blocks reads.
#[derive(Clone, Copy)]
pub(crate) struct WeightSweep<'a> {
    pub layers: &'a [(usize, LayerShape)],
    pub layout: &'a GroupLayout,
    pub minibatch: Minibatch<'a>,
}

impl WeightSweep<'_> {
    /// Calls `visit` with each of the `blocks` blocks from `first` on, counted from that one, its layer (counted from 0), and its
    /// gradient, step 4 of backpropagation.
    #[inline(always)]
    fn for_each_gradient(&self, first: usize, blocks: usize, mut visit: impl FnMut(usize, usize, BlockGradient<'_>)) {
        let WeightSweep { layers, layout, minibatch } = *self;
        for (layer, &(start, shape)) in layers.iter().enumerate() {
            let of_layer = |block: usize| block.clamp(start, start + shape.blocks()) - start;
            let (z, delta) = (layout.z[layer], layout.delta[layer + 1]);
            shape.for_each_block(
                of_layer(first)..of_layer(first + blocks),
                minibatch.samples,
                #[inline(always)]
                |block, place| {
                    let gradient = BlockGradient { shape, block: place, minibatch, z, delta };
                    visit(start + block - first, layer, gradient);
                },
            );
        }
    }

    /// The step of gradient descent for the blocks from `first` on, with their velocities.
    #[inline(always)]
    pub(crate) fn descend<S: Simd>(
        &self,
        simd: S,
        sgd: Sgd,
        first: usize,
        blocks: &mut BlocksMut<'_>,
        velocity: &mut [f32],
    ) {
        self.for_each_gradient(
            first,
            blocks.count(),
            #[inline(always)]
            |block, layer, gradient| {
                let velocity =
                    if velocity.is_empty() { &mut [][..] } else { &mut velocity[block * GRADIENT..][..GRADIENT] };
                gradient.descend(simd, sgd, layer == 0, blocks.block(block), velocity);
            },
        );
    }

    /// The step of an optimiser for the blocks from `first` on, with the numbers that it keeps for each. The gradient of a
    /// block is in memory no longer than its step takes.
    #[inline(always)]
    pub(crate) fn update<S: Simd>(
        &self,
        simd: S,
        step: Step,
        first: usize,
        blocks: &mut BlocksMut<'_>,
        kept: &mut [f32],
    ) {
        let slots = step.rule.slots() * GRADIENT;
        let mut sums = [0.0; GRADIENT];
        self.for_each_gradient(
            first,
            blocks.count(),
            #[inline(always)]
            |block, layer, gradient| {
                sum_block(simd, gradient, &mut sums);
                let kept = &mut kept[block * slots..][..slots];
                update_block(simd, gradient, step, layer == 0, &sums, blocks.block(block), kept);
            },
        );
    }

    /// The gradients of the blocks from `first` on, summed over the minibatch, and their squares.
    #[inline(always)]
    pub(crate) fn sum<S: Simd>(&self, simd: S, first: usize, sums: &mut [f32], squares: &mut [[f64; PANEL]]) {
        self.for_each_gradient(
            first,
            squares.len(),
            #[inline(always)]
            |block, _, gradient| {
                let sums = &mut sums[block * GRADIENT..][..GRADIENT];
                sum_block(simd, gradient, sums);
                gradient.squares(sums, &mut squares[block]);
            },
        );
    }

    /// The step of an optimiser from those sums.
    #[inline(always)]
    pub(crate) fn update_from_sums<S: Simd>(
        &self,
        simd: S,
        step: Step,
        first: usize,
        sums: &[f32],
        blocks: &mut BlocksMut<'_>,
        kept: &mut [f32],
    ) {
        let slots = step.rule.slots() * GRADIENT;
        self.for_each_gradient(
            first,
            blocks.count(),
            #[inline(always)]
            |block, layer, gradient| {
                let sums = &sums[block * GRADIENT..][..GRADIENT];
                let kept = &mut kept[block * slots..][..slots];
                update_block(simd, gradient, step, layer == 0, sums, blocks.block(block), kept);
            },
        );
    }

    /// The squared length of the whole gradient. Added up in f64 in an order of its own: layer by layer and unit by unit, in
    /// pieces of [`PANEL`] inputs, the first one with the bias.
    pub(crate) fn squared_norm(&self, squares: &[[f64; PANEL]]) -> f64 {
        let mut sum = 0.0;
        for &(first, shape) in self.layers {
            for output in 0..shape.outputs {
                let blocks = first + output / PANEL * shape.input_panels();
                for block in &squares[blocks..][..shape.input_panels()] {
                    sum += block[output % PANEL];
                }
            }
        }
        sum
    }

    /// Sums the gradients of all blocks into gradients in book order, one for each layer.
    #[inline(always)]
    pub(crate) fn book_order<S: Simd>(&self, simd: S, gradients: &mut [Vec<f32>]) {
        let mut sums = vec![0.0; GRADIENT];
        let (first, last) = self.layers[self.layers.len() - 1];
        self.for_each_gradient(
            0,
            first + last.blocks(),
            #[inline(always)]
            |_, layer, gradient| {
                sum_block(simd, gradient, &mut sums);
                matrix::write_gradient(gradient.shape, gradient.block, &sums, &mut gradients[layer]);
            },
        );
    }
}

/// [`BlockGradient::sum`], in a function of its own.
#[inline(always)]
fn sum_block<S: Simd>(simd: S, gradient: BlockGradient<'_>, sums: &mut [f32]) {
    simd.vectorize(
        #[inline(always)]
        move || gradient.sum(simd, sums),
    );
}

/// [`BlockGradient::update`], in a function of its own.
#[inline(always)]
fn update_block<S: Simd>(
    simd: S,
    gradient: BlockGradient<'_>,
    step: Step,
    is_first: bool,
    sums: &[f32],
    block: BlockMut<'_>,
    kept: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        move || gradient.update(simd, step, is_first, sums, block, kept),
    );
}
