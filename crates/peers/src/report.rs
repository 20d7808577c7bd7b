//! The one line of JSON that a worker prints.

use serde::Serialize;

use crate::job::{Job, Mode};

/// What was run and what came out of it.
#[derive(Serialize)]
pub struct Report {
    peer: &'static str,
    version: String,
    network: String,
    batch: usize,
    threads: usize,
    mode: Mode,
    #[serde(flatten)]
    outcome: Option<Outcome>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome {
    Speed(Speed),
    Check(Check),
}

/// The median over the repeats, and each repeat.
#[derive(Serialize)]
struct Speed {
    samples_per_second: f64,
    /// Microseconds for one step or one prediction of the whole batch.
    microseconds: f64,
    repeats: Vec<f64>,
}

/// Figures that must agree between peers: see `peers/README.md`.
#[derive(Serialize)]
pub struct Check {
    /// The loss of minibatch k before step k.
    pub losses: Vec<f64>,
    /// The mean prediction at the starting weights.
    pub mean_prediction: Option<f64>,
}

impl Report {
    /// A report without an outcome as yet.
    pub fn new(peer: &'static str, package: &str, job: &Job) -> Self {
        Report {
            peer,
            version: locked_version(package).to_owned(),
            network: job.network.to_string(),
            batch: job.batch,
            threads: job.threads,
            mode: job.mode,
            outcome: None,
        }
    }

    /// Adds the seconds per call that were measured.
    pub fn speed<const N: usize>(&mut self, seconds_per_call: [f64; N]) {
        let batch = self.batch as f64;
        let mut sorted = seconds_per_call;
        sorted.sort_by(f64::total_cmp);
        let median = sorted[N / 2];
        self.outcome = Some(Outcome::Speed(Speed {
            samples_per_second: batch / median,
            microseconds: 1e6 * median,
            repeats: seconds_per_call.iter().map(|seconds| batch / seconds).collect(),
        }));
    }

    /// Adds the figures of the numerical check.
    pub fn check(&mut self, check: Check) {
        self.outcome = Some(Outcome::Check(check));
    }
}

/// The version of a package in this crate's lock file.
fn locked_version(package: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let entry = format!("name = \"{package}\"\nversion = \"");
    let Some(start) = lock.find(&entry) else { return "unknown" };
    lock[start + entry.len()..].split('"').next().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_lock_file() {
        assert_eq!(locked_version("peers"), env!("CARGO_PKG_VERSION"));
        assert_eq!(locked_version("no-such-package"), "unknown");
    }
}
