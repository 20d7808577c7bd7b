//! One layer of the minibatch path: forward and backward side by side.

use kernels::Activation;
use kernels::matrix::{self, Blocks, Panels, PanelsMut};
use kernels::simd::Simd;

/// A hidden layer: z_out = activation(W z + w0), for `samples` samples. `scratch` has a place for each row and each unit of
/// a narrow layer.
#[inline(always)]
pub(crate) fn forward_hidden<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    activation: Activation,
    (z, rows): (&[f32], usize),
    samples: usize,
    z_out: &mut [f32],
    scratch: &mut [f32],
) {
    let z = Panels::new(z, weights.shape.inputs, rows);
    let outputs = weights.shape.outputs;
    let mut z_out = PanelsMut::new(z_out, outputs, rows);
    if weights.shape.is_narrow() {
        let units = &mut scratch[..outputs * rows];
        matrix::forward_narrow(simd, weights, z, samples, Some(activation), units);
        for (unit, column) in units.chunks_exact(rows).enumerate() {
            z_out.write_column(unit, &column[..samples]);
        }
    } else {
        matrix::forward(simd, weights, z, samples, Some(activation), z_out);
    }
}

/// The output layer: the preactivations a = W z + w0 of its one unit.
#[inline(always)]
pub(crate) fn forward_output<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    (z, rows): (&[f32], usize),
    samples: usize,
    a: &mut [f32],
) {
    matrix::forward_narrow(simd, weights, Panels::new(z, weights.shape.inputs, rows), samples, None, a);
}

/// Through either kind of layer to the hidden layer before: delta_in = (W^T delta) dz/da.
#[inline(always)]
pub(crate) fn backward<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    activation: Activation,
    (delta, rows): (&[f32], usize),
    samples: usize,
    z: &[f32],
    delta_in: &mut [f32],
) {
    let (inputs, outputs) = (weights.shape.inputs, weights.shape.outputs);
    let delta = Panels::new(delta, outputs, rows);
    let z = Panels::new(z, inputs, rows);
    matrix::backward(simd, weights, delta, samples, activation, z, PanelsMut::new(delta_in, inputs, rows));
}
