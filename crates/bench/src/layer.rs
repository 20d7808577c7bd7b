//! One layer and a minibatch, laid out as the matrix kernels want them.

use std::fmt;

use kernels::matrix::{
    self, BACKWARD_BLOCK, BackwardReaders, BlockGradient, BlockMut, Blocks, FORWARD_BLOCK, GRADIENT, LayerShape, PANEL,
    Panels, PanelsMut, ROW_MULTIPLE, Table, WayBack,
};
use kernels::{Activation, Level, Sgd, dispatch, reference};
use net::random::Random;

use crate::agreement::{Disagreement, compare};
use crate::aligned::Aligned;
use crate::fixture::{Fixture, Work};
use crate::results::Kind;

/// The kernels of a minibatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// [`matrix::forward`], with the sigmoid.
    Forward,
    /// [`matrix::forward_narrow`], with the sigmoid; for narrow layers only.
    ForwardNarrow,
    /// [`matrix::backward`], with the derivative of the sigmoid.
    Backward,
    /// [`BlockGradient::sum`] of all blocks.
    Gradient,
    /// [`BlockGradient::descend`] of all blocks, with momentum.
    Descend,
    /// [`matrix::backward_and_descend`], which is both at once; for narrow layers only.
    BackwardAndDescend,
}

impl fmt::Display for Kernel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Kernel::Forward => "forward",
            Kernel::ForwardNarrow => "forward_narrow",
            Kernel::Backward => "backward",
            Kernel::Gradient => "gradient",
            Kernel::Descend => "descend",
            Kernel::BackwardAndDescend => "backward_and_descend",
        })
    }
}

const ACTIVATION: Activation = Activation::Sigmoid;
const SGD: Sgd = Sgd { learning_rate: 0.1, momentum: 0.9, scale: 1.0 / 64.0 };

/// At most so many samples or units are compared with the specification: it is slow.
const COMPARED: usize = 16;

/// A layer with sigmoid units, and the activations and deltas of a minibatch before and behind it.
pub struct Layer {
    shape: LayerShape,
    samples: usize,
    rows: usize,
    /// (outputs, 1 + inputs), in book order.
    weights: Vec<f32>,
    /// (samples, inputs), between 0 and 1.
    z: Vec<f32>,
    /// (samples, outputs).
    delta: Vec<f32>,
    forward: Aligned,
    backward: Aligned,
    /// One group of samples: the panels of z, and then those of delta.
    group: Aligned,
    /// What forward and backward write.
    panels: Aligned,
    /// Of each block.
    gradient: Aligned,
    velocity: Aligned,
}

impl Layer {
    /// Random numbers for a layer from `inputs` to `outputs` units and a minibatch of `samples`.
    pub fn new(inputs: usize, outputs: usize, samples: usize) -> Self {
        let shape = LayerShape { inputs, outputs };
        let rows = samples.next_multiple_of(ROW_MULTIPLE);
        let mut random = Random::new(3, 0);
        let mut uniform = |length: usize, low: f32, high: f32| -> Vec<f32> {
            (0..length).map(|_| low + (high - low) * random.unit()).collect()
        };
        let limit = 1.0 / (inputs as f32).sqrt();
        let weights = uniform(outputs * (1 + inputs), -limit, limit);
        let z = uniform(samples * inputs, 0.0, 1.0);
        let delta = uniform(samples * outputs, -1.0, 1.0);

        let mut group = Aligned::zeros(Panels::len(inputs, rows) + Panels::len(outputs, rows));
        let (z_panels, delta_panels) = group.split_at_mut(Panels::len(inputs, rows));
        write_panels(z_panels, inputs, rows, &z);
        write_panels(delta_panels, outputs, rows, &delta);
        let mut layer = Layer {
            shape,
            samples,
            rows,
            weights,
            z,
            delta,
            forward: Aligned::zeros(shape.blocks() * FORWARD_BLOCK),
            backward: Aligned::zeros(shape.blocks() * BACKWARD_BLOCK),
            group,
            panels: Aligned::zeros(Panels::len(inputs.max(outputs), rows)),
            gradient: Aligned::zeros(shape.blocks() * GRADIENT),
            velocity: Aligned::zeros(shape.blocks() * GRADIENT),
        };
        layer.reset();
        layer
    }

    /// The work of one run of `kernel`. Operations: 2 for each weight and sample; the update of a step is not counted. Each
    /// argument is read once, and each result written once.
    pub fn work(&self, kernel: Kernel) -> Work {
        let LayerShape { inputs, outputs } = self.shape;
        let (weights, parameters) = (inputs * outputs, outputs * (1 + inputs));
        let (flops, z, delta) = (2 * weights * self.samples, self.samples * inputs, self.samples * outputs);
        match kernel {
            Kernel::Forward | Kernel::ForwardNarrow => Work::new(Kind::Product, flops, parameters + z, delta),
            // z is read for the derivative, and as many deltas are written.
            Kernel::Backward => Work::new(Kind::Product, flops, weights + delta + z, z),
            Kernel::Gradient => Work::new(Kind::Product, flops, delta + z, parameters),
            // Velocity and weight are read; velocity and both copies of the weight are written.
            Kernel::Descend => Work::new(Kind::Product, flops, delta + z + 2 * parameters, 3 * parameters),
            Kernel::BackwardAndDescend => {
                Work::new(Kind::Product, 2 * flops, delta + z + 2 * parameters, z + 3 * parameters)
            }
        }
    }

    /// Runs `kernel` once, on the whole layer and minibatch.
    pub fn run(&mut self, kernel: Kernel, level: Level) {
        let Layer { shape, samples, rows, .. } = *self;
        let LayerShape { inputs, outputs } = shape;
        let (z, delta) = self.group.split_at(Panels::len(inputs, rows));
        let blocks = Blocks::new(&self.forward, &self.backward, shape);
        match kernel {
            Kernel::Forward => {
                let z = Panels::new(z, inputs, rows);
                let z_out = PanelsMut::new(&mut self.panels[..Panels::len(outputs, rows)], outputs, rows);
                dispatch!(level, simd => matrix::forward(simd, blocks, z, samples, Some(ACTIVATION), z_out));
            }
            Kernel::ForwardNarrow => {
                let z = Panels::new(z, inputs, rows);
                let z_out = &mut self.panels[..outputs * rows];
                dispatch!(level, simd => matrix::forward_narrow(simd, blocks, z, samples, Some(ACTIVATION), z_out));
            }
            Kernel::Backward => {
                let (z, delta) = (Panels::new(z, inputs, rows), Panels::new(delta, outputs, rows));
                let delta_in = PanelsMut::new(&mut self.panels[..Panels::len(inputs, rows)], inputs, rows);
                dispatch!(level, simd => matrix::backward(simd, blocks, delta, samples, ACTIVATION.slope(), z, (delta_in, 0)));
            }
            Kernel::Gradient => {
                let (z, delta) = (Panels::new(z, inputs, rows), Panels::new(delta, outputs, rows));
                dispatch!(level, simd => shape.for_each_block(0..shape.blocks(), samples, #[inline(always)] |at, block| {
                    let gradient = BlockGradient { shape, block, z, delta, samples };
                    gradient.sum(simd, &mut self.gradient[at * GRADIENT..][..GRADIENT], false);
                }));
            }
            Kernel::Descend => {
                let (z, delta) = (Panels::new(z, inputs, rows), Panels::new(delta, outputs, rows));
                dispatch!(level, simd => shape.for_each_block(0..shape.blocks(), samples, #[inline(always)] |at, block| {
                    let gradient = BlockGradient { shape, block, z, delta, samples };
                    let forward = &mut self.forward[at * FORWARD_BLOCK..][..FORWARD_BLOCK];
                    let backward = &mut self.backward[at * BACKWARD_BLOCK..][..BACKWARD_BLOCK];
                    let velocity = &mut self.velocity[at * GRADIENT..][..GRADIENT];
                    gradient.descend(simd, SGD, BackwardReaders::Writer, None, BlockMut { forward, backward }, velocity);
                }));
            }
            Kernel::BackwardAndDescend => {
                let (z, delta) = (Panels::new(z, inputs, rows), Panels::new(delta, outputs, rows));
                let delta_in = PanelsMut::new(&mut self.panels[..Panels::len(inputs, rows)], inputs, rows);
                let mut way_back = WayBack { slope: ACTIVATION.slope(), derivatives: z, delta_in };
                dispatch!(level, simd => shape.for_each_block(0..shape.blocks(), samples, #[inline(always)] |at, block| {
                    let gradient = BlockGradient { shape, block, z, delta, samples };
                    let forward = &mut self.forward[at * FORWARD_BLOCK..][..FORWARD_BLOCK];
                    let backward = &mut self.backward[at * BACKWARD_BLOCK..][..BACKWARD_BLOCK];
                    let velocity = &mut self.velocity[at * GRADIENT..][..GRADIENT];
                    let block = BlockMut { forward, backward };
                    matrix::backward_and_descend(simd, gradient, &mut way_back, SGD, None, block, velocity);
                }));
            }
        }
    }

    /// Runs `kernel` once and compares a part of its results with the specification.
    ///
    /// # Errors
    /// If they differ.
    pub fn check(&mut self, kernel: Kernel, level: Level) -> Result<(), Disagreement> {
        self.reset();
        let Layer { shape, samples, .. } = *self;
        let LayerShape { inputs, outputs } = shape;
        let what = kernel.to_string();
        match kernel {
            Kernel::Forward | Kernel::ForwardNarrow | Kernel::Backward => {
                self.run(kernel, level);
                self.check_rows(kernel, level)?;
            }
            Kernel::Gradient => {
                self.run(kernel, level);
                let found = self.gradient_in_book_order();
                for unit in (0..outputs).step_by(outputs.div_ceil(COMPARED)) {
                    let delta: Vec<f32> = self.delta.iter().skip(unit).step_by(outputs).copied().collect();
                    let mut expected = vec![0.0; 1 + inputs];
                    reference::gradient(inputs, &delta, &self.z, &mut expected);
                    compare(level, &what, &found[unit * (1 + inputs)..][..1 + inputs], &expected, samples)?;
                }
            }
            Kernel::Descend | Kernel::BackwardAndDescend => {
                self.run(Kernel::Gradient, level);
                let (mut expected, mut velocity) = (self.weights.clone(), vec![0.0; self.weights.len()]);
                reference::sgd_step(SGD, &self.gradient_in_book_order(), &mut expected, &mut velocity);
                self.run(kernel, level);
                let mut found = vec![0.0; expected.len()];
                matrix::read_blocks(shape, &self.forward, &mut found);
                compare(level, &what, &found, &expected, 2)?;
                if kernel == Kernel::BackwardAndDescend {
                    self.check_rows(kernel, level)?;
                }
            }
        }
        Ok(())
    }

    /// Compares what a kernel that has a result for each sample has left in the panels.
    fn check_rows(&self, kernel: Kernel, level: Level) -> Result<(), Disagreement> {
        let Layer { shape: LayerShape { inputs, outputs }, samples, rows, .. } = *self;
        let is_backward = matches!(kernel, Kernel::Backward | Kernel::BackwardAndDescend);
        for sample in (0..samples).step_by(samples.div_ceil(COMPARED)) {
            let z = &self.z[sample * inputs..][..inputs];
            let delta = &self.delta[sample * outputs..][..outputs];
            let (units, steps) = if is_backward { (inputs, outputs) } else { (outputs, inputs) };
            let mut expected = vec![0.0; units];
            if is_backward {
                reference::backward(&self.weights, inputs, delta, &mut expected);
                for (sum, z) in expected.iter_mut().zip(z) {
                    *sum *= reference::derivative_from(ACTIVATION.slope(), *z);
                }
            } else {
                reference::forward(&self.weights, inputs, z, &mut expected);
                expected.iter_mut().for_each(|a| *a = reference::activate(ACTIVATION, *a));
            }
            let found = (0..units).map(|unit| match kernel {
                Kernel::ForwardNarrow => self.panels[unit * rows + sample],
                _ => self.panels[unit / PANEL * Panels::stride(rows) + sample * PANEL + unit % PANEL],
            });
            compare(level, &kernel.to_string(), &found.collect::<Vec<_>>(), &expected, steps)?;
        }
        Ok(())
    }

    fn reset(&mut self) {
        matrix::write_blocks(self.shape, &self.weights, &mut self.forward, &mut self.backward);
        self.velocity.fill(0.0);
    }

    fn gradient_in_book_order(&self) -> Vec<f32> {
        let mut gradient = vec![0.0; self.weights.len()];
        for (place, sums) in places(self.shape).zip(self.gradient.chunks_exact(GRADIENT)) {
            matrix::write_gradient(self.shape, place, sums, &mut gradient);
        }
        gradient
    }
}

/// (output panel, input panel) of each block, in their order.
fn places(shape: LayerShape) -> impl Iterator<Item = (usize, usize)> {
    (0..shape.blocks()).map(move |block| (block / shape.input_panels(), block % shape.input_panels()))
}

/// Writes (samples, units) in row-major order to panels.
fn write_panels(numbers: &mut [f32], units: usize, rows: usize, samples: &[f32]) {
    let panels = PanelsMut::new(numbers, units, rows);
    let table = Table::new(samples, units);
    dispatch!(Level::best(), simd => matrix::gather_rows(simd, table, samples.len() / units, |row| row, panels));
}

/// One kernel of a minibatch, with a layer of its own.
pub struct LayerKernel {
    kernel: Kernel,
    layer: Layer,
}

impl LayerKernel {
    /// `kernel` on a layer from `inputs` to `outputs` units and a minibatch of `samples`.
    pub fn new(kernel: Kernel, inputs: usize, outputs: usize, samples: usize) -> Self {
        LayerKernel { kernel, layer: Layer::new(inputs, outputs, samples) }
    }

    /// The kernels that serve a layer from `inputs` to `outputs` units.
    pub fn kernels(inputs: usize, outputs: usize) -> &'static [Kernel] {
        match (LayerShape { inputs, outputs }).is_narrow() {
            false => &[Kernel::Forward, Kernel::Backward, Kernel::Gradient, Kernel::Descend],
            true => &[
                Kernel::ForwardNarrow,
                Kernel::Backward,
                Kernel::Gradient,
                Kernel::Descend,
                Kernel::BackwardAndDescend,
            ],
        }
    }
}

impl Fixture for LayerKernel {
    fn kernel(&self) -> String {
        self.kernel.to_string()
    }

    fn size(&self) -> String {
        let LayerShape { inputs, outputs } = self.layer.shape;
        format!("{inputs}-{outputs}, batch {}", self.layer.samples)
    }

    fn work(&self) -> Work {
        self.layer.work(self.kernel)
    }

    fn run(&mut self, level: Level) {
        self.layer.run(self.kernel, level);
    }

    fn check(&mut self, level: Level) -> Result<(), Disagreement> {
        self.layer.check(self.kernel, level)
    }
}
