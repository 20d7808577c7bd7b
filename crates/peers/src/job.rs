//! The command line that every worker understands.

use std::str::FromStr;

use anyhow::{Context as _, Error, ensure};
use clap::{Parser, ValueEnum};
use serde::Serialize;

/// Times one library on one network and prints one line of JSON.
#[derive(Parser)]
pub struct Job {
    /// Widths of the layers, inputs first: 28-64-64-1
    #[arg(long)]
    pub network: Network,
    /// Rows of a minibatch, or rows predicted at once
    #[arg(long)]
    pub batch: usize,
    /// Threads that the library may use
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// What to time
    #[arg(long, value_enum, default_value_t = Mode::Train)]
    pub mode: Mode,
    /// How long to measure, after the warm-up
    #[arg(long, default_value_t = 1.0)]
    pub seconds: f64,
}

/// What a worker does with the network.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Steps of training, each on the next minibatch
    Train,
    /// Predictions of one small batch, again and again
    Latency,
    /// Predictions of one large batch, again and again
    Throughput,
    /// Nothing is timed: a few steps, whose losses must equal those of every other peer
    Check,
}

/// The widths of a network's layers, inputs first; the last is one unit.
#[derive(Clone)]
pub struct Network(pub Vec<usize>);

impl Network {
    /// The number of features of a row.
    pub fn inputs(&self) -> usize {
        self.0[0]
    }

    /// (inputs, outputs) of every layer of weights, in order.
    pub fn layers(&self) -> impl Iterator<Item = (usize, usize)> {
        self.0.windows(2).map(|pair| (pair[0], pair[1]))
    }
}

impl FromStr for Network {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let widths = text.split('-').map(str::parse).collect::<Result<Vec<usize>, _>>();
        let widths = widths.with_context(|| format!("{text} is not a list of widths such as 28-64-64-1"))?;
        ensure!(widths.len() >= 2 && !widths.contains(&0), "{text} needs two or more layers, none of them empty");
        ensure!(widths.last() == Some(&1), "{text} must end in one output unit");
        Ok(Network(widths))
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: Vec<String> = self.0.iter().map(usize::to_string).collect();
        f.write_str(&widths.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_reads_back_as_it_was_written() {
        let network: Network = "28-64-64-1".parse().unwrap();
        assert_eq!(network.layers().collect::<Vec<_>>(), [(28, 64), (64, 64), (64, 1)]);
        assert_eq!(network.to_string(), "28-64-64-1");
    }

    #[test]
    fn a_network_that_is_none_is_refused() {
        for text in ["", "28", "28-0-1", "28-64-2", "28-x-1"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
