//! The optimiser's step of one block of weights, from its gradient in memory: for all rules that are not applied to the
//! sums while they are in registers ([`BlockGradient::descend`](super::BlockGradient::descend)).

use super::gradient::{BackwardReaders, BlockMut, refresh_other_copy};
use super::layout::{GRADIENT, LayerShape, PANEL, units_in_block};
use crate::optimizer::Step;
use crate::simd::Simd;

/// The step of an optimiser, for block `block` (its output panel and its input panel) of a layer, from the `sums` that
/// [`BlockGradient::sum`](super::BlockGradient::sum) gives. Biases keep all of their value, whatever `step.keep` says.
/// `kept` has the numbers of each slot of the rule, in the layout of the gradient, one slot after the other. What becomes
/// of the two copies of the `weights` is as in [`BlockGradient::descend`](super::BlockGradient::descend).
///
/// # Panics
/// If `sums` has not [`GRADIENT`] numbers, `weights` not the numbers of a block, or `kept` not [`GRADIENT`] for each slot.
#[inline(always)]
pub fn update_block<S: Simd>(
    simd: S,
    (shape, block): (LayerShape, (usize, usize)),
    step: Step,
    readers: BackwardReaders,
    sums: &[f32],
    weights: BlockMut<'_>,
    kept: &mut [f32],
) {
    assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
    weights.check();
    assert_eq!(kept.len(), step.rule.slots() * GRADIENT, "the numbers that the rule keeps for a block");
    let (inputs, outputs) = units_in_block(shape, block);
    if block.1 == 0 {
        update_row(simd, Step { keep: 1.0, ..step }, (0, outputs), sums, weights.forward, kept);
    }
    // The weights to few units are updated in the backward copy, row by output.
    let (rows, columns, copy) = match shape.is_narrow_panel(block.0) {
        true => (outputs, inputs, &mut *weights.backward),
        false => (inputs, outputs, &mut weights.forward[PANEL..]),
    };
    let mut row = 0;
    while row < rows {
        update_row(simd, step, (1 + row, columns), sums, &mut copy[row * PANEL..], kept);
        row += 1;
    }
    refresh_other_copy(simd, (shape, block), readers, weights);
}

/// For each output of block `block` of a layer, the squares of its `sums` added up in f64: that of the bias, if it is here, and
/// those of the weights in the order of the inputs. 0 for the outputs that the layer does not have.
///
/// # Panics
/// If `sums` has not [`GRADIENT`] numbers.
#[inline(always)]
pub fn gradient_squares(shape: LayerShape, block: (usize, usize), sums: &[f32], squares: &mut [f64; PANEL]) {
    assert_eq!(sums.len(), GRADIENT, "the gradient of a block");
    let (inputs, outputs) = units_in_block(shape, block);
    squares.fill(0.0);
    let square = |at: usize| f64::from(sums[at]) * f64::from(sums[at]);
    let mut input = if block.1 == 0 { 0 } else { 1 };
    while input <= inputs {
        let mut output = 0;
        while output < outputs {
            // The bias row is the same in both layouts.
            squares[output] += if shape.is_narrow_panel(block.0) && input > 0 {
                square((1 + output) * PANEL + input - 1)
            } else {
                square(input * PANEL + output)
            };
            output += 1;
        }
        input += 1;
    }
}

/// Updates a row of the weights, that of row `row` of the gradient.
#[inline(always)]
fn update_row<S: Simd>(
    simd: S,
    step: Step,
    (row, columns): (usize, usize),
    sums: &[f32],
    weights: &mut [f32],
    kept: &mut [f32],
) {
    let slots = step.rule.slots();
    let mut column = 0;
    while column < columns {
        let place = row * PANEL + column;
        let mut vectors = [simd.splat(0.0); 2];
        let mut slot = 0;
        while slot < slots {
            vectors[slot] = simd.load(&kept[slot * GRADIENT + place..]);
            slot += 1;
        }
        let weights = &mut weights[column..];
        let (weight, vectors) = step.step_lanes(simd, simd.load(&sums[place..]), simd.load(weights), vectors);
        simd.store(weight, weights);
        let mut slot = 0;
        while slot < slots {
            simd.store(vectors[slot], &mut kept[slot * GRADIENT + place..]);
            slot += 1;
        }
        column += S::LANES;
    }
}
