//! Worker programs that time other libraries on the networks that Backprop is measured on.
//!
//! Each program in `src/bin` implements [`Peer`] for one library and hands it to [`run`], which reads the command
//! line ([`job`]), makes the same random work that every other peer gets ([`workload`]), times it ([`measure`]), and
//! prints one line of JSON ([`report`]). The workers in `peers/python` keep the same protocol, described in
//! `peers/README.md`.

pub mod job;
pub mod measure;
pub mod report;
pub mod workload;

use anyhow::Result;
use clap::Parser as _;

use job::{Job, Mode};
use measure::measure;
use report::{Check, Report};
use workload::Workload;

/// How many steps of training the numerical check goes through.
const CHECKED_STEPS: usize = 3;

/// A library that can train the network and predict with it.
///
/// Training is plain stochastic gradient descent on the mean binary cross entropy of a minibatch, with the
/// learning rate [`workload::LEARNING_RATE`]; prediction is p(target = 1) for each of [`Workload::rows`].
pub trait Peer: Sized {
    /// The peer's name in the report.
    const NAME: &'static str;
    /// The package in Cargo.lock whose version is reported.
    const PACKAGE: &'static str;
    /// What [`Peer::predict`] leaves in the library's own form.
    type Predictions;

    /// Brings weights and data into the library's own form. Not timed.
    fn new(workload: &Workload) -> Result<Self>;
    /// One step of training on one minibatch.
    fn step(&mut self, minibatch: usize) -> Result<()>;
    /// The predictions at the starting weights.
    fn predict(&mut self) -> Result<Self::Predictions>;

    /// The mean loss of one minibatch at the present weights, or `None` if the peer computes no loss.
    fn loss(&mut self, minibatch: usize) -> Result<Option<f64>>;
    /// The mean of some predictions, or `None` if the peer computes products only.
    fn mean(predictions: Self::Predictions) -> Result<Option<f64>>;
}

/// The whole of a worker's `main`.
pub fn run<P: Peer>() -> Result<()> {
    let job = Job::parse();
    use_threads(job.threads);
    let workload = Workload::new(&job.network, job.batch);
    let mut peer = P::new(&workload)?;
    let mut report = Report::new(P::NAME, P::PACKAGE, &job);
    match job.mode {
        Mode::Train => {
            let mut minibatches = (0..workload.minibatches.len()).cycle();
            report.speed(measure(job.seconds, || peer.step(minibatches.next().unwrap_or(0)))?);
        }
        Mode::Latency | Mode::Throughput => report.speed(measure(job.seconds, || peer.predict())?),
        Mode::Check => report.check(check(&mut peer)?),
    }
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

fn check<P: Peer>(peer: &mut P) -> Result<Check> {
    let predictions = peer.predict()?;
    let mean_prediction = P::mean(predictions)?;
    let mut losses = Vec::new();
    for minibatch in 0..CHECKED_STEPS {
        losses.extend(peer.loss(minibatch)?);
        peer.step(minibatch)?;
    }
    Ok(Check { losses, mean_prediction })
}

/// The libraries take their thread count from rayon's environment variable, which they read at first use.
fn use_threads(threads: usize) {
    // SAFETY: called at the start of main, before anything has started a second thread.
    unsafe { std::env::set_var("RAYON_NUM_THREADS", threads.to_string()) };
}
