//! The optimiser's update of one block, and the refresh of its other copy.

use std::ops::Range;

use super::layout::{BLOCK, FORWARD, GRADIENT, LayerShape, PANEL, units_in_panel};
use crate::optimizer::Sgd;
use crate::simd::Simd;
use crate::slice::for_each_vector;

/// Updates the block of `output_panel` and `input_panel` with its summed `gradient`. Its backward half is out of date until
/// [`refresh_block`], which the first layer never needs: nothing is propagated back to the features.
///
/// `velocity` has the layout of the gradient; it may be empty where the momentum is 0.
///
/// # Panics
/// If `gradient` has not [`GRADIENT`] or `block` not [`BLOCK`] numbers.
#[inline(always)]
pub fn update_block<S: Simd>(
    simd: S,
    sgd: Sgd,
    shape: LayerShape,
    (output_panel, input_panel): (usize, usize),
    gradient: &[f32],
    block: &mut [f32],
    velocity: &mut [f32],
) {
    assert!(gradient.len() == GRADIENT && block.len() == BLOCK, "the gradient and the weights of a block");
    let inputs = units_in_panel(shape.inputs, input_panel);
    let outputs = units_in_panel(shape.outputs, output_panel);
    let (forward, backward) = block.split_at_mut(FORWARD);
    if input_panel == 0 {
        update_rows(simd, sgd, 0..1, outputs, gradient, &mut forward[..PANEL], velocity);
    }
    if shape.is_narrow() {
        update_rows(simd, sgd, 1..1 + outputs, inputs, gradient, &mut backward[..outputs * PANEL], velocity);
        for row in backward[..outputs * PANEL].chunks_exact_mut(PANEL) {
            // Beyond the last input the postactivations, and so the gradient, need not be zero.
            row[inputs..].fill(0.0);
        }
        refresh_forward(outputs, inputs, backward, &mut forward[PANEL..]);
    } else {
        let weights = &mut forward[PANEL..][..inputs * PANEL];
        update_rows(simd, sgd, 1..1 + inputs, outputs, gradient, weights, velocity);
    }
}

/// Makes the backward half of a block agree with its forward half, after [`update_block`]. (Those of a narrow layer agree
/// already.)
///
/// # Panics
/// If `block` has not [`BLOCK`] numbers.
#[inline(always)]
pub fn refresh_block<S: Simd>(
    simd: S,
    shape: LayerShape,
    (output_panel, input_panel): (usize, usize),
    block: &mut [f32],
) {
    assert_eq!(block.len(), BLOCK, "the weights of a block");
    if !shape.is_narrow() {
        let inputs = units_in_panel(shape.inputs, input_panel);
        let outputs = units_in_panel(shape.outputs, output_panel);
        let (forward, backward) = block.split_at_mut(FORWARD);
        refresh_backward(simd, outputs, inputs, &forward[PANEL..], backward);
    }
}

/// Updates rows of weights with the same `rows` of the gradient and the velocity: `columns` of each, and what else is in
/// their last vector. Those places have gradient zero, or the caller puts them right.
#[inline(always)]
fn update_rows<S: Simd>(
    simd: S,
    sgd: Sgd,
    rows: Range<usize>,
    columns: usize,
    gradient: &[f32],
    weights: &mut [f32],
    velocity: &mut [f32],
) {
    let gradient = &gradient[rows.start * PANEL..rows.end * PANEL];
    assert_eq!(weights.len(), gradient.len(), "a row of the gradient for each row of weights");
    let width = columns.div_ceil(S::LANES);
    let velocity = if sgd.momentum == 0.0 { &mut [][..] } else { &mut velocity[rows.start * PANEL..rows.end * PANEL] };
    let with_velocity = !velocity.is_empty();
    for_each_vector::<S>(
        weights.len(),
        PANEL,
        width,
        #[inline(always)]
        |at| {
            // SAFETY: `for_each_vector` gives places at which a whole vector lies in a slice of this length; the velocity is
            // as long as the gradient, or is not touched.
            unsafe {
                let place = weights.as_mut_ptr().add(at);
                let velocity = velocity.as_mut_ptr().wrapping_add(at);
                let gradient = simd.load_from(gradient.as_ptr().add(at));
                let old = if with_velocity { simd.load_from(velocity) } else { simd.splat(0.0) };
                let (weight, new) = sgd.step_lanes(simd, gradient, simd.load_from(place), old);
                simd.store_to(weight, place);
                if with_velocity {
                    simd.store_to(new, velocity);
                }
            }
        },
    );
}

/// Copies the backward half to the forward half, for the few units of a narrow layer.
#[inline(always)]
fn refresh_forward(outputs: usize, inputs: usize, backward: &[f32], forward: &mut [f32]) {
    for (output, row) in backward.chunks_exact(PANEL).take(outputs).enumerate() {
        for (column, weight) in forward.chunks_exact_mut(PANEL).zip(&row[..inputs]) {
            column[output] = *weight;
        }
    }
}

/// Copies the forward half to the backward half, in squares of `LANES`.
#[inline(always)]
fn refresh_backward<S: Simd>(simd: S, outputs: usize, inputs: usize, forward: &[f32], backward: &mut [f32]) {
    assert!(forward.len() == PANEL * PANEL && backward.len() == PANEL * PANEL && outputs <= PANEL && inputs <= PANEL);
    for input in (0..inputs).step_by(S::LANES) {
        for output in (0..outputs).step_by(S::LANES) {
            let from = forward[input * PANEL + output..].as_ptr();
            let to = backward[output * PANEL + input..].as_mut_ptr();
            // SAFETY: both halves have PANEL rows of PANEL, and `input` and `output` are multiples of LANES below it.
            unsafe { simd.transpose(from, PANEL, to, PANEL) };
        }
    }
}
