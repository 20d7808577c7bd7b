//! Kernels that do the same to each number of a slice.

use kernels::{Activation, Level, Sgd, Slope, reference};

use crate::agreement::{Disagreement, compare};
use crate::fixture::{Fixture, Work, uniform};
use crate::results::Kind;

/// A function of one number.
pub struct Function {
    name: &'static str,
    kernel: fn(Level, &[f32], &mut [f32]),
    specification: fn(f32) -> f32,
}

/// The functions of one number that have a kernel.
pub const FUNCTIONS: [Function; 6] = [
    Function { name: "exp", kernel: kernels::exp, specification: reference::Real::exp },
    Function { name: "sigmoid", kernel: kernels::sigmoid, specification: reference::sigmoid },
    Function { name: "tanh", kernel: kernels::tanh, specification: reference::Real::tanh },
    Function { name: "softplus", kernel: kernels::softplus, specification: reference::softplus },
    Function {
        name: "silu",
        kernel: |level, a, z| kernels::activate(level, Activation::Silu, a, z),
        specification: |a| reference::activate(Activation::Silu, a),
    },
    Function {
        name: "gelu",
        kernel: |level, a, z| kernels::activate(level, Activation::Gelu, a, z),
        specification: |a| reference::activate(Activation::Gelu, a),
    },
];

fn size(numbers: usize) -> String {
    format!("{numbers} numbers")
}

/// A function of each number.
pub struct Map {
    function: &'static Function,
    input: Vec<f32>,
    output: Vec<f32>,
}

impl Map {
    /// `function` of so many numbers.
    pub fn new(function: &'static Function, length: usize) -> Self {
        Map { function, input: uniform(length, -8.0, 8.0), output: vec![0.0; length] }
    }
}

impl Fixture for Map {
    fn kernel(&self) -> String {
        self.function.name.to_owned()
    }

    fn size(&self) -> String {
        size(self.input.len())
    }

    fn work(&self) -> Work {
        let numbers = self.input.len();
        Work::new(Kind::Elementwise, numbers, numbers, numbers)
    }

    fn run(&mut self, level: Level) {
        (self.function.kernel)(level, &self.input, &mut self.output);
    }

    fn check(&mut self, level: Level) -> Result<(), Disagreement> {
        self.run(level);
        let expected: Vec<f32> = self.input.iter().map(|x| (self.function.specification)(*x)).collect();
        compare(level, self.function.name, &self.output, &expected, 16)
    }
}

/// The derivative of the sigmoid, multiplied in.
pub struct Derivative {
    z: Vec<f32>,
    delta: Vec<f32>,
}

impl Derivative {
    /// For so many numbers.
    pub fn new(length: usize) -> Self {
        Derivative { z: uniform(length, 0.0, 1.0), delta: vec![0.0; length] }
    }
}

impl Fixture for Derivative {
    fn kernel(&self) -> String {
        "derivative".to_owned()
    }

    fn size(&self) -> String {
        size(self.z.len())
    }

    fn work(&self) -> Work {
        let numbers = self.z.len();
        Work::new(Kind::Elementwise, numbers, 2 * numbers, numbers)
    }

    /// Of deltas that are zero, and stay so: multiplied in place again and again, others would become subnormal, and slow.
    fn run(&mut self, level: Level) {
        kernels::multiply_by_derivative(level, Slope::OfSigmoid, &self.z, &mut self.delta);
    }

    fn check(&mut self, level: Level) -> Result<(), Disagreement> {
        self.delta.fill(2.0);
        self.run(level);
        let derivative = |z: &f32| 2.0 * reference::derivative_from(Slope::OfSigmoid, *z);
        let expected: Vec<f32> = self.z.iter().map(derivative).collect();
        let result = compare(level, "derivative", &self.delta, &expected, 1);
        self.delta.fill(0.0);
        result
    }
}

/// Gradient descent with momentum.
pub struct SgdStep {
    gradient: Vec<f32>,
    start: Vec<f32>,
    weights: Vec<f32>,
    velocity: Vec<f32>,
}

const SGD: Sgd = Sgd { learning_rate: 0.1, momentum: 0.9, scale: 1.0 / 32.0 };

impl SgdStep {
    /// For so many weights.
    pub fn new(length: usize) -> Self {
        let start = uniform(length, -0.5, 0.5);
        let (weights, velocity) = (start.clone(), vec![0.0; length]);
        SgdStep { gradient: uniform(length, -1.0, 1.0), start, weights, velocity }
    }
}

impl Fixture for SgdStep {
    fn kernel(&self) -> String {
        "sgd_step".to_owned()
    }

    fn size(&self) -> String {
        size(self.weights.len())
    }

    fn work(&self) -> Work {
        let numbers = self.weights.len();
        Work::new(Kind::Elementwise, numbers, 3 * numbers, 2 * numbers)
    }

    fn run(&mut self, level: Level) {
        kernels::sgd_step(level, SGD, &self.gradient, &mut self.weights, &mut self.velocity);
    }

    fn check(&mut self, level: Level) -> Result<(), Disagreement> {
        self.weights.copy_from_slice(&self.start);
        self.velocity.fill(0.0);
        self.run(level);
        let (mut weights, mut velocity) = (self.start.clone(), vec![0.0; self.start.len()]);
        reference::sgd_step(SGD, &self.gradient, &mut weights, &mut velocity);
        compare(level, "weights of sgd_step", &self.weights, &weights, 2)?;
        compare(level, "velocity of sgd_step", &self.velocity, &velocity, 2)
    }
}
