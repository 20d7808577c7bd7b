//! Multilayer perceptrons for the CPU: networks, backpropagation and training, on the kernels of [`kernels`].
//!
//! # The convention
//!
//! The output unit is y = **p(t = 0 given x)**, the probability of class 0. That is what the mathematics of this project
//! says, and a trap for everyone used to the other one; so no function is called just "output" or "probability":
//! [`prob_t0`](Predictor::prob_t0) is y, and [`prob_t1`](Predictor::prob_t1) is 1 - y, computed as sigma(-a).
//!
//! [`OutputLayer`] has the other output layers: several sigmoids of the same convention, a softmax for one of several
//! classes, and the identity for real targets.
//!
//! # An example
//!
//! ```
//! use net::{Dataset, Network, Predictor, Trainer, TrainingOptions};
//!
//! // Four samples of two features, and their classes t: exclusive or.
//! let features = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].concat();
//! let data = Dataset::new(2, features.clone(), vec![0.0, 1.0, 1.0, 0.0])?;
//!
//! let network = Network::builder(2).hidden(&[8]).seed(1).build()?;
//! let options = TrainingOptions { epochs: 2000, batch_size: 4, ..Default::default() };
//! let mut trainer = Trainer::new(network, options)?;
//! trainer.train(&data, |_epoch| std::ops::ControlFlow::Continue(()))?;
//!
//! let network = trainer.into_network();
//! let mut p = [0.0; 4];
//! Predictor::new(&network).prob_t1(&features, &mut p)?;
//! assert!(p[0] < 0.1 && p[1] > 0.9 && p[2] > 0.9 && p[3] < 0.1);
//! # Ok::<(), net::Error>(())
//! ```
//!
//! # The formulas and their functions
//!
//! | formula | function |
//! |---|---|
//! | a = W z + w0 | [`kernels::matvec`](fn@kernels::matvec), [`kernels::matrix::forward`] |
//! | sigma(a) = 1 / (1 + exp(-a)) | [`kernels::sigmoid`](fn@kernels::sigmoid) |
//! | L = (1 - t) softplus(-a) + t softplus(a) | [`Textbook::loss`](textbook::Textbook::loss) |
//! | delta^(L) = sigma(a^(L)) - (1 - t) | [`Textbook::output_deltas`](textbook::Textbook::output_deltas) |
//! | delta^(l-1) = (W^T delta^(l)) dz/da | [`kernels::matvec_transposed`](fn@kernels::matvec_transposed), [`kernels::matrix::backward`] |
//! | dz/da | [`kernels::derivative`], [`kernels::matrix::activate_with_slopes`] |
//! | dL/dW = delta z^T | [`kernels::outer_product`](fn@kernels::outer_product), [`kernels::matrix::BlockGradient::sum`] |
//! | w <- w - learning_rate dL/dw | [`kernels::sgd_step`], [`kernels::matrix::BlockGradient::descend`] |
//! | the other optimisers | [`kernels::update_weights`], [`kernels::matrix::update_block`](fn@kernels::matrix::update_block) |
//!
//! # Where things live
//!
//! - [`Network`] (shape and weights), [`OutputLayer`] (what its output means), [`Dataset`] (samples and targets).
//! - [`Optimizer`], [`Schedule`]: how the gradient changes the weights, and by how much.
//! - [`Trainer`]: minibatches on threads. [`Run`]: on which data, validated how, who looks on. [`EarlyStopping`], [`Scorer`],
//!   [`History`]: the best weights and the learning curves. [`checkpoint`]: a training that goes on another day.
//! - [`Lbfgs`]: all samples at once. [`Predictor`]: predictions for many rows.
//! - [`textbook`]: the same, one sample at a time, beside the formulas; the same bits.
//! - [`explanation`]: every number of one sample's four steps. [`gradient_check`]: whether the gradient is right.
//! - [`metrics`]: how good predictions are. [`temperature`]: probabilities that are as sure as they should be.
//! - [`mod@format`]: model files, on [`container`]: safetensors with a description and a [`digest`]. [`mod@file`]: files that
//!   are never half written. [`memory`]: whether there is enough. [`random`]: the random numbers.

mod buffer;
mod by_samples;
mod by_units;
pub mod checkpoint;
pub mod container;
mod dataset;
pub mod digest;
mod early_stopping;
mod elementary;
mod engine;
mod error;
pub mod explanation;
pub mod file;
pub mod format;
mod forward_sweep;
mod full_batch;
pub mod gradient_check;
mod history;
mod in_turn;
mod layer;
mod lbfgs;
mod loss;
pub mod memory;
pub mod metrics;
mod network;
mod optimizer;
mod output_layer;
mod parallel;
mod parameters;
mod patience;
mod predictor;
pub mod random;
mod replicas;
mod row_sweep;
mod run;
mod sample_sweep;
mod schedule;
mod scorer;
mod shape;
pub mod temperature;
pub mod textbook;
mod trainer;
mod tuning;
mod unit_shares;
mod weight_sweep;
mod workspace;

pub use dataset::{Dataset, TargetKind};
pub use early_stopping::{EarlyStopping, Monitor};
pub use error::Error;
pub use full_batch::{Iteration, Lbfgs, LbfgsEnding, LbfgsOptions};
pub use history::{EpochRecord, History};
pub use kernels::activation::UnknownActivation;
pub use kernels::matrix::LayerShape;
pub use kernels::{Activation, Dropout, LEVEL_VARIABLE, Level, LevelError};
pub use network::{Network, NetworkBuilder};
pub use optimizer::Optimizer;
pub use output_layer::{OutputLayer, UnknownOutputLayer};
pub use parallel::Threads;
pub use patience::Goal;
pub use predictor::Predictor;
pub use run::{Batch, Ending, Epoch, Run};
pub use schedule::Schedule;
pub use scorer::Scorer;
pub use shape::Shape;
pub use trainer::{Trainer, TrainingOptions};
