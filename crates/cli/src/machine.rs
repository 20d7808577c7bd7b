//! The part of the machine that a run uses.

use std::num::NonZero;
use std::thread::available_parallelism;

use anyhow::{Result, anyhow};
use clap::Args;
use model::Compute;
use net::{LEVEL_VARIABLE, Level};

use crate::values;

/// Arguments of every subcommand that computes. They change how fast it goes, and no bit of the result (but for the portable
/// level, which rounds products once more).
#[derive(Args)]
#[command(next_help_heading = "Machine")]
pub struct Machine {
    /// Threads to compute with [default: as many as this process is granted]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    threads: Option<usize>,

    #[command(flatten)]
    simd: Simd,
}

/// The argument of a subcommand that computes little.
#[derive(Args)]
#[command(next_help_heading = "Machine")]
pub struct Simd {
    /// SIMD level, one of those that `backprop info` lists [default: $BACKPROP_LEVEL, or else the best one]
    #[arg(long)]
    level: Option<Level>,
}

impl Simd {
    /// What to compute with.
    ///
    /// # Errors
    /// If the environment asks for a level that this machine does not have.
    pub fn level(&self) -> Result<Level> {
        let of_environment = || Level::from_environment().map_err(|error| anyhow!("${LEVEL_VARIABLE}: {error}"));
        self.level.map_or_else(of_environment, Ok)
    }
}

impl Machine {
    /// What to compute with.
    ///
    /// # Errors
    /// If the environment asks for a level that this machine does not have.
    pub fn compute(&self) -> Result<Compute> {
        Ok(Compute { threads: self.threads.unwrap_or_else(granted_threads), level: self.simd.level()? })
    }
}

/// The number of threads that this process may run at once. Affinity and cgroup limits count.
pub fn granted_threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}
