//! The `backprop` command: trains a multilayer perceptron on a table with two classes, predicts with it,
//! and measures how fast that is.
//!
//! | file | what it holds |
//! |---|---|
//! | `command.rs` | the command line as a whole |
//! | `train.rs`, `predict.rs`, `describe.rs`, `info.rs`, `bench.rs` | a subcommand each, with its arguments |
//! | `training_table.rs`, `reading.rs`, `machine.rs` | arguments that go together |
//! | `values.rs` | the values of arguments |
//! | `model.rs` | the model file: a network and the way from a table to its inputs |
//! | `destination.rs` | where files may be written |
//! | `progress.rs`, `report.rs` | what is shown during the work and after it |
//! | `failure.rs` | what happens to errors |

mod bench;
mod command;
mod describe;
mod destination;
mod failure;
mod info;
mod machine;
mod model;
mod predict;
mod progress;
mod reading;
mod report;
mod train;
mod training_table;
mod values;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::parse().and_then(|command| command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
