//! The products of matrix and vector in the textbook path: weights in book order, one sample.

use kernels::{Level, reference};

use crate::agreement::{Disagreement, compare};
use crate::fixture::{Fixture, Work, uniform};
use crate::results::Kind;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// [`kernels::matvec`](fn@kernels::matvec).
    Matvec,
    /// [`kernels::matvec_transposed`](fn@kernels::matvec_transposed).
    MatvecTransposed,
    /// [`kernels::outer_product`](fn@kernels::outer_product).
    OuterProduct,
}

impl Product {
    /// All of them.
    pub const ALL: [Product; 3] = [Product::Matvec, Product::MatvecTransposed, Product::OuterProduct];

    fn name(self) -> &'static str {
        match self {
            Product::Matvec => "matvec",
            Product::MatvecTransposed => "matvec_transposed",
            Product::OuterProduct => "outer_product",
        }
    }
}

/// One layer and one sample.
pub struct OneSample {
    product: Product,
    inputs: usize,
    outputs: usize,
    /// (outputs, 1 + inputs).
    weights: Vec<f32>,
    z: Vec<f32>,
    delta: Vec<f32>,
    /// What the product gives: preactivations, sums of deltas, or a gradient that is added to.
    result: Vec<f32>,
}

impl OneSample {
    /// Random numbers for a layer from `inputs` to `outputs` units.
    pub fn new(product: Product, inputs: usize, outputs: usize) -> Self {
        let weights = uniform(outputs * (1 + inputs), -0.1, 0.1);
        let length = match product {
            Product::Matvec => outputs,
            Product::MatvecTransposed => inputs,
            Product::OuterProduct => weights.len(),
        };
        let (z, delta) = (uniform(inputs, 0.0, 1.0), uniform(outputs, -1.0, 1.0));
        OneSample { product, inputs, outputs, weights, z, delta, result: vec![0.0; length] }
    }
}

impl Fixture for OneSample {
    fn kernel(&self) -> String {
        self.product.name().to_owned()
    }

    fn size(&self) -> String {
        format!("{}-{}", self.inputs, self.outputs)
    }

    fn work(&self) -> Work {
        let OneSample { inputs, outputs, .. } = *self;
        let read = match self.product {
            Product::Matvec => self.weights.len() + inputs,
            Product::MatvecTransposed => self.weights.len() + outputs,
            // The gradient is added to.
            Product::OuterProduct => self.weights.len() + inputs + outputs,
        };
        Work::new(Kind::Streaming, 2 * inputs * outputs, read, self.result.len())
    }

    fn run(&mut self, level: Level) {
        match self.product {
            Product::Matvec => kernels::matvec(level, &self.weights, &self.z, &mut self.result),
            Product::MatvecTransposed => {
                kernels::matvec_transposed(level, &self.weights, &self.delta, &mut self.result);
            }
            Product::OuterProduct => kernels::outer_product(level, &self.delta, &self.z, &mut self.result),
        }
    }

    fn check(&mut self, level: Level) -> Result<(), Disagreement> {
        self.result.fill(0.0);
        self.run(level);
        let mut expected = vec![0.0; self.result.len()];
        let steps = match self.product {
            Product::Matvec => {
                reference::matvec(&self.weights, &self.z, &mut expected);
                self.inputs
            }
            Product::MatvecTransposed => {
                reference::matvec_transposed(&self.weights, &self.delta, &mut expected);
                self.outputs
            }
            Product::OuterProduct => {
                reference::outer_product(&self.delta, &self.z, &mut expected);
                1
            }
        };
        compare(level, self.product.name(), &self.result, &expected, steps)
    }
}
