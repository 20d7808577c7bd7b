//! The networks that everything is measured on, and synthetic data of their shapes.

use std::fmt;

use net::random::Random;
use net::{Activation, Dataset, Network, OutputLayer};

/// A network and a minibatch size. Displayed as `28-64-64-1, batch 32`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Widths of all layers, from the inputs to the output.
    pub widths: Vec<usize>,
    /// Samples in a minibatch.
    pub batch_size: usize,
}

impl Workload {
    /// The networks of the published comparison.
    pub fn all() -> Vec<Workload> {
        let workload = |widths: &[usize], batch_size| Workload { widths: widths.to_vec(), batch_size };
        vec![
            workload(&[30, 16, 1], 32),
            workload(&[28, 64, 64, 1], 32),
            workload(&[28, 64, 64, 1], 256),
            workload(&[28, 300, 300, 300, 300, 1], 100),
            workload(&[784, 256, 128, 1], 64),
            workload(&[1024, 1024, 1024, 1], 512),
        ]
    }

    /// Networks of narrow layers, which are trained in large minibatches: what libraries for small networks publish figures
    /// for. The last one has several outputs, and real targets.
    pub fn narrow() -> Vec<Workload> {
        vec![
            Workload { widths: vec![24, 8, 1], batch_size: 200 },
            Workload { widths: vec![4, 32, 16, 4], batch_size: 10_000 },
        ]
    }

    /// The network of this name, such as `28-64-64-1`, or nothing if the name is not one.
    pub fn named(name: &str, batch_size: usize) -> Option<Workload> {
        let widths: Vec<usize> = name.split('-').map(str::parse).collect::<Result<_, _>>().ok()?;
        (widths.len() >= 2 && !widths.contains(&0)).then_some(Workload { widths, batch_size })
    }

    /// The name, such as `28-64-64-1`.
    pub fn name(&self) -> String {
        self.widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")
    }

    /// A network of this shape with sigmoid hidden layers: one sigmoid output for two classes, or several of real values.
    pub fn network(&self) -> Network {
        let (inputs, hidden) = (self.widths[0], &self.widths[1..self.widths.len() - 1]);
        let builder = Network::builder(inputs).hidden(hidden).activation(Activation::Sigmoid).seed(1);
        let builder = match self.outputs() {
            1 => builder,
            outputs => builder.output_layer(OutputLayer::Identity, outputs),
        };
        builder.build().expect("the workloads are sound")
    }

    /// `rows` samples with features in -1..1 and random targets.
    pub fn data(&self, rows: usize) -> Dataset {
        let inputs = self.widths[0];
        let mut random = Random::new(2, 0);
        let features = (0..rows * inputs).map(|_| 2.0 * random.unit() - 1.0).collect();
        let data = match self.outputs() {
            1 => Dataset::new(inputs, features, (0..rows).map(|_| random.below(2) as f32).collect()),
            outputs => {
                let targets = (0..rows * outputs).map(|_| 2.0 * random.unit() - 1.0).collect();
                Dataset::regression(inputs, features, outputs, targets)
            }
        };
        data.expect("synthetic data is sound")
    }

    fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// Floating-point operations of training on one sample: 4 for each weight of the first layer (forward and gradient),
    /// 6 for each of the others (and backward). Biases and activations are not counted.
    pub fn training_flops(&self) -> f64 {
        let weights = self.widths.windows(2).map(|pair| (pair[0] * pair[1]) as f64);
        weights.enumerate().map(|(layer, weights)| if layer == 0 { 4.0 * weights } else { 6.0 * weights }).sum()
    }

    /// Bytes that training on one minibatch has to move at least: each weight and bias is read and written once, each
    /// feature read. What lies between, such as activations, could stay in the core.
    pub fn training_bytes(&self) -> f64 {
        size_of::<f32>() as f64 * (2 * self.parameters() + self.batch_size * self.widths[0]) as f64
    }

    /// Floating-point operations of predicting one sample: 2 for each weight.
    pub fn inference_flops(&self) -> f64 {
        self.widths.windows(2).map(|pair| 2.0 * (pair[0] * pair[1]) as f64).sum()
    }

    /// Bytes that predicting so many rows has to move at least: each weight, bias and feature is read once, each result
    /// written.
    pub fn inference_bytes(&self, rows: usize) -> f64 {
        size_of::<f32>() as f64 * (self.parameters() + rows * (self.widths[0] + 1)) as f64
    }

    /// Weights and biases.
    pub fn parameters(&self) -> usize {
        self.widths.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum()
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}, batch {}", self.name(), self.batch_size))
    }
}
