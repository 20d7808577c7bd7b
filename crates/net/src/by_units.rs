//! Sweeps in which the threads share out the units of each layer, rather than the samples.
//!
//! Each thread takes the same panels of units forward, backward and in step 4, and so reads weights that it has updated
//! itself; what moves between cores are activations and deltas, which are fewer than weights where the minibatch is small. The
//! price is a meeting after each layer, after which all threads have read its weights: so each updates its own of them before
//! it goes back through the layer before. At the ends of the network each thread works for itself: to gather all
//! features, or to compute few outputs, takes no longer than to read what another core has just written. Each number's chain is
//! the same, and so are its bits.

use std::ops::Range;

use kernels::matrix::{Blocks, Panels, PanelsMut};
use kernels::{Dropout, Level, dispatch};

use crate::layer;
use crate::loss::LossSum;
use crate::parallel::share_out;
use crate::parameters::Parameters;
use crate::sample_sweep::{Keep, gather_features, output_deltas, propagate_hidden};
use crate::weight_sweep::{Divisible, LayerGradients, Layers};
use crate::workspace::GroupLayout;
use crate::{Dataset, Shape};

/// Panels for the left half of the threads: at least one, of at least two.
pub(crate) fn left_share(panels: usize, threads: usize) -> usize {
    (panels * (threads / 2) / threads).max(1)
}

/// Some panels of a layer, the first of which has this number among all.
struct Part<'a> {
    first: usize,
    panels: PanelsMut<'a>,
    /// Of the same units, if those are wanted.
    slopes: Option<PanelsMut<'a>>,
}

impl<'a> Part<'a> {
    fn all(panels: PanelsMut<'a>, slopes: Option<PanelsMut<'a>>) -> Self {
        Part { first: 0, panels, slopes }
    }

    /// The parts for the left half of the threads and for the others, if there is more than one panel.
    fn cut(self, threads: usize) -> (Self, Option<Self>) {
        let Part { first, panels, slopes } = self;
        if panels.count() == 1 {
            return (Part { first, panels, slopes }, None);
        }
        let left = left_share(panels.count(), threads);
        let (panels, right_panels) = panels.split_at(left);
        let (slopes, right_slopes) = slopes.map(|slopes| slopes.split_at(left)).unzip();
        let right = Part { first: first + left, panels: right_panels, slopes: right_slopes };
        (Part { first, panels, slopes }, Some(right))
    }
}

/// Calls `body` on up to `threads` threads with a part of the panels each.
fn for_parts(threads: usize, part: Part<'_>, body: &(impl Fn(Part<'_>) + Sync)) {
    share_out(0..threads, part, &|part, threads, _| part.cut(threads.len()), &|_, part| body(part));
}

/// Calls `body` on each of `threads` threads with its own ends and, of the panels, if there are enough, a part.
fn for_ends(
    threads: usize,
    (ends, length): (&mut [f32], usize),
    part: Option<Part<'_>>,
    body: &(impl Fn(&mut [f32], Option<Part<'_>>) + Sync),
) {
    share_out(
        0..threads,
        (ends, part),
        &|(ends, part), threads, middle| {
            let (ends, right_ends) = ends.split_at_mut((middle - threads.start) * length);
            let (part, right_part) = cut_option(part, |part| part.cut(threads.len()));
            ((ends, part), Some((right_ends, right_part)))
        },
        &|_, (ends, part)| body(ends, part),
    );
}

/// Rows of blocks of a layer, and what step 4 does with them: those of each panel of units; or, where there is one alone, of each
/// panel of the layer before.
struct Rows<U> {
    /// Counted from 0 for the first layer with weights.
    layer: usize,
    blocks: Range<usize>,
    /// How many, and the blocks in each.
    count: usize,
    length: usize,
    step_four: U,
}

impl<U: Divisible> Rows<U> {
    /// All rows of a layer.
    fn all(layers: Layers<'_>, layer: usize, step_four: U) -> Self {
        let (first, shape) = layers[layer];
        let (count, length) = match (shape.output_panels(), shape.input_panels()) {
            (1, inputs) => (inputs, 1),
            rows => rows,
        };
        Rows { layer, blocks: first..first + shape.blocks(), count, length, step_four }
    }

    /// The rows for the left half of the threads and for the others, if there is more than one.
    fn cut(self, threads: usize) -> (Self, Option<Self>) {
        let Rows { layer, blocks, count, length, step_four } = self;
        if count == 1 {
            return (Rows { layer, blocks, count, length, step_four }, None);
        }
        let left = left_share(count, threads);
        let middle = blocks.start + left * length;
        let [step_four, right_step_four] = step_four.split_at(middle);
        let right = Rows { layer, blocks: middle..blocks.end, count: count - left, length, step_four: right_step_four };
        (Rows { layer, blocks: blocks.start..middle, count: left, length, step_four }, Some(right))
    }
}

/// What threads do between two meetings on the way back: step 4 for rows of one or two layers, and step 3 for a part of another.
struct Stage<'a, U> {
    rows: [Option<Rows<U>>; 2],
    delta_in: Option<Part<'a>>,
}

impl<U: Divisible> Stage<'_, U> {
    /// The work of the left half of the threads and that of the others, if it can be cut.
    fn cut(self, threads: usize) -> (Self, Option<Self>) {
        let (delta_in, right_delta_in) = cut_option(self.delta_in, |part| part.cut(threads));
        let [(first, right_first), (second, right_second)] =
            self.rows.map(|rows| cut_option(rows, |rows| rows.cut(threads)));
        let right = Stage { rows: [right_first, right_second], delta_in: right_delta_in };
        let is_empty = right.delta_in.is_none() && right.rows.iter().all(Option::is_none);
        (Stage { rows: [first, second], delta_in }, if is_empty { None } else { Some(right) })
    }
}

/// Both sides of what may be there.
fn cut_option<T>(whole: Option<T>, cut: impl FnOnce(T) -> (T, Option<T>)) -> (Option<T>, Option<T>) {
    whole.map_or((None, None), |whole| {
        let (left, right) = cut(whole);
        (Some(left), right)
    })
}

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
    /// losses.
    pub(crate) fn backpropagate(
        &self,
        layers: Layers<'_>,
        group: &mut [f32],
        data: &Dataset,
        indices: &[u32],
        step_four: impl Divisible,
    ) -> LossSum {
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
            waiting = Some(Rows::all(layers, layer, of_layer));
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
            let stage = Stage { rows: [waiting, None], delta_in: Some(Part::all(delta_in, None)) };
            self.run(stage, &|thread, Stage { rows, delta_in }| {
                let (features, output) = ends_of(thread);
                for rows in rows.into_iter().flatten() {
                    let z = layout.z(before, features, rows.layer);
                    self.step_four(layers, z, layout.later_delta(after, output, layer, rows.layer + 1), rows);
                }
                if let Some(part) = delta_in {
                    self.backward(weights, delta, (before, layer), part);
                }
            });
            waiting = Some(Rows::all(layers, layer, of_layer));
            layer -= 1;
            [of_layers_before, of_layer] = of_layers_before.split_at(layers[layer].0);
        }
        let hidden = &*hidden;
        let stage = Stage { rows: [waiting, Some(Rows::all(layers, 0, of_layer))], delta_in: None };
        self.run(stage, &|thread, Stage { rows, .. }| {
            let (features, output) = ends_of(thread);
            for rows in rows.into_iter().flatten() {
                let z = layout.z(hidden, features, rows.layer);
                self.step_four(layers, z, layout.delta(hidden, output, rows.layer + 1), rows);
            }
        });
        let mut loss = LossSum::default();
        loss.add(data, indices, layout.losses(all_ends));
        loss
    }

    /// Calls `body` on up to all threads, with their numbers, with a part of a stage's work each.
    fn run<'b, U: Divisible>(&self, stage: Stage<'b, U>, body: &(impl Fn(usize, Stage<'b, U>) + Sync)) {
        share_out(0..self.threads, stage, &|stage, threads, _| stage.cut(threads.len()), body);
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

    /// What lies before z of hidden layer `layer`, and the layer's panels.
    fn hidden_part<'b>(&self, hidden: &'b mut [f32], layer: usize) -> (&'b [f32], Part<'b>) {
        let (before, z, slopes) = self.layout.z_and_slopes(hidden, layer);
        (before, Part::all(z, slopes))
    }

    /// A part of hidden layer `layer`, from what lies before it, or from the features.
    fn forward(&self, parameters: &Parameters, layer: usize, (before, ends): (&[f32], &[f32]), part: Part<'_>) {
        let ByUnits { level, shape, layout, samples, keep, .. } = *self;
        let Part { first, mut panels, slopes } = part;
        let activation = shape.activation();
        let weights = parameters.layer(layer - 1).of_outputs(first, panels.units());
        let z = layout.z(before, ends, layer - 1);
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

    /// Step 4 for some rows of blocks.
    fn step_four<U: Divisible>(&self, layers: Layers<'_>, z: Panels<'_>, delta: Panels<'_>, rows: Rows<U>) {
        let Rows { layer, blocks, mut step_four, .. } = rows;
        let ((first, shape), samples) = (layers[layer], self.samples);
        let gradients = LayerGradients { layer, first, shape, blocks, z, delta, samples };
        dispatch!(self.level, simd => step_four.layer(simd, gradients));
    }
}
