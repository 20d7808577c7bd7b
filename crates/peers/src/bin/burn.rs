//! Times burn on its `flex` backend, the pure Rust one for CPUs: autodiff, its own linear layers, loss and SGD.

use anyhow::Result;
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::nn::loss::{BinaryCrossEntropyLoss, BinaryCrossEntropyLossConfig};
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Int, Tensor, TensorData};
use peers::workload::{LEARNING_RATE, Layer, Workload};

fn main() -> Result<()> {
    peers::run::<Burn>()
}

struct Burn {
    /// An option because a step consumes the network and makes the next.
    trained: Option<Network>,
    loss: BinaryCrossEntropyLoss,
    optimizer: ModuleOptimizer,
    minibatches: Vec<(Tensor<2>, Tensor<2, Int>)>,
    /// The starting weights outside autodiff.
    fixed: Network,
    rows: Tensor<2>,
}

#[derive(Module, Debug)]
struct Network {
    layers: Vec<Linear>,
}

impl Network {
    fn new(layers: &[Layer], device: &Device) -> Self {
        let linear = |layer: &Layer| {
            let shape = [layer.outputs, layer.inputs];
            let weights = Tensor::<2>::from_data(TensorData::new(layer.weights.clone(), shape), device);
            // Stored (inputs, outputs), contiguous, as burn's own initialiser leaves it.
            let weights = weights.transpose().into_data();
            let biases = TensorData::new(layer.biases.clone(), [layer.outputs]);
            Linear { weight: Param::from_data(weights, device), bias: Some(Param::from_data(biases, device)) }
        };
        Network { layers: layers.iter().map(linear).collect() }
    }

    /// The output unit's preactivations, (batch, 1).
    fn logits(&self, rows: Tensor<2>) -> Tensor<2> {
        let (output, hidden) = self.layers.split_last().expect("a network has a layer");
        output.forward(hidden.iter().fold(rows, |values, layer| sigmoid(layer.forward(values))))
    }
}

impl Burn {
    fn trained(&self) -> &Network {
        self.trained.as_ref().expect("every step puts a network back")
    }
}

impl peers::Peer for Burn {
    const NAME: &'static str = "burn";
    const PACKAGE: &'static str = "burn";
    type Predictions = Tensor<2>;

    fn new(workload: &Workload) -> Result<Self> {
        let plain = Device::flex();
        let autodiff = Device::flex().autodiff();
        let features = |data: &[f32], device| {
            let shape = [workload.batch, data.len() / workload.batch];
            Tensor::<2>::from_data(TensorData::new(data.to_vec(), shape), device)
        };
        let targets = |data: &[f32]| {
            let whole: Vec<i32> = data.iter().map(|&target| target as i32).collect();
            Tensor::<2, Int>::from_data(TensorData::new(whole, [workload.batch, 1]), &autodiff)
        };
        let minibatches = workload.minibatches.iter();
        Ok(Burn {
            trained: Some(Network::new(&workload.layers, &autodiff)),
            loss: BinaryCrossEntropyLossConfig::new().with_logits(true).init(&autodiff),
            optimizer: SgdConfig::new().init(),
            minibatches: minibatches.map(|it| (features(&it.features, &autodiff), targets(&it.targets))).collect(),
            fixed: Network::new(&workload.layers, &plain),
            rows: features(&workload.rows, &plain),
        })
    }

    fn step(&mut self, minibatch: usize) -> Result<()> {
        let (features, targets) = self.minibatches[minibatch].clone();
        let network = self.trained.take().expect("every step puts a network back");
        let loss = self.loss.forward(network.logits(features), targets);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        self.trained = Some(self.optimizer.step(LEARNING_RATE, network, gradients));
        Ok(())
    }

    fn predict(&mut self) -> Result<Tensor<2>> {
        Ok(sigmoid(self.fixed.logits(self.rows.clone())))
    }

    fn loss(&mut self, minibatch: usize) -> Result<Option<f64>> {
        let (features, targets) = self.minibatches[minibatch].clone();
        let loss = self.loss.forward(self.trained().logits(features), targets);
        Ok(Some(loss.into_scalar::<f32>().into()))
    }

    fn mean(predictions: Tensor<2>) -> Result<Option<f64>> {
        Ok(Some(predictions.mean().into_scalar::<f32>().into()))
    }
}
