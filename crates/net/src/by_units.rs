//! Sweeps in which the threads share out the units of each layer, rather than the samples.
//!
//! Each thread takes the same panels of units forward, backward and in the weight sweep, and so reads weights that it has
//! updated itself; what moves between cores are activations and deltas, which are fewer than weights where the minibatch is
//! small. The price is a meeting after each layer. At the ends of the network each thread works for itself: to gather all
//! features, or to compute few outputs, takes no longer than to read what another core has just written. Each number's chain is
//! the same, and so are its bits.

use kernels::matrix::{Panels, PanelsMut};
use kernels::{Level, dispatch};

use crate::layer;
use crate::parallel::share_out;
use crate::sample_sweep::{Keep, gather_features, output_deltas, propagate_hidden};
use crate::workspace::GroupLayout;
use crate::{Dataset, Network};

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
    share_out(
        0..threads,
        part,
        &|part, threads, _| match part.cut(threads.len()) {
            (all, None) => Err(all),
            (left, Some(right)) => Ok([left, right]),
        },
        &|_, part| body(part),
    );
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
            let (part, right_part) = part.map_or((None, None), |part| {
                let (left, right) = part.cut(threads.len());
                (Some(left), right)
            });
            Ok([(ends, part), (right_ends, right_part)])
        },
        &|_, (ends, part)| body(ends, part),
    );
}

/// What the threads need to know.
#[derive(Clone, Copy)]
pub(crate) struct ByUnits<'a> {
    pub level: Level,
    pub threads: usize,
    pub network: &'a Network,
    pub layout: &'a GroupLayout,
    pub samples: usize,
    pub keep: Keep,
}

impl ByUnits<'_> {
    /// [`sample_sweep`](crate::sample_sweep::sample_sweep) for all samples of a minibatch. Each thread has its ends, which lie
    /// behind one another.
    pub(crate) fn sample_sweep(&self, (hidden, all_ends): (&mut [f32], &mut [f32]), data: &Dataset, indices: &[u32]) {
        let ByUnits { level, threads, network, layout, samples, .. } = *self;
        let last = layout.layers();
        let first_layer = self.is_shared(1).then(|| self.hidden_part(hidden, 1).1);
        let from = if first_layer.is_some() { 2 } else { 1 };
        for_ends(threads, (all_ends, layout.ends), first_layer, &|ends, part| {
            let index_of = |sample| indices[sample] as usize;
            dispatch!(level, simd => gather_features(simd, layout, ends, data.features(), samples, index_of));
            if let Some(part) = part {
                self.forward(1, (&[], ends), part);
            }
        });
        self.propagate((hidden, all_ends), from);

        let through_output = |hidden: &[f32], ends: &mut [f32]| {
            dispatch!(level, simd => {
                let (z, output) = layout.output_layer(hidden, ends);
                layer::forward_output(simd, network.parameters.layer(last - 1), z, samples, output);
                output_deltas(simd, network.shape.output_layer(), layout, ends, data, indices);
            });
        };
        let mut layer = last;
        if !layout.has_few_outputs() {
            through_output(hidden, all_ends);
        } else if last == 1 {
            for_ends(threads, (all_ends, layout.ends), None, &|ends, _| through_output(&[], ends));
        } else {
            let (before, delta_in, _) = layout.hidden_deltas(hidden, last - 1);
            for_ends(threads, (all_ends, layout.ends), Some(Part::all(delta_in, None)), &|ends, part| {
                through_output(before, ends);
                if let Some(part) = part {
                    self.backward(last, layout.next_delta(&[], ends, last), before, part);
                }
            });
            layer -= 1;
        }
        while layer > 1 {
            let (before, delta_in, after) = layout.hidden_deltas(hidden, layer - 1);
            let delta = layout.next_delta(after, all_ends, layer);
            for_parts(threads, Part::all(delta_in, None), &|part| self.backward(layer, delta, before, part));
            layer -= 1;
        }
    }

    /// Step 1 for the first `samples` rows of `features`.
    pub(crate) fn propagate_rows(&self, (hidden, ends): (&mut [f32], &mut [f32]), features: &[f32]) {
        let ByUnits { level, threads, network, layout, samples, .. } = *self;
        let from = if self.is_shared(1) {
            let (_, part) = self.hidden_part(hidden, 1);
            for_parts(threads, part, &|Part { first, panels, .. }| {
                let weights = network.parameters.layer(0).of_outputs(first, panels.units());
                dispatch!(level, simd => {
                    layer::forward_features(simd, weights, network.shape.activation(), features, samples, panels);
                });
            });
            2
        } else {
            dispatch!(level, simd => gather_features(simd, layout, ends, features, samples, |row| row));
            1
        };
        self.propagate((hidden, &mut *ends), from);
        let (z, output) = layout.output_layer(hidden, ends);
        let weights = network.parameters.layer(layout.layers() - 1);
        dispatch!(level, simd => layer::forward_output(simd, weights, z, samples, output));
    }

    /// Whether the threads share out layer `layer`, or one of them computes it.
    fn is_shared(&self, layer: usize) -> bool {
        layer < self.layout.layers() && !self.network.parameters.layer(layer - 1).shape().is_narrow()
    }

    /// Step 1 through the hidden layers from layer `from` on. All features are in the `ends`.
    fn propagate(&self, (hidden, ends): (&mut [f32], &mut [f32]), from: usize) {
        let ByUnits { level, threads, network, layout, samples, keep } = *self;
        for layer in from..layout.layers() {
            if self.is_shared(layer) {
                let (before, part) = self.hidden_part(hidden, layer);
                for_parts(threads, part, &|part| self.forward(layer, (before, ends), part));
            } else {
                let (parameters, activation) = (&network.parameters, network.shape.activation());
                dispatch!(level, simd => {
                    propagate_hidden(simd, parameters, activation, layout, (hidden, ends), samples, (layer, keep));
                });
            }
        }
    }

    /// What lies before z of hidden layer `layer`, and the layer's panels.
    fn hidden_part<'a>(&self, hidden: &'a mut [f32], layer: usize) -> (&'a [f32], Part<'a>) {
        let (before, z, slopes) = self.layout.z_and_slopes(hidden, layer);
        (before, Part::all(z, slopes))
    }

    /// A part of hidden layer `layer`, from what lies before it, or from the features.
    fn forward(&self, layer: usize, (before, ends): (&[f32], &[f32]), part: Part<'_>) {
        let ByUnits { level, network, layout, samples, keep, .. } = *self;
        let Part { first, mut panels, slopes } = part;
        let activation = network.shape.activation();
        let weights = network.parameters.layer(layer - 1).of_outputs(first, panels.units());
        let z = layout.z(before, ends, layer - 1);
        dispatch!(level, simd => {
            layer::forward_units(simd, weights, z, samples, keep.at_once(activation), panels.reborrow());
            if let Some(slopes) = slopes {
                keep.slopes(simd, activation, samples, (layer, first), [panels, slopes]);
            }
        });
    }

    /// A part of the deltas of the layer before layer `layer`.
    fn backward(&self, layer: usize, delta: Panels<'_>, before: &[f32], part: Part<'_>) {
        let ByUnits { level, network, layout, samples, .. } = *self;
        let (weights, slope) = (network.parameters.layer(layer - 1), layout.slope(network.shape.activation()));
        let z = layout.derivatives(before, layer - 1);
        dispatch!(level, simd => {
            layer::backward(simd, weights, slope, delta, samples, z, (part.panels, part.first));
        });
    }
}
