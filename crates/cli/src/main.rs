//! The `backprop` command: trains multilayer perceptrons on tables, judges them, predicts with them, and measures how fast
//! that is.
//!
//! | file | what it holds |
//! |---|---|
//! | `command.rs` | the command line as a whole |
//! | `train.rs`, `predict.rs`, `evaluate.rs`, `cross_validate.rs`, `describe.rs`, `info.rs`, `bench.rs`, `completions.rs` | a subcommand each, with its arguments |
//! | `training_table.rs`, `hyperparameters.rs`, `checkpoints.rs`, `reading.rs`, `machine.rs` | arguments that go together |
//! | `config.rs` | arguments from a file |
//! | `values.rs` | the values of arguments |
//! | `destination.rs` | where files may be written |
//! | `progress.rs`, `report.rs`, `network.rs` | what is shown during the work and after it |
//! | `predictions.rs` | predictions as CSV |
//! | `interrupt.rs` | Ctrl-C |
//! | `failure.rs` | what happens to errors |

mod bench;
mod checkpoints;
mod command;
mod completions;
mod config;
mod cross_validate;
mod describe;
mod destination;
mod evaluate;
mod failure;
mod hyperparameters;
mod info;
mod interrupt;
mod machine;
mod network;
mod predict;
mod predictions;
mod progress;
mod reading;
mod report;
mod train;
mod training_table;
mod values;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::parse().and_then(|(command, arguments)| command.run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
