//! Steps 1 and 2 of backpropagation: forward through all layers for a group of samples, to the losses and deltas of the output.

use kernels::matrix::{self, PanelsMut, Table};
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

    /// Or else applies it now, to the preactivations of the panels from `first_panel` on of hidden layer `layer`.
    #[inline(always)]
    pub(crate) fn slopes<S: Simd>(
        self,
        simd: S,
        activation: Activation,
        samples: usize,
        (layer, first_panel): (usize, usize),
        z_and_slopes: [PanelsMut<'_>; 2],
    ) {
        if let Keep::Slopes { dropout, first } = self {
            let dropout = dropout.map(|dropout| dropout.of_layer(layer, first));
            layer::activate_with_slopes(simd, activation, dropout, samples, first_panel, z_and_slopes);
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
    (hidden, ends): (&mut [f32], &mut [f32]),
    samples: usize,
    (from, keep): (usize, Keep),
) {
    simd.vectorize(
        #[inline(always)]
        || {
            for layer in 1 + from..layout.layers() {
                propagate_hidden(simd, parameters, activation, layout, (hidden, ends), samples, (layer, keep));
            }
            let (z, output) = layout.output_layer(hidden, ends);
            layer::forward_output(simd, parameters.layer(layout.layers() - 1), z, samples, output);
        },
    );
}

/// The same for hidden layer `layer` alone.
#[inline(always)]
pub(crate) fn propagate_hidden<S: Simd>(
    simd: S,
    parameters: &Parameters,
    activation: Activation,
    layout: &GroupLayout,
    (hidden, ends): (&mut [f32], &mut [f32]),
    samples: usize,
    (layer, keep): (usize, Keep),
) {
    let (before, mut z_out, slopes) = layout.z_and_slopes(hidden, layer);
    let (features, scratch) = layout.features_and_scratch(ends);
    let (weights, z) = (parameters.layer(layer - 1), layout.z_before(before, features, layer));
    layer::forward_hidden(simd, weights, keep.at_once(activation), z, samples, z_out.reborrow(), scratch);
    if let Some(slopes) = slopes {
        keep.slopes(simd, activation, samples, (layer, 0), [z_out, slopes]);
    }
}

/// Writes the features of some samples into the ends of a group: row `index_of(s)` of `features` is sample s.
#[inline(always)]
pub(crate) fn gather_features<S: Simd>(
    simd: S,
    layout: &GroupLayout,
    ends: &mut [f32],
    features: &[f32],
    samples: usize,
    index_of: impl Fn(usize) -> usize,
) {
    let table = Table::new(features, layout.units[0]);
    matrix::gather_rows(simd, table, samples, index_of, layout.features(ends));
}

/// Steps 1 and 2 of backpropagation for one group: the samples `indices` of `data`, the first of which is at position
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
    let samples = indices.len();
    let (hidden, ends) = layout.parts_mut(group);
    gather_features(
        simd,
        layout,
        ends,
        data.features(),
        samples,
        #[inline(always)]
        |sample| indices[sample] as usize,
    );
    let keep = Keep::new(layout, dropout, first);
    // Step by step in functions of their own: they are compiled faster, and cost each other no registers.
    propagate(simd, parameters, shape.activation(), layout, (hidden, ends), samples, (0, keep));
    output_deltas(simd, shape.output_layer(), layout, ends, data, indices);
}

/// Step 2 of backpropagation: the losses, and the deltas of the output layer.
#[inline(always)]
pub(crate) fn output_deltas<S: Simd>(
    simd: S,
    output_layer: OutputLayer,
    layout: &GroupLayout,
    ends: &mut [f32],
    data: &Dataset,
    indices: &[u32],
) {
    match (output_layer, layout.units[layout.layers()]) {
        // Constants, so that loops over the units vanish. The other output layers are in a function of their own (`vectorize`
        // outlines it), so that they cost the sweep of a small network no registers.
        (OutputLayer::Sigmoid, 1) => {
            deltas_of_units(simd, (OutputLayer::Sigmoid, 1), layout, ends, data, indices);
        }
        head => simd.vectorize(
            #[inline(always)]
            || deltas_of_units(simd, head, layout, ends, data, indices),
        ),
    }
}

/// The same for so many units.
#[inline(always)]
fn deltas_of_units<S: Simd>(
    simd: S,
    (output_layer, units): (OutputLayer, usize),
    layout: &GroupLayout,
    ends: &mut [f32],
    data: &Dataset,
    indices: &[u32],
) {
    let rows = layout.rows;
    let (OutputArrays { a, t, losses, deltas: columns }, delta) = layout.output_deltas(ends);
    data.gather_targets(indices, rows, t);
    let arrays = OutputArrays { a, t, losses, deltas: &mut *columns };
    losses_and_deltas(simd, output_layer, data.smoothing(), units, arrays);
    data.weigh(indices, rows, columns);
    layer::write_deltas(simd, columns, units, indices.len(), delta);
}
