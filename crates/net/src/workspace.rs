//! Scratch memory, made once: where the activations and deltas of a group of samples lie, in all layers.

use kernels::matrix::{PANEL, Panels, PanelsMut, ROW_MULTIPLE};
use kernels::{Activation, Slope};

use crate::buffer::Buffer;
use crate::parallel::{Shares, Team};
use crate::{Shape, TargetKind};

/// Where each array starts in a group. All panels have `rows` rows.
#[derive(Clone, Debug)]
pub(crate) struct GroupLayout {
    pub rows: usize,
    /// The widths of layers 0..=L.
    pub units: Vec<usize>,
    /// Panels z of layers 0..L-1: the features and the postactivations of the hidden layers.
    pub z: Vec<usize>,
    /// A number for each unit of a narrow hidden layer and each row.
    pub scratch: usize,
    /// The output's preactivations as panels, where it is not narrow.
    pub output_panels: usize,
    /// The output's preactivations as columns, and behind them the targets, the losses and the deltas: see
    /// [`OutputArrays`].
    pub output: usize,
    /// Numbers in the columns of the output units.
    output_columns: usize,
    /// Numbers in the columns of the targets.
    target_columns: usize,
    /// Panels delta of layers 1..=L (with an unused first entry, so that the index is the layer's).
    pub delta: Vec<usize>,
    /// Panels dz/da of the hidden layers, as `z` counts them, where z does not tell it: see [`Slope`](kernels::Slope), and
    /// with dropout. Else there are none.
    pub slopes: Option<Vec<usize>>,
    /// Numbers in a group.
    pub stride: usize,
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

impl GroupLayout {
    /// The layout of groups of up to `samples` samples.
    pub(crate) fn new(shape: &Shape, samples: usize, purpose: Purpose) -> Self {
        let rows = samples.next_multiple_of(ROW_MULTIPLE);
        let mut units = vec![shape.inputs()];
        units.extend(shape.layers().map(|layer| layer.outputs));
        let mut next = 0;
        let mut place = |length: usize| {
            let start = next;
            next += length.next_multiple_of(PANEL);
            start
        };
        let hidden = units.len() - 1;
        let z = units[..hidden].iter().map(|units| place(Panels::len(*units, rows))).collect();
        let scratch = place(kernels::matrix::NARROW * rows);
        let (outputs, target_columns) = (shape.outputs(), TargetKind::of(shape).columns() * rows);
        let is_narrow = outputs <= kernels::matrix::NARROW;
        let panels = if is_narrow { 0 } else { Panels::len(outputs, rows) };
        let output_panels = place(panels);
        // Transposed in squares, whole panels become whole panels.
        let output_columns = if is_narrow { outputs * rows } else { panels };
        let output = place(2 * output_columns + target_columns + rows);
        let slopes = purpose.keeps_slopes(shape).then(|| {
            let panels = units[..hidden].iter().enumerate().map(|(layer, units)| match layer {
                0 => 0,
                _ => place(Panels::len(*units, rows)),
            });
            panels.collect()
        });
        let delta = units.iter().enumerate().map(|(layer, units)| match layer {
            0 => 0,
            _ if purpose == Purpose::Predictions => 0,
            _ => place(Panels::len(*units, rows)),
        });
        let delta = delta.collect();
        GroupLayout {
            rows,
            units,
            z,
            scratch,
            output_panels,
            output,
            output_columns,
            target_columns,
            delta,
            slopes,
            stride: next,
        }
    }

    /// The panels of the features in `group`.
    #[inline(always)]
    pub(crate) fn features<'a>(&self, group: &'a mut [f32]) -> PanelsMut<'a> {
        PanelsMut::new(&mut group[self.z[0]..][..self.panels_len(0)], self.units[0], self.rows)
    }

    /// What hidden layer `layer` reads and writes in `group`: z of the layer before, its own z, and the scratch memory.
    #[inline(always)]
    pub(crate) fn hidden_layer<'a>(
        &self,
        group: &'a mut [f32],
        layer: usize,
    ) -> (&'a [f32], &'a mut [f32], &'a mut [f32]) {
        let (before, rest) = group.split_at_mut(self.z[layer]);
        let z = &before[self.z[layer - 1]..][..self.panels_len(layer - 1)];
        let (z_out, rest) = rest.split_at_mut(self.panels_len(layer));
        (z, z_out, &mut rest[self.scratch - self.z[layer] - self.panels_len(layer)..])
    }

    /// What the output layer reads and writes in `group`: z of the last hidden layer, and everything from its panels on.
    #[inline(always)]
    pub(crate) fn output_layer<'a>(&self, group: &'a mut [f32]) -> (&'a [f32], &'a mut [f32]) {
        let last = self.z.len();
        let (before, rest) = group.split_at_mut(self.output_panels);
        (&before[self.z[last - 1]..][..self.panels_len(last - 1)], rest)
    }

    /// The arrays of the output in `group`, and what lies before them.
    #[inline(always)]
    pub(crate) fn output_arrays<'a>(&self, group: &'a mut [f32]) -> (&'a mut [f32], OutputArrays<'a>) {
        let (before, rest) = group.split_at_mut(self.output);
        let (a, rest) = rest.split_at_mut(self.output_columns);
        let (t, rest) = rest.split_at_mut(self.target_columns);
        let (losses, rest) = rest.split_at_mut(self.rows);
        (before, OutputArrays { a, t, losses, deltas: &mut rest[..self.output_columns] })
    }

    /// z of hidden layer `layer` and its dz/da, which are kept.
    #[inline(always)]
    pub(crate) fn z_and_slopes<'a>(&self, group: &'a mut [f32], layer: usize) -> [PanelsMut<'a>; 2] {
        let length = self.panels_len(layer);
        let (before, rest) = group.split_at_mut(self.slopes(layer));
        let panels = [&mut before[self.z[layer]..][..length], &mut rest[..length]];
        panels.map(|panels| PanelsMut::new(panels, self.units[layer], self.rows))
    }

    /// How backpropagation finds dz/da.
    #[inline(always)]
    pub(crate) fn slope(&self, activation: Activation) -> Slope {
        if self.slopes.is_none() { activation.slope() } else { Slope::Kept }
    }

    /// What backpropagation through layer `layer`, from 2 on, reads and writes in `group`: its deltas; z of the layer
    /// before, or dz/da if those are kept; and the deltas of the layer before.
    #[inline(always)]
    pub(crate) fn backward<'a>(&self, group: &'a mut [f32], layer: usize) -> (Panels<'a>, Panels<'a>, PanelsMut<'a>) {
        let (before, delta) = group.split_at_mut(self.delta[layer]);
        let (before, delta_in) = before.split_at_mut(self.delta[layer - 1]);
        let (units, units_in) = (self.units[layer], self.units[layer - 1]);
        let length = self.panels_len(layer - 1);
        let start = match self.slopes {
            None => self.z[layer - 1],
            Some(_) => self.slopes(layer - 1),
        };
        (
            Panels::new(&delta[..self.panels_len(layer)], units, self.rows),
            Panels::new(&before[start..][..length], units_in, self.rows),
            PanelsMut::new(&mut delta_in[..length], units_in, self.rows),
        )
    }

    /// Where the panels dz/da of hidden layer `layer` start, if they are kept.
    #[inline(always)]
    pub(crate) fn slopes(&self, layer: usize) -> usize {
        self.slopes.as_ref().map_or(0, |slopes| slopes[layer])
    }

    /// Numbers in the panels of layer `layer`.
    #[inline(always)]
    pub(crate) fn panels_len(&self, layer: usize) -> usize {
        Panels::len(self.units[layer], self.rows)
    }
}

/// Memory for groups of samples: one for each thread that takes samples of its own.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub layout: GroupLayout,
    pub numbers: Buffer,
    /// The team that it was made for.
    pub team: Team,
    samples: usize,
}

impl Workspace {
    /// Room for groups of up to `samples` samples: one for each thread of a team that shares out samples, or else one.
    pub(crate) fn new(shape: &Shape, samples: usize, team: Team, purpose: Purpose) -> Self {
        let layout = GroupLayout::new(shape, samples, purpose);
        let groups = match team.shares {
            Shares::Samples => team.threads,
            Shares::Units => 1,
        };
        let numbers = Buffer::zeros(groups * layout.stride);
        Workspace { layout, numbers, team, samples }
    }

    /// Whether it is for such a team and so many samples in a group.
    pub(crate) fn serves(&self, samples: usize, team: Team) -> bool {
        self.team == team && samples <= self.samples
    }

    /// Bytes that groups of `samples` samples take, within a few per cent of large ones; `None` if they cannot be counted.
    pub(crate) fn bytes(shape: &Shape, samples: usize, purpose: Purpose) -> Option<usize> {
        let panels = |units: usize| units.checked_next_multiple_of(PANEL);
        // z and delta, dz/da where it is kept; of the features z, of the output its preactivations and two columns.
        let arrays = if purpose.keeps_slopes(shape) { 3 } else { 2 };
        let hidden = shape.layers().map(|layer| layer.outputs).take(shape.layers().len() - 1);
        let hidden = hidden.map(|units| panels(units)?.checked_mul(arrays));
        let output = panels(shape.outputs())?.checked_mul(4);
        let mut all = hidden.chain([panels(shape.inputs()), output]);
        let of_sample = all.try_fold(0usize, |sum, numbers| sum.checked_add(numbers?))?;
        samples.checked_mul(of_sample)?.checked_mul(size_of::<f32>())
    }
}
