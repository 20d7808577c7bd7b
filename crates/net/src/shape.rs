//! The shape of a network: its layers' widths, the activation of the hidden ones and the kind of the output layer.

use std::fmt;

use kernels::Level;
use kernels::matrix::LayerShape;
use kernels::matrix::{BACKWARD_BLOCK, FORWARD_BLOCK, PANEL};

use crate::{Activation, Error, OutputLayer};

/// The widths of the layers, from the inputs to the outputs, the hidden layers' activation and the kind of the output
/// layer. Displayed as `30-16-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    widths: Vec<usize>,
    activation: Activation,
    output_layer: OutputLayer,
}

/// The most bytes that the weights of a network may take, both copies of them: more than that is a slip.
const MOST_BYTES: usize = 1 << 40;

/// Bytes of a block of weights, both copies of it.
const BLOCK_BYTES: usize = size_of::<f32>() * (FORWARD_BLOCK + BACKWARD_BLOCK);

impl Shape {
    /// A network of `inputs` features, hidden layers of these widths, and one sigmoid output.
    ///
    /// # Errors
    /// If a width is 0, or the weights would not fit in memory.
    pub fn new(inputs: usize, hidden: &[usize], activation: Activation) -> Result<Shape, Error> {
        Shape::checked([&[inputs], hidden, &[1]].concat(), activation, OutputLayer::Sigmoid)
    }

    /// The same network with another output layer, of `outputs` units.
    ///
    /// # Errors
    /// If there are no units, or only one for a softmax, or the weights would not fit in memory.
    pub fn with_output_layer(mut self, output_layer: OutputLayer, outputs: usize) -> Result<Shape, Error> {
        self.widths.pop();
        self.widths.push(outputs);
        Shape::checked(self.widths, self.activation, output_layer)
    }

    fn checked(widths: Vec<usize>, activation: Activation, output_layer: OutputLayer) -> Result<Shape, Error> {
        let [inputs, hidden @ .., outputs] = &widths[..] else { unreachable!("widths of inputs and outputs") };
        if *inputs == 0 {
            return Err(Error::Shape("a network needs at least one input".into()));
        }
        if let Some(layer) = hidden.iter().position(|width| *width == 0) {
            return Err(Error::Shape(format!("hidden layer {} has no units; give it at least one", layer + 1)));
        }
        match (output_layer, *outputs) {
            (_, 0) => return Err(Error::Shape("a network needs at least one output".into())),
            (OutputLayer::Softmax, 1) => {
                return Err(Error::Shape("a softmax needs an output for each of two classes or more".into()));
            }
            _ => {}
        }
        let bytes = widths.windows(2).try_fold(0usize, |sum, pair| {
            let blocks = pair[0].div_ceil(PANEL).checked_mul(pair[1].div_ceil(PANEL))?;
            sum.checked_add(blocks.checked_mul(BLOCK_BYTES)?)
        });
        match bytes {
            Some(bytes) if bytes <= MOST_BYTES => Ok(Shape { widths, activation, output_layer }),
            Some(bytes) => Err(Error::Shape(format!(
                "the network's weights would take {bytes} bytes of memory ({} GiB); choose narrower layers",
                bytes >> 30
            ))),
            None => {
                Err(Error::Shape("the network has more weights than can be counted; choose narrower layers".into()))
            }
        }
    }

    /// Features of a sample.
    pub fn inputs(&self) -> usize {
        self.widths[0]
    }

    /// Units of each hidden layer, from the inputs on.
    pub fn hidden(&self) -> &[usize] {
        &self.widths[1..self.widths.len() - 1]
    }

    /// Output units.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// The activation of the hidden layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The kind of the output layer.
    pub fn output_layer(&self) -> OutputLayer {
        self.output_layer
    }

    /// The layers 1..=L, each with the width of the layer before.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = LayerShape> + ExactSizeIterator + '_ {
        self.widths.windows(2).map(|pair| LayerShape { inputs: pair[0], outputs: pair[1] })
    }

    /// The level to compute a network at, if `level` is the one that was asked for.
    pub(crate) fn level(&self, level: Level) -> Level {
        level.for_units(self.widths[1..].iter().copied().max().unwrap_or(1))
    }

    /// Bytes that the weights of a network take in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.layers().map(|layer| layer.blocks() * BLOCK_BYTES).sum()
    }

    /// A number for each weight and bias of each layer, in book order.
    pub(crate) fn zeros(&self) -> Vec<Vec<f32>> {
        self.layers().map(|layer| vec![0.0; layer.outputs * (1 + layer.inputs)]).collect()
    }

    /// Weights and biases.
    pub fn parameter_count(&self) -> usize {
        self.layers().map(|layer| layer.outputs * (1 + layer.inputs)).sum()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = self.widths.iter().map(ToString::to_string).collect();
        formatter.pad(&widths.join("-"))
    }
}
