//! The weights of a network, stored the way the kernels read them.

use kernels::Level;
use kernels::matrix::{self, BLOCK, Blocks, LayerShape};

use crate::Shape;
use crate::buffer::Buffer;
use crate::random::Random;

/// The blocks (see [`kernels::matrix`]) of all layers, one after the other. Outside, weights speak the book's language:
/// row i = unit i, first its bias and then its weights.
#[derive(Clone, Debug)]
pub(crate) struct Parameters {
    pub(crate) blocks: Buffer,
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
        Parameters { blocks: Buffer::zeros(blocks * BLOCK), layers }
    }

    /// Blocks of all layers.
    pub(crate) fn block_count(&self) -> usize {
        self.blocks.len() / BLOCK
    }

    /// The blocks of layer `layer`, counted from 0 for the first one with weights.
    #[inline(always)]
    pub(crate) fn layer(&self, layer: usize) -> Blocks<'_> {
        let (first, shape) = self.layers[layer];
        Blocks::new(&self.blocks[first * BLOCK..][..shape.blocks() * BLOCK], shape)
    }

    /// A layer's weights in book order: (outputs, 1 + inputs).
    pub(crate) fn book_order(&self, layer: usize) -> Vec<f32> {
        let (first, shape) = self.layers[layer];
        let mut weights = vec![0.0; shape.outputs * (1 + shape.inputs)];
        matrix::read_blocks(shape, &self.blocks[first * BLOCK..][..shape.blocks() * BLOCK], &mut weights);
        weights
    }

    /// Sets a layer's weights from book order.
    pub(crate) fn set_book_order(&mut self, layer: usize, weights: &[f32]) {
        let (first, shape) = self.layers[layer];
        matrix::write_blocks(shape, weights, &mut self.blocks[first * BLOCK..][..shape.blocks() * BLOCK]);
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
        kernels::are_finite(level, &self.blocks)
    }
}
