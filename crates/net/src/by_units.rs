//! Sweeps in which the threads share out the units of each layer, rather than the samples.
//!
//! Each thread takes the same panels of units forward, backward and, but for blocks that even out the work, in step 4. So what
//! moves between cores are activations and deltas, which are fewer than weights where the minibatch is small; and weights on the
//! way back alone, those to the units of others. The price is a meeting after each layer, after which all threads have read its
//! weights: so each updates its own of them before it goes back through the layer before. At the ends of the network each
//! thread works for itself: to gather all features, or to compute few outputs, takes no longer than to read what another core
//! has just written. Each number's chain is the same, and so are its bits.

use kernels::matrix::{Blocks, Panels, Table};
use kernels::{Dropout, Level, dispatch};

use crate::layer;
use crate::loss::add_losses;
use crate::parameters::Parameters;
use crate::sample_sweep::{Keep, gather_features, output_deltas, propagate_hidden};
use crate::unit_shares::{LayerBlocks, Part, Stage, for_ends, for_parts};
use crate::weight_sweep::{Divisible, LayerGradients, Layers, StepFour, readers_of};
use crate::workspace::GroupLayout;
use crate::{Dataset, Shape};

/// What the threads need to know.
#[derive(Clone, Copy)]
pub(crate) struct ByUnits<'a> {
    pub level: Level,
    pub threads: usize,
    pub shape: &'a Shape,
    pub layout: &'a GroupLayout,
    pub samples: usize,
    pub keep: Keep,
}

impl<'a> ByUnits<'a> {
    /// For a minibatch of `samples` samples.
    pub(crate) fn new(
        level: Level,
        threads: usize,
        shape: &'a Shape,
        layout: &'a GroupLayout,
        samples: usize,
        dropout: Option<Dropout>,
    ) -> Self {
        ByUnits { level, threads, shape, layout, samples, keep: Keep::new(layout, dropout, 0) }
    }

    /// Step 1 through the hidden layers for all samples of a minibatch, in memory for a group. Each thread has its ends, which
    /// lie behind one another.
    pub(crate) fn propagate(&self, parameters: &Parameters, group: &mut [f32], data: &Dataset, indices: &[u32]) {
        let ByUnits { level, threads, layout, samples, .. } = *self;
        let (hidden, all_ends) = layout.parts_mut(group);
        let first_layer = self.is_shared(parameters, 1).then(|| self.hidden_part(hidden, 1).1);
        let from = if first_layer.is_some() { 2 } else { 1 };
        for_ends(threads, (all_ends, layout.ends), first_layer, &|ends, part| {
            let index_of = |sample| indices[sample] as usize;
            dispatch!(level, simd => gather_features(simd, layout, ends, data.features(), samples, index_of));
            if let Some(part) = part {
                self.forward(parameters, 1, (&[], ends), part);
            }
        });
        self.propagate_from(parameters, (hidden, all_ends), from);
    }

    /// The output layer's part of step 1, and steps 2 to 4. `step_four` is that of all blocks of the `layers`. Returns the
    /// losses, added up.
    pub(crate) fn backpropagate(
        &self,
        layers: Layers<'_>,
        group: &mut [f32],
        data: &Dataset,
        indices: &[u32],
        step_four: impl StepFour + Divisible,
    ) -> f64 {
        let ByUnits { level, threads, shape, layout, samples, .. } = *self;
        let (hidden, all_ends) = layout.parts_mut(group);
        let through_output = |weights: Blocks<'_>, hidden: &[f32], ends: &mut [f32]| {
            dispatch!(level, simd => {
                let (z, output) = layout.output_layer(hidden, ends);
                layer::forward_output(simd, weights, z, samples, output);
                output_deltas(simd, shape.output_layer(), layout, ends, data, indices);
            });
        };
        // Step 4 of a layer waits until all threads have read its weights.
        let (mut layer, mut waiting) = (layers.len() - 1, None);
        let [mut of_layers_before, mut of_layer] = step_four.split_at(layers[layer].0);
        if !layout.has_few_outputs() {
            through_output(of_layer.weights(layers[layer]), hidden, all_ends);
        } else if layer == 0 {
            let weights = of_layer.weights(layers[layer]);
            for_ends(threads, (all_ends, layout.ends), None, &|ends, _| through_output(weights, &[], ends));
        } else {
            let weights = of_layer.weights(layers[layer]);
            let (before, delta_in, _) = layout.hidden_deltas(hidden, layer);
            for_ends(threads, (all_ends, layout.ends), Some(Part::all(delta_in, None)), &|ends, part| {
                through_output(weights, before, ends);
                if let Some(part) = part {
                    self.backward(weights, layout.next_delta(&[], ends, layer + 1), (before, layer), part);
                }
            });
            waiting = Some(LayerBlocks::all(layers, layer, of_layer));
            layer -= 1;
            [of_layers_before, of_layer] = of_layers_before.split_at(layers[layer].0);
        }

        let all_ends = &*all_ends;
        let ends_of = |thread: usize| {
            let own = &all_ends[thread * layout.ends..];
            (own, if layout.has_few_outputs() { own } else { all_ends })
        };
        while layer > 0 {
            let (before, delta_in, after) = layout.hidden_deltas(hidden, layer);
            let (weights, delta) = (of_layer.weights(layers[layer]), layout.next_delta(after, all_ends, layer + 1));
            let delta_in = Some((weights.shape(), Part::all(delta_in, None)));
            Stage { blocks: [waiting, None], delta_in }.run(threads, &|thread, Stage { blocks, delta_in }| {
                let (features, output) = ends_of(thread);
                for blocks in blocks.into_iter().flatten() {
                    let z = layout.z(before, features, blocks.layer);
                    self.step_four(z, layout.later_delta(after, output, layer, blocks.layer + 1), blocks);
                }
                if let Some((_, part)) = delta_in {
                    self.backward(weights, delta, (before, layer), part);
                }
            });
            waiting = Some(LayerBlocks::all(layers, layer, of_layer));
            layer -= 1;
            [of_layers_before, of_layer] = of_layers_before.split_at(layers[layer].0);
        }
        let hidden = &*hidden;
        let stage = Stage { blocks: [waiting, Some(LayerBlocks::all(layers, 0, of_layer))], delta_in: None };
        stage.run(threads, &|thread, Stage { blocks, .. }| {
            let (features, output) = ends_of(thread);
            for blocks in blocks.into_iter().flatten() {
                let z = layout.z(hidden, features, blocks.layer);
                self.step_four(z, layout.delta(hidden, output, blocks.layer + 1), blocks);
            }
        });
        let mut loss = 0.0;
        add_losses(&mut loss, data, indices, layout.losses(all_ends));
        loss
    }

    /// Step 1 for the first `samples` rows of `features`.
    pub(crate) fn propagate_rows(
        &self,
        parameters: &Parameters,
        (hidden, ends): (&mut [f32], &mut [f32]),
        features: &[f32],
    ) {
        let ByUnits { level, threads, shape, layout, samples, .. } = *self;
        let from = if self.is_shared(parameters, 1) {
            let (_, part) = self.hidden_part(hidden, 1);
            let features = Table::new(features, shape.inputs());
            for_parts(threads, part, &|Part { first, panels, .. }| {
                let weights = parameters.layer(0).of_outputs(first, panels.units());
                dispatch!(level, simd => {
                    layer::forward_features(simd, weights, shape.activation(), features, samples, panels);
                });
            });
            2
        } else {
            dispatch!(level, simd => gather_features(simd, layout, ends, features, samples, |row| row));
            1
        };
        self.propagate_from(parameters, (hidden, &mut *ends), from);
        let (z, output) = layout.output_layer(hidden, ends);
        let weights = parameters.layer(layout.layers() - 1);
        dispatch!(level, simd => layer::forward_output(simd, weights, z, samples, output));
    }

    /// Whether the threads share out layer `layer`, or one of them computes it.
    fn is_shared(&self, parameters: &Parameters, layer: usize) -> bool {
        layer < self.layout.layers() && !parameters.layer(layer - 1).shape().is_narrow()
    }

    /// Step 1 through the hidden layers from layer `from` on. All features are in the `ends`.
    fn propagate_from(&self, parameters: &Parameters, (hidden, ends): (&mut [f32], &mut [f32]), from: usize) {
        let ByUnits { level, threads, shape, layout, samples, keep } = *self;
        for layer in from..layout.layers() {
            if self.is_shared(parameters, layer) {
                let (before, part) = self.hidden_part(hidden, layer);
                for_parts(threads, part, &|part| self.forward(parameters, layer, (before, ends), part));
            } else {
                let activation = shape.activation();
                dispatch!(level, simd => {
                    propagate_hidden(simd, parameters, activation, layout, (hidden, ends), samples, (layer, keep));
                });
            }
        }
    }

    /// Of hidden layer `layer` where z of the layer before is, and the panels.
    fn hidden_part<'b>(&self, hidden: &'b mut [f32], layer: usize) -> (&'b [f32], Part<'b>) {
        let (before, z, slopes) = self.layout.z_and_slopes(hidden, layer);
        (before, Part::all(z, slopes))
    }

    /// A part of hidden layer `layer`, from z of the layer before, or from the features.
    fn forward(&self, parameters: &Parameters, layer: usize, (before, ends): (&[f32], &[f32]), part: Part<'_>) {
        let ByUnits { level, shape, layout, samples, keep, .. } = *self;
        let Part { first, mut panels, slopes } = part;
        let activation = shape.activation();
        let weights = parameters.layer(layer - 1).of_outputs(first, panels.units());
        let z = layout.z_before(before, ends, layer);
        dispatch!(level, simd => {
            layer::forward_units(simd, weights, z, samples, keep.at_once(activation), panels.reborrow());
            if let Some(slopes) = slopes {
                keep.slopes(simd, activation, samples, (layer, first), [panels, slopes]);
            }
        });
    }

    /// A part of the deltas of hidden layer `layer`, from those of the next one.
    fn backward(&self, weights: Blocks<'_>, delta: Panels<'_>, (before, layer): (&[f32], usize), part: Part<'_>) {
        let ByUnits { level, shape, layout, samples, .. } = *self;
        let (slope, z) = (layout.slope(shape.activation()), layout.derivatives(before, layer));
        dispatch!(level, simd => {
            layer::backward(simd, weights, slope, delta, samples, z, (part.panels, part.first));
        });
    }

    /// Step 4 for some blocks of a layer.
    fn step_four(&self, z: Panels<'_>, delta: Panels<'_>, blocks: LayerBlocks<impl StepFour>) {
        let LayerBlocks { layer, first, shape, blocks, work: mut step_four } = blocks;
        let (samples, readers) = (self.samples, readers_of(layer, true));
        let gradients = LayerGradients { layer, first, shape, blocks, z, delta, samples, readers };
        dispatch!(self.level, simd => step_four.layer(simd, gradients));
    }
}
