//! The weights of a network, stored the way the kernels read them.

use std::ops::Range;

use kernels::Level;
use kernels::matrix::{self, BACKWARD_BLOCK, BlockMut, Blocks, FORWARD_BLOCK, LayerShape};

use crate::Shape;
use crate::buffer::Buffer;
use crate::random::Random;

/// The blocks (see [`kernels::matrix`]) of all layers, one after the other, in two copies. Outside, weights speak the
/// book's language: row i = unit i, first its bias and then its weights.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) forward: Buffer,
    pub(crate) backward: Buffer,
    /// The first block of each layer, and the layer's widths.
    pub(crate) layers: Vec<(usize, LayerShape)>,
}

impl Parameters {
    pub(crate) fn zeros(shape: &Shape) -> Self {
        let mut blocks = 0;
        let layers = shape.layers().map(|layer| {
            let first = blocks;
            blocks += layer.blocks();
            (first, layer)
        });
        let layers = layers.collect();
        let (forward, backward) = (Buffer::zeros(blocks * FORWARD_BLOCK), Buffer::zeros(blocks * BACKWARD_BLOCK));
        Parameters { forward, backward, layers }
    }

    /// Blocks of all layers.
    pub(crate) fn block_count(&self) -> usize {
        self.forward.len() / FORWARD_BLOCK
    }

    /// Weights and biases of all layers.
    pub(crate) fn count(&self) -> usize {
        self.layers.iter().map(|(_, shape)| shape.outputs * (1 + shape.inputs)).sum()
    }

    /// Output panels of the layer that has most of them.
    pub(crate) fn most_panels(&self) -> usize {
        self.layers.iter().map(|(_, shape)| shape.output_panels()).max().unwrap_or(1)
    }

    /// The blocks of layer `layer`, counted from 0 for the first one with weights.
    #[inline(always)]
    pub(crate) fn layer(&self, layer: usize) -> Blocks<'_> {
        self.blocks(self.layers[layer])
    }

    /// The blocks of a layer of this shape that begins with block `first`.
    #[inline(always)]
    pub(crate) fn blocks(&self, (first, shape): (usize, LayerShape)) -> Blocks<'_> {
        let (forward, backward) = numbers(first, shape);
        Blocks::new(&self.forward[forward], &self.backward[backward], shape)
    }

    /// Where the blocks of a layer lie in both copies.
    fn numbers(&self, layer: usize) -> (Range<usize>, Range<usize>) {
        let (first, shape) = self.layers[layer];
        numbers(first, shape)
    }

    /// Takes the weights of a network of the same shape.
    pub(crate) fn copy_from(&mut self, other: &Parameters) {
        self.forward.copy_from_slice(&other.forward);
        self.backward.copy_from_slice(&other.backward);
    }

    /// A layer's weights in book order: (outputs, 1 + inputs).
    pub(crate) fn book_order(&self, layer: usize) -> Vec<f32> {
        let (_, shape) = self.layers[layer];
        let mut weights = vec![0.0; shape.outputs * (1 + shape.inputs)];
        matrix::read_blocks(shape, &self.forward[self.numbers(layer).0], &mut weights);
        weights
    }

    /// Sets a layer's weights from book order.
    pub(crate) fn set_book_order(&mut self, layer: usize, weights: &[f32]) {
        let (_, shape) = self.layers[layer];
        let (forward, backward) = self.numbers(layer);
        matrix::write_blocks(shape, weights, &mut self.forward[forward], &mut self.backward[backward]);
    }

    /// Random weights suited to the activation, and biases of zero.
    ///
    /// Uniform in -limit..limit. For sigmoid and tanh, limit = gain sqrt(6 / (inputs + outputs)) with a gain of 1 for tanh
    /// and for the output layer, and of 4 for hidden sigmoid layers, whose slope at 0 is a quarter of tanh's (X. Glorot and
    /// Y. Bengio 2010). For ReLU, and for SiLU and GELU, which are like it, limit = sqrt(6 / inputs) (K. He and others 2015).
    pub(crate) fn randomize(&mut self, shape: &Shape, seed: u64) {
        use crate::Activation::{Gelu, Relu, Sigmoid, Silu, Tanh};
        let last = self.layers.len() - 1;
        for (layer, LayerShape { inputs, outputs }) in shape.layers().enumerate() {
            let limit = match shape.activation() {
                _ if layer == last => (6.0 / (inputs + outputs) as f32).sqrt(),
                Sigmoid => 4.0 * (6.0 / (inputs + outputs) as f32).sqrt(),
                Tanh => (6.0 / (inputs + outputs) as f32).sqrt(),
                Relu | Silu | Gelu => (6.0 / inputs as f32).sqrt(),
            };
            let mut random = Random::new(seed, layer as u64);
            let mut weights = vec![0.0; outputs * (1 + inputs)];
            for row in weights.chunks_exact_mut(1 + inputs) {
                for weight in &mut row[1..] {
                    *weight = limit * (2.0 * random.unit() - 1.0);
                }
            }
            self.set_book_order(layer, &weights);
        }
    }

    pub(crate) fn are_finite(&self, level: Level) -> bool {
        kernels::are_finite(level, &self.forward)
    }
}

/// Where the blocks of a layer that begins with block `first` lie in both copies.
#[inline(always)]
fn numbers(first: usize, shape: LayerShape) -> (Range<usize>, Range<usize>) {
    let end = first + shape.blocks();
    (first * FORWARD_BLOCK..end * FORWARD_BLOCK, first * BACKWARD_BLOCK..end * BACKWARD_BLOCK)
}

/// Some blocks to be written, both copies.
#[derive(Debug)]
pub(crate) struct BlocksMut<'a> {
    pub forward: &'a mut [f32],
    pub backward: &'a mut [f32],
}

impl<'a> BlocksMut<'a> {
    /// One of them.
    #[inline(always)]
    pub(crate) fn block(&mut self, block: usize) -> BlockMut<'_> {
        BlockMut {
            forward: &mut self.forward[block * FORWARD_BLOCK..][..FORWARD_BLOCK],
            backward: &mut self.backward[block * BACKWARD_BLOCK..][..BACKWARD_BLOCK],
        }
    }

    /// Those of a layer that begins with block `first` of them.
    #[inline(always)]
    pub(crate) fn layer(&self, first: usize, shape: LayerShape) -> Blocks<'_> {
        let (forward, backward) = numbers(first, shape);
        Blocks::new(&self.forward[forward], &self.backward[backward], shape)
    }

    /// The first `count` blocks, and the other ones.
    pub(crate) fn split_at(self, count: usize) -> (BlocksMut<'a>, BlocksMut<'a>) {
        let (left_forward, forward) = self.forward.split_at_mut(count * FORWARD_BLOCK);
        let (left_backward, backward) = self.backward.split_at_mut(count * BACKWARD_BLOCK);
        (BlocksMut { forward: left_forward, backward: left_backward }, BlocksMut { forward, backward })
    }
}

/// Where block `block` of these layers, each with its first block, stands: its layer, counted from 0, the layer's widths, and
/// its panels of outputs and of inputs.
#[inline(always)]
pub(crate) fn place_of(layers: &[(usize, LayerShape)], block: usize) -> (usize, LayerShape, (usize, usize)) {
    let mut layer = layers.len() - 1;
    while layers[layer].0 > block {
        layer -= 1;
    }
    let (first, shape) = layers[layer];
    let at = block - first;
    (layer, shape, (at / shape.input_panels(), at % shape.input_panels()))
}

#[cfg(test)]
mod tests {
    use crate::{Activation, Network, OutputLayer};

    /// Of thousands of uniform numbers the greatest is near the limit.
    #[test]
    fn initial_weights_reach_to_their_limits() {
        let output_limit = (6.0f32 / 110.0).sqrt();
        for (activation, limit) in [
            (Activation::Sigmoid, 4.0 * 0.06f32.sqrt()),
            (Activation::Tanh, 0.06f32.sqrt()),
            (Activation::Relu, 0.15f32.sqrt()),
            (Activation::Silu, 0.15f32.sqrt()),
            (Activation::Gelu, 0.15f32.sqrt()),
        ] {
            let builder = Network::builder(40).hidden(&[60]).activation(activation).seed(7);
            let network = builder.output_layer(OutputLayer::Softmax, 50).build().expect("a sound network");
            for (layer, inputs, limit) in [(1, 40, limit), (2, 60, output_limit)] {
                let weights = network.weights(layer);
                let mut greatest = 0.0f32;
                for row in weights.chunks_exact(1 + inputs) {
                    assert_eq!(row[0], 0.0, "a bias of {activation:?}");
                    greatest = row[1..].iter().fold(greatest, |greatest, w| greatest.max(w.abs()));
                }
                assert!(
                    greatest <= limit && greatest > 0.99 * limit,
                    "{activation:?}, layer {layer}: {greatest}, {limit}"
                );
            }
        }
    }
}
