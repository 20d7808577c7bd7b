//! The forward sweep of one row on one thread. Its layers are plain vectors, and one function goes through all of them: in so
//! little work every call and every copy would show.

use kernels::matrix::{PANEL, Row, RowMut, forward_row};
use kernels::softmax::shifted_exponentials;
use kernels::{Level, dispatch};

use crate::buffer::Buffer;
use crate::forward_sweep::{Prediction, sigmoids};
use crate::{Network, Shape};

/// Scratch memory: the layer that is read, and the one that is written.
#[derive(Debug)]
pub(crate) struct RowSweep {
    layers: [Buffer; 2],
}

impl RowSweep {
    pub(crate) fn new(shape: &Shape) -> Self {
        let widest = shape.layers().map(|layer| layer.outputs.next_multiple_of(PANEL)).max();
        RowSweep { layers: [(); 2].map(|()| Buffer::zeros(widest.unwrap_or(0))) }
    }

    /// Makes the prediction for a row of features.
    pub(crate) fn run(
        &mut self,
        (network, level): (&Network, Level),
        prediction: Prediction,
        features: &[f32],
        predictions: &mut [f32],
    ) {
        let Network { parameters, shape } = network;
        let [z, z_out] = &mut self.layers;
        let (mut z, mut z_out) = (&mut z[..], &mut z_out[..]);
        let last = parameters.layers.len() - 1;
        dispatch!(level, simd => {
            for layer in 0..=last {
                let weights = parameters.layer(layer);
                let outputs = weights.shape().outputs;
                let input = if layer == 0 { features } else { &z[..weights.shape().inputs] };
                let activation = (layer < last).then(|| shape.activation());
                let row = RowMut::new(&mut z_out[..outputs.next_multiple_of(PANEL)], outputs);
                forward_row(simd, weights, Row::new(input), activation, row);
                std::mem::swap(&mut z, &mut z_out);
            }
            let outputs = predictions.len();
            let y = match prediction {
                // The units of one row are as good as the rows of one unit.
                Prediction::ProbT0 => sigmoids(simd, (1, z.len(), outputs), z, z_out, false),
                Prediction::ProbT1 => sigmoids(simd, (1, z.len(), outputs), z, z_out, true),
                Prediction::Means | Prediction::Preactivations => z,
                // Until the exponentials below, whose kernel has a dispatch of its own, take their place.
                Prediction::ClassProbabilities => z,
            };
            predictions.copy_from_slice(&y[..outputs]);
        });
        if let Prediction::ClassProbabilities = prediction {
            let (_, sum) = shifted_exponentials(level, &z[..predictions.len()], predictions);
            predictions.iter_mut().for_each(|probability| *probability /= sum);
        }
    }
}
