//! The command line.

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::bench::Bench;
use crate::describe::Describe;
use crate::failure;
use crate::info::Info;
use crate::predict::Predict;
use crate::train::Train;

/// A multilayer perceptron for tables with two classes, trained by backpropagation on the CPU.
///
/// The two classes are called t = 0 and t = 1. Everything that is printed or written speaks of p(t = 1), the
/// probability of the positive class; `train --positive` chooses which label that is.
#[derive(Parser)]
#[command(name = "backprop", version, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

/// What the command can do.
#[derive(Subcommand)]
pub enum Command {
    Train(Box<Train>),
    Predict(Predict),
    Describe(Describe),
    Info(Info),
    Bench(Bench),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Whatever goes wrong, as one line for the user.
    pub fn run(&self) -> Result<()> {
        match self {
            Command::Train(train) => train.run(),
            Command::Predict(predict) => predict.run(),
            Command::Describe(describe) => describe.run(),
            Command::Info(info) => info.run(),
            Command::Bench(bench) => bench.run(),
        }
    }
}

/// Reads the command line. Where help or the version is asked for, prints that and ends the program.
///
/// # Errors
/// If the arguments make no sense.
pub fn parse() -> Result<Command> {
    CommandLine::try_parse().map(|line| line.command).map_err(failure::from_arguments)
}
