//! Training, timed.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use net::{Dataset, Level, Network, Optimizer, Threads, Trainer, TrainingOptions};

use crate::workload::Workload;

/// Samples in an epoch: so many that the shuffle and the final look at the weights, once in each, weigh as little as they do
/// in earnest.
pub const EPOCH: usize = 2048;

/// Samples in an epoch where time is short: wide networks take seconds for [`EPOCH`] at the scalar level.
pub const SHORT_EPOCH: usize = EPOCH / 2;

/// A network in training, on data that is trained on again and again.
pub struct Training {
    trainer: Trainer,
    data: Dataset,
}

impl Training {
    /// Prepares to train the network of `workload`, with plain gradient descent, in epochs of [`EPOCH`] samples.
    ///
    /// # Errors
    /// If the threads cannot be had.
    pub fn new(workload: &Workload, level: Level, threads: usize) -> Result<Self, net::Error> {
        Training::in_epochs_of(EPOCH, workload, level, threads)
    }

    /// The same, in epochs of `samples`, or of whole minibatches near that, and two at least.
    ///
    /// # Errors
    /// If the threads cannot be had.
    pub fn in_epochs_of(samples: usize, workload: &Workload, level: Level, threads: usize) -> Result<Self, net::Error> {
        let trainer = Trainer::new(workload.network(), options(workload, level, threads))?;
        let minibatches = (samples / workload.batch_size).max(2);
        Ok(Training { trainer, data: workload.data(minibatches * workload.batch_size) })
    }

    /// Runs `body`, which trains for an epoch with each call of its argument, with the threads called together once.
    pub fn session<R: Send>(&mut self, body: impl FnOnce(&mut dyn FnMut() -> Result<(), net::Error>) -> R + Send) -> R {
        let Training { trainer, data } = self;
        trainer.session(|trainer| body(&mut || trainer.epoch(data).map(|_loss| ())))
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        self.trainer.network()
    }

    /// Samples in an epoch.
    pub fn samples(&self) -> usize {
        self.data.rows()
    }

    /// Trains for `time`, and at least for two epochs, and returns the samples per second of the fastest epoch.
    ///
    /// # Errors
    /// If the training diverges.
    pub fn fastest(&mut self, time: Duration) -> Result<f64, net::Error> {
        let shortest = self.session(|epoch| {
            let mut shortest = f64::INFINITY;
            let start = Instant::now();
            let mut epochs = 0;
            while epochs < 2 || start.elapsed() < time {
                let this = Instant::now();
                epoch()?;
                shortest = shortest.min(this.elapsed().as_secs_f64());
                epochs += 1;
            }
            Ok(shortest)
        })?;
        Ok(self.samples() as f64 / shortest)
    }
}

/// Trains the network of `workload` for `epochs` on two minibatches, and returns the mean loss of each epoch: the same
/// bits whatever the level, among those that fuse, and whatever the build.
pub fn losses(workload: &Workload, level: Level, epochs: usize) -> Vec<f64> {
    let options = TrainingOptions { epochs, ..options(workload, level, 1) };
    let mut trainer = Trainer::new(workload.network(), options).expect("sound options");
    let data = workload.data(2 * workload.batch_size);
    trainer.train(&data, |_epoch| ControlFlow::Continue(())).expect("training goes on");
    trainer.history().training_losses()
}

/// Plain gradient descent in minibatches of the workload.
pub fn options(workload: &Workload, level: Level, threads: usize) -> TrainingOptions {
    TrainingOptions {
        batch_size: workload.batch_size,
        optimizer: Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0 },
        threads: Threads::Own(threads),
        level,
        ..Default::default()
    }
}
