//! What each of the threads that share out units gets of a layer: the same panels of units forward, backward and in step 4.

use std::ops::Range;

use kernels::matrix::PanelsMut;

use crate::parallel::share_out;
use crate::weight_sweep::{Divisible, Layers};

/// Panels for the left half of the threads: at least one, of at least two.
fn left_share(panels: usize, threads: usize) -> usize {
    (panels * (threads / 2) / threads).max(1)
}

/// Some panels of a layer, the first of which has this number among all.
pub(crate) struct Part<'a> {
    pub first: usize,
    pub panels: PanelsMut<'a>,
    /// Of the same units, if those are wanted.
    pub slopes: Option<PanelsMut<'a>>,
}

impl<'a> Part<'a> {
    pub(crate) fn all(panels: PanelsMut<'a>, slopes: Option<PanelsMut<'a>>) -> Self {
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
pub(crate) fn for_parts(threads: usize, part: Part<'_>, body: &(impl Fn(Part<'_>) + Sync)) {
    share_out(0..threads, part, &|part, threads, _| part.cut(threads.len()), &|_, part| body(part));
}

/// Calls `body` on each of `threads` threads with its own ends and, of the panels, if there are enough, a part.
pub(crate) fn for_ends(
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

/// Rows of blocks of a layer, and what is done with them: those of each panel of units; or, where there is one alone, of each
/// panel of the layer before.
pub(crate) struct Rows<U> {
    /// Counted from 0 for the first layer with weights.
    pub layer: usize,
    pub blocks: Range<usize>,
    /// How many rows, and the blocks in each.
    count: usize,
    length: usize,
    pub work: U,
}

impl<U: Divisible> Rows<U> {
    /// All rows of a layer.
    pub(crate) fn all(layers: Layers<'_>, layer: usize, work: U) -> Self {
        let (first, shape) = layers[layer];
        let (count, length) = match (shape.output_panels(), shape.input_panels()) {
            (1, inputs) => (inputs, 1),
            rows => rows,
        };
        Rows { layer, blocks: first..first + shape.blocks(), count, length, work }
    }

    /// The rows for the left half of the threads and for the others, if there is more than one.
    fn cut(self, threads: usize) -> (Self, Option<Self>) {
        let Rows { layer, blocks, count, length, work } = self;
        if count == 1 {
            return (Rows { layer, blocks, count, length, work }, None);
        }
        let left = left_share(count, threads);
        let middle = blocks.start + left * length;
        let [work, right_work] = work.split_at(middle);
        let right = Rows { layer, blocks: middle..blocks.end, count: count - left, length, work: right_work };
        (Rows { layer, blocks: blocks.start..middle, count: left, length, work }, Some(right))
    }
}

/// What threads do between two meetings on the way back: step 4 for rows of one or two layers, and step 3 for a part of another.
pub(crate) struct Stage<'a, U> {
    pub rows: [Option<Rows<U>>; 2],
    pub delta_in: Option<Part<'a>>,
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

    /// Calls `body` on up to `threads` threads, with their numbers, with a part of the work each.
    pub(crate) fn run(self, threads: usize, body: &(impl Fn(usize, Self) + Sync)) {
        share_out(0..threads, self, &|stage, threads, _| stage.cut(threads.len()), body);
    }
}

/// Both sides of what may be there.
fn cut_option<T>(whole: Option<T>, cut: impl FnOnce(T) -> (T, Option<T>)) -> (Option<T>, Option<T>) {
    whole.map_or((None, None), |whole| {
        let (left, right) = cut(whole);
        (Some(left), right)
    })
}

/// Calls `body` on up to `threads` threads with their rows of each layer, one layer after the other.
pub(crate) fn for_rows<U: Divisible>(threads: usize, layers: Layers<'_>, work: U, body: &(impl Fn(U) + Sync)) {
    let mut rest = work;
    for layer in (0..layers.len()).rev() {
        let [before, of_layer] = rest.split_at(layers[layer].0);
        let rows = Rows::all(layers, layer, of_layer);
        share_out(0..threads, rows, &|rows, threads, _| rows.cut(threads.len()), &|_, rows| body(rows.work));
        rest = before;
    }
}
