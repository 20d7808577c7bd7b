//! Steps 1 to 3 of backpropagation: forward and backward through all layers for a group of samples.

use kernels::matrix::{self, Table};
use kernels::simd::Simd;
use kernels::{Activation, Dropout, Level, dispatch};

use crate::layer;
use crate::loss::losses_and_deltas;
use crate::parameters::Parameters;
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

impl Keep {
    /// For the samples from position `first` in the minibatch on.
    pub(crate) fn new(layout: &GroupLayout, dropout: Option<Dropout>, first: usize) -> Self {
        if layout.slopes.is_none() { Keep::Postactivations } else { Keep::Slopes { dropout, first } }
    }

    /// The activation, if it can be applied as soon as a preactivation is there.
    #[inline(always)]
    pub(crate) fn at_once(self, activation: Activation) -> Option<Activation> {
        match self {
            Keep::Postactivations => Some(activation),
            Keep::Slopes { .. } => None,
        }
    }
}

/// Step 1 of backpropagation for the samples whose features (`from` 0), or postactivations of the first hidden layer (1),
/// are in the group: leaves z of all hidden layers, and the preactivations of the output in its array. A function of its
/// own (`vectorize` outlines it), for training and prediction.
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
                layer::forward_hidden(simd, weights, keep.at_once(activation), (z, rows), samples, z_out, scratch);
                if let Keep::Slopes { dropout, first } = keep {
                    let dropout = dropout.map(|dropout| dropout.of_layer(layer, first));
                    let z_and_slopes = layout.z_and_slopes(group, layer);
                    layer::activate_with_slopes(simd, activation, dropout, samples, 0, z_and_slopes);
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
    let keep = Keep::new(layout, dropout, first);
    // Step by step in functions of their own: they are compiled faster, and cost each other no registers.
    propagate(simd, parameters, activation, layout, group, samples, (0, keep));

    output_deltas(simd, shape.output_layer(), layout, group, data, indices);
    let slope = layout.slope(activation);
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
