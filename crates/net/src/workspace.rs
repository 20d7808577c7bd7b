//! Scratch memory, made once: where the activations and deltas of a group of samples lie, in all layers.

use kernels::matrix::{PANEL, Panels, PanelsMut, ROW_MULTIPLE, columns_len};
use kernels::{Activation, Slope};

use crate::buffer::Buffer;
use crate::parallel::{Shares, Team};
use crate::{Shape, TargetKind};

/// Where each array starts in a group's memory, which has two parts: the hidden layers, and the ends of the network (the features,
/// and all that belongs to the output), which threads that share out units have one each of. All panels have `rows` rows.
#[derive(Clone, Debug)]
pub(crate) struct GroupLayout {
    pub rows: usize,
    /// The widths of layers 0..=L.
    pub units: Vec<usize>,
    /// Panels z of layers 0..L-1: in the ends, the features; in the hidden layers, their postactivations, which share their arrays
    /// with those of other layers, or with deltas: see [`units_of_arrays`].
    z: Vec<usize>,
    /// In the ends: a number for each unit of a narrow hidden layer and each row.
    scratch: usize,
    /// In the ends: the output's preactivations as panels, where it is not narrow.
    output_panels: usize,
    /// In the ends: the output's preactivations as columns, and behind them the targets, the losses and the deltas: see
    /// [`OutputArrays`].
    output: usize,
    /// Numbers in the columns of the output units.
    output_columns: usize,
    /// Numbers in the columns of the targets.
    target_columns: usize,
    /// Panels delta of layers 1..=L (with an unused first entry, so that the index is the layer's): those of layer L in the
    /// ends.
    delta: Vec<usize>,
    /// Panels dz/da of the hidden layers, as `z` counts them, where z does not tell it: see [`Slope`](kernels::Slope), and
    /// with dropout. Else there are none.
    pub slopes: Option<Vec<usize>>,
    /// Numbers in the hidden layers.
    hidden: usize,
    /// Numbers in the ends.
    pub ends: usize,
}

/// The arrays of the output: columns of `rows` numbers each, in which number s belongs to sample s.
pub(crate) struct OutputArrays<'a> {
    /// The preactivations, a column for each unit.
    pub a: &'a mut [f32],
    /// The targets, a column for each target of a sample.
    pub t: &'a mut [f32],
    /// The losses: one column.
    pub losses: &'a mut [f32],
    /// The deltas, a column for each unit; or what is predicted.
    pub deltas: &'a mut [f32],
}

/// What a group is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// No deltas.
    Predictions,
    Training,
    TrainingWithDropout,
}

impl Purpose {
    /// Whether dz/da of the hidden layers is kept: where z does not tell it, and with dropout.
    pub(crate) fn keeps_slopes(self, shape: &Shape) -> bool {
        match self {
            Purpose::Predictions => false,
            Purpose::Training => shape.activation().slope() == Slope::Kept,
            Purpose::TrainingWithDropout => true,
        }
    }
}

/// So many arrays later than z of a hidden layer are its deltas.
fn later(shares: Shares) -> usize {
    match shares {
        Shares::Samples => 1,
        Shares::Units => 2,
    }
}

/// The units that the arrays of the hidden layers have room for, in training. They hold z of one layer after the other. On the
/// way back, the deltas of a layer are written where z of the next one is, which is not needed any more, and is still in a
/// cache; or, by units, z of the one after that, since step 4 of a layer then goes with the way back through the layer before.
fn units_of_arrays(hidden: &[usize], later: usize) -> impl Iterator<Item = usize> {
    let units = |layer: Option<usize>| layer.and_then(|layer| hidden.get(layer)).copied().unwrap_or(0);
    (0..hidden.len() + later).map(move |array| units(Some(array)).max(units(array.checked_sub(later))))
}

/// The same for predictions: z of each layer is written where that of the layer before last was.
fn units_of_two_arrays(hidden: &[usize]) -> impl Iterator<Item = usize> {
    (0..2).map(|array| hidden.iter().skip(array).step_by(2).copied().max().unwrap_or(0))
}

/// Numbers in 4 KiB. Arrays begin at multiples of it from each other: a core takes a load for one of what was stored a short time
/// ago if both addresses agree in their last twelve bits, and so a sample's row of one layer may share them with its own row
/// of another, which has been read, but not with that of the next sample.
const PAGE: usize = 4096 / size_of::<f32>();

impl GroupLayout {
    /// The layout of groups of up to `samples` samples, for threads that share out those or the units of each layer.
    pub(crate) fn new(shape: &Shape, samples: usize, purpose: Purpose, shares: Shares) -> Self {
        let rows = samples.next_multiple_of(ROW_MULTIPLE);
        let mut units = vec![shape.inputs()];
        units.extend(shape.layers().map(|layer| layer.outputs));
        let last = units.len() - 1;
        let place = |next: &mut usize, length: usize| {
            let start = *next;
            *next += length.next_multiple_of(PAGE);
            start
        };
        let panels_of = |next: &mut usize, layer: usize| place(next, Panels::len(units[layer], rows));

        let (mut hidden, mut ends) = (0, 0);
        let later = later(shares);
        let units_of_arrays: Vec<usize> = match purpose {
            Purpose::Predictions => units_of_two_arrays(shape.hidden()).collect(),
            Purpose::Training | Purpose::TrainingWithDropout => units_of_arrays(shape.hidden(), later).collect(),
        };
        let (mut arrays, mut slopes) = (Vec::new(), vec![0]);
        for (array, units) in units_of_arrays.into_iter().enumerate() {
            arrays.push(place(&mut hidden, Panels::len(units, rows)));
            if purpose.keeps_slopes(shape) && array + 1 < last {
                slopes.push(panels_of(&mut hidden, array + 1));
            }
        }
        let slopes = purpose.keeps_slopes(shape).then_some(slopes);
        let mut z = vec![panels_of(&mut ends, 0)];
        z.extend((0..last - 1).map(|layer| arrays[layer % arrays.len()]));
        let scratch = place(&mut ends, kernels::matrix::NARROW * rows);
        let (outputs, target_columns) = (shape.outputs(), TargetKind::of(shape).columns() * rows);
        let is_narrow = outputs <= kernels::matrix::NARROW;
        let panels = if is_narrow { 0 } else { Panels::len(outputs, rows) };
        let output_columns = if is_narrow { outputs * rows } else { columns_len(outputs, rows) };
        // The columns begin where the panels end.
        let output_panels = place(&mut ends, panels + 2 * output_columns + target_columns + rows);
        let output = output_panels + panels;
        let delta = (0..=last).map(|layer| match layer {
            0 => 0,
            _ if purpose == Purpose::Predictions => 0,
            _ if layer == last => panels_of(&mut ends, layer),
            _ => arrays[layer - 1 + later],
        });
        let delta = delta.collect();
        GroupLayout {
            rows,
            z,
            scratch,
            output_panels,
            output,
            output_columns,
            target_columns,
            delta,
            slopes,
            hidden,
            ends,
            units,
        }
    }

    /// How many layers of weights there are: L.
    #[inline(always)]
    pub(crate) fn layers(&self) -> usize {
        self.z.len()
    }

    /// Whether they are so few that each thread that shares out units computes them all.
    pub(crate) fn has_few_outputs(&self) -> bool {
        self.units[self.layers()] <= PANEL
    }

    /// Numbers in a group.
    #[inline(always)]
    pub(crate) fn stride(&self) -> usize {
        self.hidden + self.ends
    }

    /// The hidden layers of `group`, and its ends.
    #[inline(always)]
    pub(crate) fn parts<'a>(&self, group: &'a [f32]) -> (&'a [f32], &'a [f32]) {
        group.split_at(self.hidden)
    }

    /// The same, to be written.
    #[inline(always)]
    pub(crate) fn parts_mut<'a>(&self, group: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
        group.split_at_mut(self.hidden)
    }

    /// The panels of the features.
    #[inline(always)]
    pub(crate) fn features<'a>(&self, ends: &'a mut [f32]) -> PanelsMut<'a> {
        PanelsMut::new(&mut ends[self.z[0]..][..self.panels_len(0)], self.units[0], self.rows)
    }

    /// What layer `layer + 1` reads: the features (0), or z of hidden layer `layer`.
    #[inline(always)]
    pub(crate) fn z<'a>(&self, hidden: &'a [f32], ends: &'a [f32], layer: usize) -> Panels<'a> {
        let part = if layer == 0 { ends } else { hidden };
        Panels::new(&part[self.z[layer]..][..self.panels_len(layer)], self.units[layer], self.rows)
    }

    /// The features, and the scratch memory.
    #[inline(always)]
    pub(crate) fn features_and_scratch<'a>(&self, ends: &'a mut [f32]) -> (&'a [f32], &'a mut [f32]) {
        let (features, scratch) = ends.split_at_mut(self.scratch);
        (features, scratch)
    }

    /// Of hidden layer `layer` what [`z_before`](GroupLayout::z_before) finds z of the layer before in; z; and dz/da, if it is
    /// kept.
    #[inline(always)]
    pub(crate) fn z_and_slopes<'a>(
        &self,
        hidden: &'a mut [f32],
        layer: usize,
    ) -> (&'a [f32], PanelsMut<'a>, Option<PanelsMut<'a>>) {
        let (units, length, start) = (self.units[layer], self.panels_len(layer), self.z[layer]);
        let panels = |numbers| PanelsMut::new(numbers, units, self.rows);
        let start_before = if layer == 1 { 0 } else { self.z[layer - 1] };
        if start_before > start {
            let (first, before) = hidden.split_at_mut(start_before);
            return (before, panels(&mut first[start..][..length]), None);
        }
        let (before, rest) = hidden.split_at_mut(start);
        let (z, rest) = rest.split_at_mut(length);
        let slopes = self.slopes.as_ref().map(|slopes| panels(&mut rest[slopes[layer] - start - length..][..length]));
        (&before[start_before..], panels(z), slopes)
    }

    /// What hidden layer `layer` reads: the features (1), or z of the hidden layer before, which lies first of what is `before`
    /// it.
    #[inline(always)]
    pub(crate) fn z_before<'a>(&self, before: &'a [f32], ends: &'a [f32], layer: usize) -> Panels<'a> {
        let part = if layer == 1 { &ends[self.z[0]..] } else { before };
        Panels::new(&part[..self.panels_len(layer - 1)], self.units[layer - 1], self.rows)
    }

    /// What the output layer reads and writes: z of the last hidden layer, and the ends from the output's panels on.
    #[inline(always)]
    pub(crate) fn output_layer<'a>(&self, hidden: &'a [f32], ends: &'a mut [f32]) -> (Panels<'a>, &'a mut [f32]) {
        let (features, output) = ends.split_at_mut(self.output_panels);
        (self.z(hidden, features, self.layers() - 1), output)
    }

    /// The arrays of the output.
    #[inline(always)]
    pub(crate) fn output_arrays<'a>(&self, ends: &'a mut [f32]) -> OutputArrays<'a> {
        let (a, rest) = ends[self.output..].split_at_mut(self.output_columns);
        let (t, rest) = rest.split_at_mut(self.target_columns);
        let (losses, rest) = rest.split_at_mut(self.rows);
        OutputArrays { a, t, losses, deltas: &mut rest[..self.output_columns] }
    }

    /// The losses: a column.
    #[inline(always)]
    pub(crate) fn losses<'a>(&self, ends: &'a [f32]) -> &'a [f32] {
        &ends[self.output + self.output_columns + self.target_columns..][..self.rows]
    }

    /// The arrays of the output, and the panels of its deltas.
    #[inline(always)]
    pub(crate) fn output_deltas<'a>(&self, ends: &'a mut [f32]) -> (OutputArrays<'a>, PanelsMut<'a>) {
        let last = self.layers();
        let (before, delta) = ends.split_at_mut(self.delta[last]);
        let delta = PanelsMut::new(&mut delta[..self.panels_len(last)], self.units[last], self.rows);
        (self.output_arrays(before), delta)
    }

    /// How backpropagation finds dz/da.
    #[inline(always)]
    pub(crate) fn slope(&self, activation: Activation) -> Slope {
        if self.slopes.is_none() { activation.slope() } else { Slope::Kept }
    }

    /// What backpropagation finds dz/da of hidden layer `layer` in: z, or dz/da itself if it is kept.
    #[inline(always)]
    pub(crate) fn derivatives<'a>(&self, hidden: &'a [f32], layer: usize) -> Panels<'a> {
        let start = self.slopes.as_ref().map_or(self.z[layer], |slopes| slopes[layer]);
        Panels::new(&hidden[start..][..self.panels_len(layer)], self.units[layer], self.rows)
    }

    /// Of hidden layer `layer` what lies before the deltas, where all z and dz/da are that are still needed; the deltas; and
    /// behind them, those of the next hidden layer.
    #[inline(always)]
    pub(crate) fn hidden_deltas<'a>(
        &self,
        hidden: &'a mut [f32],
        layer: usize,
    ) -> (&'a [f32], PanelsMut<'a>, &'a [f32]) {
        let (before, rest) = hidden.split_at_mut(self.delta[layer]);
        let (delta, after) = rest.split_at_mut(self.panels_len(layer));
        (before, PanelsMut::new(delta, self.units[layer], self.rows), after)
    }

    /// The deltas of layer `layer`, from 2 on: those of a hidden layer lie first of what is `after` the layer before it.
    #[inline(always)]
    pub(crate) fn next_delta<'a>(&self, after: &'a [f32], ends: &'a [f32], layer: usize) -> Panels<'a> {
        self.later_delta(after, ends, layer - 1, layer)
    }

    /// The same, if hidden layer `earlier` is the one that they lie `after`.
    #[inline(always)]
    pub(crate) fn later_delta<'a>(
        &self,
        after: &'a [f32],
        ends: &'a [f32],
        earlier: usize,
        layer: usize,
    ) -> Panels<'a> {
        let part = if layer == self.layers() {
            &ends[self.delta[layer]..]
        } else {
            &after[self.delta[layer] - self.delta[earlier] - self.panels_len(earlier)..]
        };
        Panels::new(&part[..self.panels_len(layer)], self.units[layer], self.rows)
    }

    /// The deltas of layer `layer`, from 1 on.
    #[inline(always)]
    pub(crate) fn delta<'a>(&self, hidden: &'a [f32], ends: &'a [f32], layer: usize) -> Panels<'a> {
        let part = if layer == self.layers() { ends } else { hidden };
        Panels::new(&part[self.delta[layer]..][..self.panels_len(layer)], self.units[layer], self.rows)
    }

    /// Numbers in the panels of layer `layer`.
    #[inline(always)]
    fn panels_len(&self, layer: usize) -> usize {
        Panels::len(self.units[layer], self.rows)
    }
}

/// Memory for groups of samples: one for each thread that takes samples of its own; or one alone, with more ends behind it, for
/// threads that share out units.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub layout: GroupLayout,
    pub numbers: Buffer,
    /// The team and the samples that it was made for.
    pub team: Team,
    pub samples: usize,
}

impl Workspace {
    /// Room for groups of up to `samples` samples.
    pub(crate) fn new(shape: &Shape, samples: usize, team: Team, purpose: Purpose) -> Self {
        let layout = GroupLayout::new(shape, samples, purpose, team.shares);
        let numbers = match team.shares {
            Shares::Samples => team.threads * layout.stride(),
            Shares::Units => layout.hidden + team.threads * layout.ends,
        };
        Workspace { layout, numbers: Buffer::zeros(numbers), team, samples }
    }

    /// Whether it is for such a team, or, where threads share out units, for one of more or fewer threads.
    pub(crate) fn is_of_kind(&self, team: Team) -> bool {
        match team.shares {
            Shares::Samples => self.team == team,
            Shares::Units => self.team.shares == Shares::Units,
        }
    }

    /// Whether it is large enough for such a team and so many samples in a group.
    pub(crate) fn serves(&self, samples: usize, team: Team) -> bool {
        self.is_of_kind(team) && team.threads <= self.team.threads && samples <= self.samples
    }

    /// Bytes that `samples` samples take in groups, within a few per cent of large ones, with the further ends of threads that share
    /// out units for `in_ends` samples more; `None` if they cannot be counted.
    pub(crate) fn bytes(
        shape: &Shape,
        samples: usize,
        in_ends: usize,
        purpose: Purpose,
        shares: Shares,
    ) -> Option<usize> {
        let panels = |units: usize| units.checked_next_multiple_of(PANEL);
        // Of the hidden layers z and deltas, and dz/da where it is kept; of the features z, of the output its preactivations and
        // two columns.
        let slopes = if purpose.keeps_slopes(shape) { shape.hidden() } else { &[] };
        let mut arrays = units_of_arrays(shape.hidden(), later(shares)).chain(slopes.iter().copied());
        let of_hidden = arrays.try_fold(0usize, |sum, units| sum.checked_add(panels(units)?))?;
        let (features, output) = (panels(shape.inputs())?, panels(shape.outputs())?.checked_mul(4)?);
        let in_groups = samples.checked_mul(of_hidden.checked_add(features)?.checked_add(output)?)?;
        let few_outputs = if shape.outputs() <= PANEL { output } else { 0 };
        let further = in_ends.checked_mul(features.checked_add(few_outputs)?)?;
        in_groups.checked_add(further)?.checked_mul(size_of::<f32>())
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    /// Arrays of the hidden layers share memory; but none that a stage writes is one that it, or a later one, reads.
    #[test]
    fn no_array_is_written_while_it_is_needed() {
        let are_apart = |arrays: &[Range<usize>], size: usize, what: &str| {
            let mut arrays: Vec<_> = arrays.iter().filter(|array| !array.is_empty()).collect();
            arrays.sort_by_key(|array| array.start);
            assert!(arrays.windows(2).all(|pair| pair[0].end <= pair[1].start), "{what}: {arrays:?}");
            assert!(arrays.last().is_none_or(|last| last.end <= size), "{what}: {arrays:?} of {size}");
        };
        let widths: [&[usize]; 7] = [&[], &[7], &[40, 3], &[3, 40], &[1, 70, 33, 200, 5], &[200, 5, 1, 90], &[64; 6]];
        for (hidden, activation) in widths.into_iter().flat_map(|w| [(w, Activation::Sigmoid), (w, Activation::Gelu)]) {
            let shape = Shape::new(10, hidden, activation).expect("a sound shape");
            let last = hidden.len();

            let layout = GroupLayout::new(&shape, 20, Purpose::Predictions, Shares::Samples);
            let array = |start: usize, layer: usize| start..start + layout.panels_len(layer);
            for layer in 1..=last {
                let before = if layer == 1 { 0..0 } else { array(layout.z[layer - 1], layer - 1) };
                are_apart(&[before, array(layout.z[layer], layer)], layout.hidden, "predictions");
            }

            for (purpose, shares) in [Purpose::Training, Purpose::TrainingWithDropout]
                .into_iter()
                .flat_map(|purpose| [(purpose, Shares::Samples), (purpose, Shares::Units)])
            {
                let layout = GroupLayout::new(&shape, 20, purpose, shares);
                let array = |start: usize, layer: usize| start..start + layout.panels_len(layer);
                let slopes = |layer| layout.slopes.as_ref().map_or(0..0, |slopes| array(slopes[layer], layer));
                let up_to = |last| (1..=last).flat_map(|layer| [array(layout.z[layer], layer), slopes(layer)]);
                are_apart(&up_to(last).collect::<Vec<_>>(), layout.hidden, "forward");
                for layer in 1..=last {
                    // Written are the deltas of this layer. By units, step 4 between the next two layers is in the same stage.
                    let stages = if shares == Shares::Units { 1 } else { 0 };
                    let deltas = (layer..=last.min(layer + 1 + stages)).map(|layer| array(layout.delta[layer], layer));
                    let needed: Vec<_> = up_to(last.min(layer + stages)).chain(deltas).collect();
                    are_apart(&needed, layout.hidden, &format!("{hidden:?}, {purpose:?}, {shares:?}, layer {layer}"));
                }
            }
        }
    }
}
