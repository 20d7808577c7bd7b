//! What each of the threads that share out units gets of a layer: the same panels of units forward and backward, and in step 4
//! their blocks, but for some that even out the work.

use std::ops::Range;

use kernels::matrix::{LayerShape, PanelsMut};

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

/// Blocks of a layer, and what is done with them.
pub(crate) struct LayerBlocks<U> {
    /// Counted from 0 for the first layer with weights.
    pub layer: usize,
    /// The layer's first block, and its shape.
    pub first: usize,
    pub shape: LayerShape,
    pub blocks: Range<usize>,
    pub work: U,
}

impl<U: Divisible> LayerBlocks<U> {
    /// All blocks of a layer.
    pub(crate) fn all(layers: Layers<'_>, layer: usize, work: U) -> Self {
        let (first, shape) = layers[layer];
        LayerBlocks { layer, first, shape, blocks: first..first + shape.blocks(), work }
    }

    /// What their gradient costs.
    fn cost(&self) -> usize {
        let of_first = |end| self.shape.gradient_cost(end - self.first);
        of_first(self.blocks.end) - of_first(self.blocks.start)
    }

    /// The first blocks, whose gradient costs about this share of that of all, and the other ones.
    fn cut(self, share: f64) -> [Self; 2] {
        let cost = (self.cost() as f64 * share) as usize;
        let LayerBlocks { layer, first, shape, blocks, work } = self;
        let end = first + shape.blocks_of_gradient_cost(shape.gradient_cost(blocks.start - first) + cost);
        let middle = end.clamp(blocks.start, blocks.end);
        let [work, right_work] = work.split_at(middle);
        [(blocks.start..middle, work), (middle..blocks.end, right_work)].map(|(blocks, work)| LayerBlocks {
            layer,
            first,
            shape,
            blocks,
            work,
        })
    }
}

/// What threads do between two meetings on the way back: step 4 for blocks of one or two layers, and step 3 through another, of
/// this shape, for a part of its inputs.
pub(crate) struct Stage<'a, U> {
    pub blocks: [Option<LayerBlocks<U>>; 2],
    pub delta_in: Option<(LayerShape, Part<'a>)>,
}

impl<U: Divisible> Stage<'_, U> {
    /// What its blocks cost, and what its deltas do.
    fn costs(&self) -> [usize; 2] {
        let of_deltas = self.delta_in.as_ref().map(|(shape, part)| shape.backward_cost(part.panels.units()));
        [self.blocks.iter().flatten().map(LayerBlocks::cost).sum(), of_deltas.unwrap_or(0)]
    }

    /// The work of the left half of the threads and that of the others, if it can be cut. Panels of deltas are cut first, which
    /// leaves one half more to do; of the blocks, which are many, the other half gets so many more. Of two layers each has the
    /// same share, so that a thread updates the weights that it reads.
    fn cut(self, threads: usize) -> (Self, Option<Self>) {
        let [of_blocks, of_deltas] = self.costs();
        let half = (of_blocks + of_deltas) as f64 * (threads / 2) as f64 / threads as f64;
        let Stage { blocks, delta_in } = self;
        let (delta_in, right_delta_in) = cut_option(delta_in, |(shape, part)| {
            let (part, right) = part.cut(threads);
            ((shape, part), right.map(|right| (shape, right)))
        });
        let mut left = Stage { blocks: [None, None], delta_in };
        let [_, of_left_deltas] = left.costs();
        let share = ((half - of_left_deltas as f64) / of_blocks.max(1) as f64).clamp(0.0, 1.0);
        let [(first, right_first), (second, right_second)] = blocks.map(|blocks| {
            cut_option(blocks, |blocks| {
                let [left, right] = blocks.cut(share);
                (left, if right.blocks.is_empty() { None } else { Some(right) })
            })
        });
        left.blocks = [first, second];
        let right = Stage { blocks: [right_first, right_second], delta_in: right_delta_in };
        let is_empty = right.delta_in.is_none() && right.blocks.iter().all(Option::is_none);
        (left, if is_empty { None } else { Some(right) })
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

/// Calls `body` on up to `threads` threads with their blocks of each layer, one layer after the other.
pub(crate) fn for_layers<U: Divisible>(threads: usize, layers: Layers<'_>, work: U, body: &(impl Fn(U) + Sync)) {
    let mut rest = work;
    for layer in (0..layers.len()).rev() {
        let [before, of_layer] = rest.split_at(layers[layer].0);
        let stage = Stage { blocks: [Some(LayerBlocks::all(layers, layer, of_layer)), None], delta_in: None };
        stage
            .run(threads, &|_, Stage { blocks, .. }| blocks.into_iter().flatten().for_each(|blocks| body(blocks.work)));
        rest = before;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use kernels::matrix::{PANEL, Panels};

    use super::*;

    impl Divisible for () {
        fn split_at(self, _middle: usize) -> [Self; 2] {
            [(); 2]
        }
    }

    /// Up to a block, though panels of deltas are few.
    #[test]
    fn threads_have_as_much_to_do() {
        for (inputs, units, outputs) in [(300, 300, 300), (100, 100, 100), (200, 170, 330), (64, 784, 256)] {
            let [before, after] =
                [(inputs, units), (units, outputs)].map(|(inputs, outputs)| LayerShape { inputs, outputs });
            let layers = [(0, before), (before.blocks(), after)];
            for threads in 1..=3 {
                let mut numbers = vec![0.0; Panels::len(inputs, 16)];
                let delta_in = Some((before, Part::all(PanelsMut::new(&mut numbers, inputs, 16), None)));
                let stage = Stage { blocks: [Some(LayerBlocks::all(&layers, 1, ())), None], delta_in };
                let [of_blocks, of_deltas] = stage.costs();
                let shares = Mutex::new(Vec::new());
                stage.run(threads, &|_, stage| {
                    let blocks: Vec<usize> =
                        stage.blocks.iter().flatten().flat_map(|part| part.blocks.clone()).collect();
                    shares.lock().unwrap().push((blocks, stage.costs().iter().sum::<usize>()));
                });
                let mut shares = shares.into_inner().unwrap();
                shares.sort_unstable();
                assert!(
                    shares.iter().flat_map(|(blocks, _)| blocks.clone()).eq(layers[1].0..layers[1].0 + after.blocks())
                );
                for (_, cost) in shares {
                    let difference = cost.abs_diff((of_blocks + of_deltas) / threads);
                    assert!(difference <= PANEL * PANEL, "{inputs}-{units}-{outputs}, {threads} threads: {difference}");
                }
            }
        }
    }
}
