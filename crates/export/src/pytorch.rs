//! Weights as PyTorch wants them.

use std::borrow::Cow;
use std::collections::HashMap;

use net::Network;
use safetensors::tensor::{Dtype, View, serialize};

/// The bytes of a safetensors file with the weights of networks under the names that they have in the `state_dict` of a
/// `torch.nn.Sequential` of a linear layer, an activation, a linear layer and so on: `0.weight` of shape (units, inputs),
/// `0.bias` of shape (units), `2.weight`. Of several networks, under those of a `torch.nn.ModuleList` of such: `0.0.weight`.
///
/// All are f32 in row-major order. Its only metadata, `network`, says what the outputs mean.
///
/// # Panics
/// If there is no network.
pub fn state_dict(networks: &[Network]) -> Vec<u8> {
    let shape = networks.first().expect("at least one network").shape();
    let meaning = match shape.output_layer() {
        net::OutputLayer::Sigmoid => "p(t = 0) is the sigmoid of the output",
        net::OutputLayer::Softmax => "p(class) is the softmax of the outputs",
        net::OutputLayer::Identity => "the output is the mean",
    };
    let description = format!("{shape} {}: {meaning}", shape.activation());
    let mut tensors = Vec::new();
    for (number, network) in networks.iter().enumerate() {
        let prefix = if networks.len() == 1 { String::new() } else { format!("{number}.") };
        for (layer, widths) in network.shape().layers().enumerate() {
            let book_order = network.weights(layer + 1);
            let rows = || book_order.chunks_exact(1 + widths.inputs);
            // There is a module for each activation.
            let name = |part| format!("{prefix}{}.{part}", 2 * layer);
            let weight = Tensor::new(&[widths.outputs, widths.inputs], rows().flat_map(|row| &row[1..]));
            tensors.push((name("weight"), weight));
            tensors.push((name("bias"), Tensor::new(&[widths.outputs], rows().map(|row| &row[0]))));
        }
    }
    let metadata = HashMap::from([("network".to_owned(), description)]);
    serialize(tensors, Some(metadata)).expect("the shape of a tensor is that of its numbers")
}

/// Numbers in row-major order.
struct Tensor {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn new<'a>(shape: &[usize], numbers: impl Iterator<Item = &'a f32>) -> Self {
        Self { shape: shape.to_vec(), bytes: numbers.flat_map(|number| number.to_le_bytes()).collect() }
    }
}

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        (&self.bytes).into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}
