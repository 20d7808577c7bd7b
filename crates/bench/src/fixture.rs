//! Every kernel with arguments of its own: what it works on, how much work that is, and what comes out if it is right.

use kernels::Level;
use net::random::Random;

use crate::agreement::Disagreement;
use crate::elementwise::{Derivative, FUNCTIONS, Map, SgdStep};
use crate::layer::LayerKernel;
use crate::one_sample::{OneSample, Product};
use crate::results::Kind;

/// A kernel that can be run again and again.
pub trait Fixture {
    /// Its name, such as `sigmoid`.
    fn kernel(&self) -> String;

    /// What it works on, such as `300-300, batch 100`.
    fn size(&self) -> String;

    /// The work of one run.
    fn work(&self) -> Work;

    /// Runs it once.
    fn run(&mut self, level: Level);

    /// Runs it once, from its first state, and compares the results with the specification.
    ///
    /// # Errors
    /// If they differ.
    fn check(&mut self, level: Level) -> Result<(), Disagreement>;
}

/// How much there is to do in one run of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Which kind of work it is.
    pub kind: Kind,
    /// Numbers that are computed, by an elementwise kernel; additions and multiplications, by the others. (The operations
    /// of an elementwise kernel are an affair of its polynomial.)
    pub count: u64,
    /// Bytes that have to be read at least once.
    pub bytes_read: u64,
    /// Bytes that have to be written at least once.
    pub bytes_written: u64,
}

impl Work {
    /// Work with so many numbers of four bytes read and written.
    pub(crate) fn new(kind: Kind, count: usize, read: usize, written: usize) -> Self {
        let bytes = |numbers: usize| (size_of::<f32>() * numbers) as u64;
        Work { kind, count: count as u64, bytes_read: bytes(read), bytes_written: bytes(written) }
    }
}

/// Makes a fixture: they can be large, so that they are not all made at once.
pub type Prepare = Box<dyn Fn() -> Box<dyn Fixture>>;

/// The activations of 64 units for 32 samples, and of 300 units for 100: in the first and in the second level of cache.
const LENGTHS: [usize; 2] = [64 * 32, 300 * 100];

/// (inputs, outputs) of one layer, for one sample.
const MATRICES: [(usize, usize); 3] = [(64, 64), (300, 300), (1024, 1024)];

/// (inputs, outputs, samples) of layers of the workloads.
const LAYERS: [(usize, usize, usize); 7] = [
    (64, 64, 32),
    (300, 300, 100),
    (784, 256, 64),
    (1024, 1024, 512),
    // Narrow ones.
    (64, 1, 32),
    (300, 1, 100),
    (1024, 1, 512),
];

/// Every kernel, at every size that is measured.
pub fn all() -> Vec<Prepare> {
    fixtures(&LENGTHS, &MATRICES, &LAYERS)
}

/// Every kernel, at one size.
pub fn quick() -> Vec<Prepare> {
    fixtures(&LENGTHS[1..], &MATRICES[1..2], &[LAYERS[1], LAYERS[5]])
}

fn fixtures(lengths: &[usize], matrices: &[(usize, usize)], layers: &[(usize, usize, usize)]) -> Vec<Prepare> {
    let mut all: Vec<Prepare> = Vec::new();
    for &length in lengths {
        for function in &FUNCTIONS {
            all.push(Box::new(move || Box::new(Map::new(function, length))));
        }
        all.push(Box::new(move || Box::new(Derivative::new(length))));
        all.push(Box::new(move || Box::new(SgdStep::new(length))));
    }
    for &(inputs, outputs) in matrices {
        for product in Product::ALL {
            all.push(Box::new(move || Box::new(OneSample::new(product, inputs, outputs))));
        }
    }
    for &(inputs, outputs, samples) in layers {
        for &kernel in LayerKernel::kernels(inputs, outputs) {
            all.push(Box::new(move || Box::new(LayerKernel::new(kernel, inputs, outputs, samples))));
        }
    }
    all
}

/// Random numbers between `low` and `high`, always the same ones.
pub(crate) fn uniform(length: usize, low: f32, high: f32) -> Vec<f32> {
    let mut random = Random::new(1, 0);
    (0..length).map(|_| low + (high - low) * random.unit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_agrees_with_the_specification_also_after_it_was_run() {
        for prepare in quick() {
            let mut fixture = prepare();
            for level in Level::available() {
                fixture.run(level);
                fixture.check(level).expect("the bits of the specification");
            }
        }
    }

    #[test]
    fn work_is_counted_by_hand_for_a_small_layer() {
        let product = OneSample::new(Product::Matvec, 3, 2);
        // 3 x 2 weights, 2 biases and 3 inputs are read, and 2 numbers written.
        assert_eq!(product.work(), Work::new(Kind::Streaming, 12, 6 + 2 + 3, 2));
        let forward = LayerKernel::new(LayerKernel::kernels(8, 5)[0], 8, 5, 10);
        assert_eq!(forward.work(), Work::new(Kind::Product, 2 * 8 * 5 * 10, 5 * 9 + 10 * 8, 10 * 5));
        assert_eq!(Work::new(Kind::Product, 1, 2, 3).bytes_written, 12);
    }
}
