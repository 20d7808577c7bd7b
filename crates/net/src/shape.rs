//! The shape of a network: its layers' widths and the activation of the hidden ones.

use std::fmt;

pub use kernels::matrix::LayerShape;
use kernels::matrix::{BLOCK, PANEL};

use crate::{Activation, Error};

/// The widths of the layers, from the inputs to the one output, and the hidden layers' activation. Displayed as
/// `30-16-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    widths: Vec<usize>,
    activation: Activation,
}

/// The most bytes that the weights of a network may take, both copies of them: more than that is a slip.
const MOST_BYTES: usize = 1 << 40;

impl Shape {
    /// A network of `inputs` features, hidden layers of these widths, and one sigmoid output.
    ///
    /// # Errors
    /// If a width is 0, or the weights would not fit in memory.
    pub fn new(inputs: usize, hidden: &[usize], activation: Activation) -> Result<Shape, Error> {
        if inputs == 0 {
            return Err(Error::Shape("a network needs at least one input".into()));
        }
        if let Some(layer) = hidden.iter().position(|width| *width == 0) {
            return Err(Error::Shape(format!("hidden layer {} has no units; give it at least one", layer + 1)));
        }
        let widths = [&[inputs], hidden, &[1]].concat();
        let bytes = widths.windows(2).try_fold(0usize, |sum, pair| {
            let blocks = pair[0].div_ceil(PANEL).checked_mul(pair[1].div_ceil(PANEL))?;
            sum.checked_add(blocks.checked_mul(size_of::<f32>() * BLOCK)?)
        });
        match bytes {
            Some(bytes) if bytes <= MOST_BYTES => Ok(Shape { widths, activation }),
            Some(bytes) => Err(Error::Shape(format!(
                "the network's weights would take {} GiB of memory; choose narrower layers",
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

    /// Output units: 1.
    pub fn outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    /// The activation of the hidden layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The layers 1..=L, each with the width of the layer before.
    pub fn layers(&self) -> impl DoubleEndedIterator<Item = LayerShape> + ExactSizeIterator + '_ {
        self.widths.windows(2).map(|pair| LayerShape { inputs: pair[0], outputs: pair[1] })
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
