//! One layer of the minibatch path: forward and backward side by side.

use kernels::matrix::{self, Blocks, Panels, PanelsMut, Table};
use kernels::simd::Simd;
use kernels::{Activation, LayerDropout, Slope};

/// A hidden layer: z_out = activation(W z + w0), or the preactivations without an activation, for `samples` samples. `scratch`
/// has a place for each row and each unit of a narrow layer.
#[inline(always)]
pub(crate) fn forward_hidden<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    activation: Option<Activation>,
    z: Panels<'_>,
    samples: usize,
    z_out: PanelsMut<'_>,
    scratch: &mut [f32],
) {
    if weights.shape().is_narrow() {
        forward_narrow_hidden(simd, weights, activation, z, samples, z_out, scratch);
    } else {
        matrix::forward(simd, weights, z, samples, activation, z_out);
    }
}

/// The first hidden layer, or some panels of it, which is not narrow, for the first `samples` rows of a table of features. A
/// function of its own.
#[inline(always)]
pub(crate) fn forward_features<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    activation: Activation,
    features: Table<'_>,
    samples: usize,
    z_out: PanelsMut<'_>,
) {
    simd.vectorize(
        #[inline(always)]
        move || matrix::forward_table(simd, weights, features, samples, Some(activation), z_out),
    );
}

/// A narrow hidden layer. A function of its own (`vectorize` outlines it).
#[inline(always)]
fn forward_narrow_hidden<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    activation: Option<Activation>,
    z: Panels<'_>,
    samples: usize,
    mut z_out: PanelsMut<'_>,
    scratch: &mut [f32],
) {
    simd.vectorize(
        #[inline(always)]
        move || {
            let rows = z_out.rows();
            let units = &mut scratch[..weights.shape().outputs * rows];
            matrix::forward_narrow(simd, weights, z, samples, activation, units);
            for (unit, column) in units.chunks_exact(rows).enumerate() {
                z_out.write_column(unit, &column[..samples]);
            }
        },
    );
}

/// From the preactivations of a hidden layer, or of its panels from `first_panel` on, to z, and to dz/da beside it, both after
/// dropout. A function of its own.
#[inline(always)]
pub(crate) fn activate_with_slopes<S: Simd>(
    simd: S,
    activation: Activation,
    dropout: Option<LayerDropout>,
    samples: usize,
    first_panel: usize,
    z_and_slopes: [PanelsMut<'_>; 2],
) {
    simd.vectorize(
        #[inline(always)]
        move || matrix::activate_with_slopes(simd, activation, dropout, samples, first_panel, z_and_slopes),
    );
}

/// [`matrix::forward`] in a function of its own, so that all that is not in the loop over the hidden layers shares one.
#[inline(always)]
pub(crate) fn forward_units<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    z: Panels<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: PanelsMut<'_>,
) {
    simd.vectorize(
        #[inline(always)]
        move || matrix::forward(simd, weights, z, samples, activation, z_out),
    );
}

/// The output layer: the preactivations a = W z + w0, at first in `output` as columns; or, if the layer is not narrow, behind
/// its panels.
#[inline(always)]
pub(crate) fn forward_output<S: Simd>(simd: S, weights: Blocks<'_>, z: Panels<'_>, samples: usize, output: &mut [f32]) {
    let (outputs, rows) = (weights.shape().outputs, z.rows());
    if weights.shape().is_narrow() {
        matrix::forward_narrow(simd, weights, z, samples, None, &mut output[..outputs * rows]);
    } else {
        let (panels, rest) = output.split_at_mut(Panels::len(outputs, rows));
        let a = &mut rest[..matrix::columns_len(outputs, rows)];
        forward_units(simd, weights, z, samples, None, PanelsMut::new(panels, outputs, rows));
        // In a function of its own, as the other output layers in `sample_sweep.rs`.
        simd.vectorize(
            #[inline(always)]
            || matrix::panels_to_columns(simd, Panels::new(panels, outputs, rows), samples, a),
        );
    }
}

/// From the columns of the output layer's deltas to panels, as the layers before want them.
#[inline(always)]
pub(crate) fn write_deltas<S: Simd>(simd: S, columns: &[f32], units: usize, samples: usize, mut delta: PanelsMut<'_>) {
    if units <= matrix::NARROW {
        let rows = delta.rows();
        let mut unit = 0;
        while unit < units {
            delta.write_column(unit, &columns[unit * rows..][..samples]);
            unit += 1;
        }
    } else {
        matrix::columns_to_panels(simd, columns, samples, delta);
    }
}

/// Through either kind of layer to the hidden layer before: delta_in = (W^T delta) dz/da. As `slope` says, dz/da comes from
/// the postactivations `z` or stands in their place. Of that layer, the panels from the one that `delta_in` begins with. A
/// function of its own (`vectorize` outlines it).
#[inline(always)]
pub(crate) fn backward<S: Simd>(
    simd: S,
    weights: Blocks<'_>,
    slope: Slope,
    delta: Panels<'_>,
    samples: usize,
    z: Panels<'_>,
    delta_in: (PanelsMut<'_>, usize),
) {
    simd.vectorize(
        #[inline(always)]
        move || matrix::backward(simd, weights, delta, samples, slope, z, delta_in),
    );
}
