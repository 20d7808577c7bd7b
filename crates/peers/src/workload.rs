//! The work that every peer gets: the same starting weights and the same rows, bit for bit.
//!
//! `peers/python/workload.py` makes the same numbers. Each is a hash of its stream and its index in it, so no peer
//! depends on another's random generator, and nothing but exact operations and one rounding is in between.

use crate::job::Network;

/// The learning rate of every peer's gradient descent.
pub const LEARNING_RATE: f64 = 0.1;

/// Minibatches that a training loop cycles through: a power of two, at most 64 and at most about 8 MiB of
/// features, but 4 at least.
fn minibatch_count(batch: usize, inputs: usize) -> usize {
    let fitting = ((8 << 20) / (4 * batch * inputs)).clamp(4, 64);
    1 << fitting.ilog2()
}

/// Starting weights, minibatches to train on, and rows to predict.
pub struct Workload {
    /// The network's shape.
    pub network: Network,
    /// Rows of each minibatch, and rows to predict.
    pub batch: usize,
    /// Starting weights of each layer.
    pub layers: Vec<Layer>,
    /// What the training loop cycles through.
    pub minibatches: Vec<Minibatch>,
    /// The rows to predict, (batch, inputs).
    pub rows: Vec<f32>,
}

/// The starting weights of one layer.
pub struct Layer {
    /// The layer's width below.
    pub inputs: usize,
    /// The layer's width above.
    pub outputs: usize,
    /// (outputs, inputs): row i belongs to unit i.
    pub weights: Vec<f32>,
    /// (outputs).
    pub biases: Vec<f32>,
}

/// The rows of one training step.
pub struct Minibatch {
    /// (batch, inputs).
    pub features: Vec<f32>,
    /// (batch), each 0 or 1.
    pub targets: Vec<f32>,
}

impl Workload {
    /// The work for one network and one batch size.
    pub fn new(network: &Network, batch: usize) -> Self {
        let inputs = network.inputs();
        let layers = network.layers().enumerate().map(|(index, (inputs, outputs))| {
            let scale = (1.0 / (inputs as f64).sqrt()) as f32;
            let stream = 2 * index as u64;
            let weights = Uniform::new(stream).symmetric(scale).take(outputs * inputs).collect();
            let biases = Uniform::new(stream + 1).symmetric(scale).take(outputs).collect();
            Layer { inputs, outputs, weights, biases }
        });
        let mut features = Uniform::new(FEATURES).symmetric(UNIT_VARIANCE);
        let mut targets = Uniform::new(TARGETS).map(|u| f32::from(u8::from(u >= 0.5)));
        let minibatches = (0..minibatch_count(batch, inputs)).map(|_| Minibatch {
            features: features.by_ref().take(batch * inputs).collect(),
            targets: targets.by_ref().take(batch).collect(),
        });
        Workload {
            network: network.clone(),
            batch,
            layers: layers.collect(),
            minibatches: minibatches.collect(),
            rows: Uniform::new(ROWS).symmetric(UNIT_VARIANCE).take(batch * inputs).collect(),
        }
    }
}

const FEATURES: u64 = 1000;
const TARGETS: u64 = 1001;
const ROWS: u64 = 1002;

/// Half the width of the interval around 0 on which a uniform number has variance 1: the root of 3.
const UNIT_VARIANCE: f32 = 1.732_050_8;

/// An endless stream of numbers in [0, 1), each a multiple of 2^-24.
struct Uniform {
    state: u64,
}

impl Uniform {
    fn new(stream: u64) -> Self {
        Uniform { state: mixed(stream) }
    }

    /// The same stream stretched to [-scale, scale).
    fn symmetric(self, scale: f32) -> impl Iterator<Item = f32> {
        self.map(move |u| (2.0 * u - 1.0) * scale)
    }
}

impl Iterator for Uniform {
    type Item = f32;

    fn next(&mut self) -> Option<f32> {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        Some((mixed(self.state) >> 40) as f32 * (1.0 / (1 << 24) as f32))
    }
}

/// The finaliser of SplitMix64.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minibatches_are_a_power_of_two_that_fits() {
        assert_eq!(minibatch_count(32, 30), 64);
        assert_eq!(minibatch_count(64, 784), 32);
        assert_eq!(minibatch_count(512, 1024), 4);
        assert_eq!(minibatch_count(4096, 1024), 4);
    }

    /// `peers/python/test_workload.py` expects the same figures.
    #[test]
    fn the_numbers_are_those_of_the_python_workers() {
        let workload = Workload::new(&"3-2-1".parse().unwrap(), 2);
        assert_eq!(workload.layers[0].weights[..2], [0.44260916, -0.07906469]);
        assert_eq!(workload.minibatches[0].features[..2], [1.5966477, 1.5381092]);
        assert_eq!(workload.minibatches[0].targets, [1.0, 0.0]);
    }
}
