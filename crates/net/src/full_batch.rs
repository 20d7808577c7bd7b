//! Training on all samples at once, with L-BFGS.

use std::fmt;
use std::ops::ControlFlow;
use std::time::Instant;

use kernels::Level;
use kernels::matrix::LayerShape;

use crate::engine::Engine;
use crate::lbfgs::{Memory, Objective, Point};
use crate::loss::LossSum;
use crate::memory;
use crate::parallel::{Pool, Team};
use crate::tuning::Tunings;
use crate::{Dataset, Error, Network, Threads};

/// How to train with [`Lbfgs`].
#[derive(Clone, Debug, PartialEq)]
pub struct LbfgsOptions {
    /// Steps, each over all samples, at most; at least 1.
    pub iterations: usize,
    /// The steps that the curvature is learnt from; at least 1.
    pub history: usize,
    /// Training ends when no component of the gradient is larger than this. At least 0 and finite.
    pub tolerance: f32,
    /// L2 regularisation: weight_decay |w|^2 / 2 is added to the loss, without the biases. At least 0 and finite.
    pub weight_decay: f32,
    /// The threads. They change how long training takes, and no bit of its result.
    pub threads: Threads,
    /// The SIMD level; networks of a few units in each layer are computed at a narrower one ([`Level::for_units`]). The levels that
    /// fuse multiply and add give the same bits.
    pub level: Level,
}

impl Default for LbfgsOptions {
    /// Up to 200 iterations with a history of 10, to a gradient of 1e-5, at the best level, on one thread.
    fn default() -> Self {
        LbfgsOptions {
            iterations: 200,
            history: 10,
            tolerance: 1e-5,
            weight_decay: 0.0,
            threads: Threads::default(),
            level: Level::best(),
        }
    }
}

impl LbfgsOptions {
    fn validate(&self) -> Result<(), Error> {
        let error = |name, value: String, range| Err(Error::Setting { name, value, range });
        for (name, value) in [("iterations", self.iterations), ("history of L-BFGS", self.history)] {
            if value == 0 {
                return error(name, value.to_string(), "at least 1");
            }
        }
        for (name, value) in [("tolerance of the gradient", self.tolerance), ("weight decay", self.weight_decay)] {
            if !(value >= 0.0 && value.is_finite()) {
                return error(name, value.to_string(), "at least 0 and finite");
            }
        }
        Ok(())
    }
}

/// What the callback of [`Lbfgs::train`] learns after an iteration.
#[derive(Clone, Copy, Debug)]
pub struct Iteration<'a> {
    /// This iteration, counted from 1.
    pub number: usize,
    /// Iterations in all, at most.
    pub of: usize,
    /// The mean loss over the samples after it, in nats, without the regularisation.
    pub mean_loss: f64,
    /// What is minimised: that loss and the regularisation.
    pub objective: f64,
    /// The largest magnitude in the gradient of the objective.
    pub gradient: f64,
    /// How often the gradient was computed so far.
    pub evaluations: usize,
    /// How long the iteration took.
    pub seconds: f64,
    /// The network after it.
    pub network: &'a Network,
}

/// Why [`Lbfgs::train`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LbfgsEnding {
    /// The gradient is within the tolerance.
    Converged,
    /// No step lowers the loss by more than the rounding of f32 hides.
    Precision,
    /// All iterations are done.
    Iterations,
    /// The callback said so.
    Stopped,
}

impl fmt::Display for LbfgsEnding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            LbfgsEnding::Converged => "converged",
            LbfgsEnding::Precision => "converged as far as single precision reaches",
            LbfgsEnding::Iterations => "all iterations are done",
            LbfgsEnding::Stopped => "stopped",
        })
    }
}

/// Trains a [`Network`] on all samples at once with L-BFGS (D. C. Liu and J. Nocedal 1989). For small data sets and networks
/// it finds a minimum in fewer passes than steps over minibatches do, without a learning rate.
///
/// The same network, data, options and version give the same bits, whatever the thread count and, among the levels that
/// fuse, whatever the level.
///
/// ```
/// use net::{Dataset, Lbfgs, LbfgsOptions, Network};
///
/// // Logistic regression: t = 1 is the more frequent, the larger x is.
/// let data = Dataset::new(1, vec![-2.0, -1.0, 0.0, 0.0, 1.0, 2.0], vec![0.0, 1.0, 0.0, 1.0, 0.0, 1.0])?;
/// let options = LbfgsOptions { weight_decay: 0.01, ..Default::default() };
/// let mut trainer = Lbfgs::new(Network::builder(1).build()?, options)?;
/// let ending = trainer.train(&data, |_iteration| std::ops::ControlFlow::Continue(()))?;
/// assert_eq!(ending, net::LbfgsEnding::Converged);
/// assert!(trainer.network().prob_t1(&[2.0])? > trainer.network().prob_t1(&[-2.0])?);
/// # Ok::<(), net::Error>(())
/// ```
#[derive(Debug)]
pub struct Lbfgs {
    network: Network,
    options: LbfgsOptions,
    pool: Pool,
    engine: Engine,
    tunings: Tunings,
}

impl Lbfgs {
    /// Prepares to train `network`.
    ///
    /// # Errors
    /// If an option is out of its range, memory cannot hold the history, or the threads cannot be had.
    pub fn new(network: Network, options: LbfgsOptions) -> Result<Lbfgs, Error> {
        options.validate()?;
        // A change of the weights and of the gradient for each step.
        let of_step = 2 * size_of::<f64>() * network.parameters.count();
        memory::check("the history of L-BFGS", options.history.checked_mul(of_step))?;
        let pool = Pool::new(options.threads)?;
        let engine = Engine::for_gradients(&network);
        let tunings = Tunings::new(pool.threads());
        Ok(Lbfgs { network, options, pool, engine, tunings })
    }

    /// Trains on `data` until it converges, the iterations are done, or `on_iteration`, which may look on after each, stops
    /// it. Nothing is known of earlier calls but their weights.
    ///
    /// # Errors
    /// If the data has another number of inputs or other targets than the network, or the loss of the weights to start from or a
    /// gradient is not finite.
    pub fn train(
        &mut self,
        data: &Dataset,
        mut on_iteration: impl FnMut(&Iteration<'_>) -> ControlFlow<()> + Send,
    ) -> Result<LbfgsEnding, Error> {
        data.check_fits(&self.network.shape)?;
        self.tunings.doubt();
        Pool::run_entered(self, |trainer| &mut trainer.pool, |trainer| trainer.iterate(data, &mut on_iteration))
    }

    fn iterate(
        &mut self,
        data: &Dataset,
        on_iteration: &mut impl FnMut(&Iteration<'_>) -> ControlFlow<()>,
    ) -> Result<LbfgsEnding, Error> {
        let Lbfgs { network, options, engine, tunings, pool } = self;
        let is_alone = pool.is_nested();
        let x = flat(network);
        let is_bias = network.shape.layers().flat_map(|LayerShape { inputs, outputs }| {
            (0..outputs * (1 + inputs)).map(move |at| at % (1 + inputs) == 0)
        });
        let (is_bias, order) = (is_bias.collect(), (0..data.rows() as u32).collect());
        let mut loss = Loss { network, options, engine, tunings, is_alone, data, order, is_bias };
        let mut point = Point::new(&mut loss, x);
        if !point.value.is_finite() {
            return Err(Error::Data(format!(
                "the loss of the weights to start from is {}; make sure that the features are standardised",
                point.value
            )));
        }
        let (mut memory, mut evaluations) = (Memory::new(options.history), 1);
        let mut ending = LbfgsEnding::Iterations;
        for number in 1..=options.iterations {
            let steepness = point.steepness();
            if !steepness.is_finite() {
                loss.set_weights(&point.x);
                return Err(Error::Data(format!(
                    "the gradient has a component that is {steepness}; make sure that the features are standardised"
                )));
            }
            if steepness <= f64::from(options.tolerance) {
                ending = LbfgsEnding::Converged;
                break;
            }
            let start = Instant::now();
            let Some(taken) = memory.step(&mut loss, &mut point) else {
                ending = LbfgsEnding::Precision;
                break;
            };
            evaluations += taken;
            loss.set_weights(&point.x);
            let seconds = start.elapsed().as_secs_f64();
            let iteration = Iteration {
                number,
                of: options.iterations,
                mean_loss: point.value - loss.regularisation(&point.x),
                objective: point.value,
                gradient: point.steepness(),
                evaluations,
                seconds,
                network: loss.network,
            };
            if on_iteration(&iteration).is_break() {
                ending = LbfgsEnding::Stopped;
                break;
            }
        }
        loss.set_weights(&point.x);
        Ok(ending)
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The trained network.
    pub fn into_network(self) -> Network {
        self.network
    }
}

/// The weights of all layers in book order, one layer after the other.
fn flat(network: &Network) -> Vec<f32> {
    (1..=network.shape.layers().len()).flat_map(|layer| network.weights(layer)).collect()
}

/// Samples of which the gradient is a sum in f32; such sums are added up in f64. Enough for threads to share out.
const CHUNK: usize = 1024;

/// The regularised mean loss of a data set as a function of the weights.
struct Loss<'a> {
    network: &'a mut Network,
    options: &'a LbfgsOptions,
    engine: &'a mut Engine,
    tunings: &'a mut Tunings,
    /// Whether one thread is to compute alone.
    is_alone: bool,
    data: &'a Dataset,
    order: Vec<u32>,
    is_bias: Vec<bool>,
}

impl Loss<'_> {
    fn set_weights(&mut self, x: &[f32]) {
        let mut rest = x;
        for (layer, LayerShape { inputs, outputs }) in self.network.shape.layers().enumerate() {
            let (weights, others) = rest.split_at(outputs * (1 + inputs));
            self.network.parameters.set_book_order(layer, weights);
            rest = others;
        }
    }

    /// weight_decay |w|^2 / 2.
    fn regularisation(&self, x: &[f32]) -> f64 {
        let weights = x.iter().zip(&self.is_bias).filter(|(_, is_bias)| !**is_bias);
        f64::from(self.options.weight_decay) / 2.0 * weights.map(|(w, _)| f64::from(*w) * f64::from(*w)).sum::<f64>()
    }
}

impl Objective for Loss<'_> {
    fn evaluate(&mut self, x: &[f32], gradient: &mut [f64]) -> f64 {
        self.set_weights(x);
        gradient.fill(0.0);
        let Loss { network, options, engine, tunings, is_alone, data, order, is_bias } = self;
        let mut loss = LossSum::default();
        for chunk in order.chunks(CHUNK) {
            let tuning = tunings.of(chunk.len(), &engine.kinds(chunk.len()));
            let mut sum = |team| engine.gradient(network, options.level, data, chunk, team);
            let of_chunk = if *is_alone { sum(Team::ALONE) } else { tuning.step(sum) };
            engine.add_gradient(network, gradient);
            loss.sum += of_chunk.sum;
            loss.weight += of_chunk.weight;
        }
        let decay = f64::from(options.weight_decay);
        for ((g, weight), is_bias) in gradient.iter_mut().zip(x).zip(is_bias) {
            *g = *g / loss.weight + if *is_bias { 0.0 } else { decay * f64::from(*weight) };
        }
        loss.sum / loss.weight + self.regularisation(x)
    }
}
