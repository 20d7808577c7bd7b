//! Times candle: autograd on CPU tensors, its own sigmoid, binary cross entropy and SGD.

use anyhow::Result;
use candle_core::{Device, Tensor, Var};
use candle_nn::loss::binary_cross_entropy_with_logit;
use candle_nn::ops::sigmoid;
use candle_nn::{Linear, Module as _, Optimizer as _, SGD};
use peers::workload::{LEARNING_RATE, Workload};

fn main() -> Result<()> {
    peers::run::<Candle>()
}

struct Candle {
    trained: Vec<Linear>,
    optimizer: SGD,
    minibatches: Vec<(Tensor, Tensor)>,
    /// The starting weights as plain tensors, so that predicting records no graph.
    fixed: Vec<Linear>,
    rows: Tensor,
}

impl peers::Peer for Candle {
    const NAME: &'static str = "candle";
    const PACKAGE: &'static str = "candle-core";
    type Predictions = Tensor;

    fn new(workload: &Workload) -> Result<Self> {
        let device = Device::Cpu;
        let matrix = |data: &[f32]| Tensor::from_slice(data, (workload.batch, data.len() / workload.batch), &device);
        let (mut trained, mut fixed, mut variables) = (Vec::new(), Vec::new(), Vec::new());
        for layer in &workload.layers {
            let weights = Tensor::from_slice(&layer.weights, (layer.outputs, layer.inputs), &device)?;
            let biases = Tensor::from_slice(&layer.biases, layer.outputs, &device)?;
            let variable = [Var::from_tensor(&weights)?, Var::from_tensor(&biases)?];
            trained.push(Linear::new(variable[0].as_tensor().clone(), Some(variable[1].as_tensor().clone())));
            variables.extend(variable);
            fixed.push(Linear::new(weights, Some(biases)));
        }
        let minibatches = workload.minibatches.iter().map(|it| Ok((matrix(&it.features)?, matrix(&it.targets)?)));
        Ok(Candle {
            trained,
            optimizer: SGD::new(variables, LEARNING_RATE)?,
            minibatches: minibatches.collect::<Result<_>>()?,
            fixed,
            rows: matrix(&workload.rows)?,
        })
    }

    fn step(&mut self, minibatch: usize) -> Result<()> {
        let (features, targets) = &self.minibatches[minibatch];
        let loss = binary_cross_entropy_with_logit(&logits(&self.trained, features)?, targets)?;
        Ok(self.optimizer.backward_step(&loss)?)
    }

    fn predict(&mut self) -> Result<Tensor> {
        Ok(sigmoid(&logits(&self.fixed, &self.rows)?)?)
    }

    fn loss(&mut self, minibatch: usize) -> Result<Option<f64>> {
        let (features, targets) = &self.minibatches[minibatch];
        let loss = binary_cross_entropy_with_logit(&logits(&self.trained, features)?, targets)?;
        Ok(Some(loss.to_scalar::<f32>()?.into()))
    }

    fn mean(predictions: Tensor) -> Result<Option<f64>> {
        Ok(Some(predictions.mean_all()?.to_scalar::<f32>()?.into()))
    }
}

/// The output unit's preactivations, (batch, 1).
fn logits(layers: &[Linear], rows: &Tensor) -> candle_core::Result<Tensor> {
    let (output, hidden) = layers.split_last().expect("a network has a layer");
    let mut values = rows.clone();
    for layer in hidden {
        values = sigmoid(&layer.forward(&values)?)?;
    }
    output.forward(&values)
}
