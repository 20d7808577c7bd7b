//! The `backprop` command: trains multilayer perceptrons on tables, judges them, predicts with them, and measures how fast
//! that is.
//!
//! | file | what it holds |
//! |---|---|
//! | `command.rs` | the command line as a whole |
//! | `train.rs`, `predict.rs`, `evaluate.rs`, `write_report.rs`, `explain`, `check.rs`, `cross_validate.rs`, `describe.rs`, `info.rs`, `export.rs`, `bench.rs`, `completions.rs` | a subcommand each, with its arguments |
//! | `training_table.rs`, `hyperparameters.rs`, `checkpoints.rs`, `reading.rs`, `judging.rs`, `machine.rs` | arguments that go together |
//! | `config.rs` | arguments from a file |
//! | `values.rs` | the values of arguments |
//! | `destination.rs` | where files may be written |
//! | `progress.rs`, `report.rs`, `network.rs` | what is shown during the work and after it |
//! | `predictions.rs` | predictions as CSV |
//! | `page.rs` | the page of `report` and `--report` |
//! | `interrupt.rs` | Ctrl-C and SIGTERM |
//! | `failure.rs` | what happens to errors |

mod bench;
mod check;
mod checkpoints;
mod command;
mod completions;
mod config;
mod cross_validate;
mod describe;
mod destination;
mod evaluate;
mod explain;
mod export;
mod failure;
mod hyperparameters;
mod info;
mod interrupt;
mod judging;
mod machine;
mod network;
mod page;
mod predict;
mod predictions;
mod progress;
mod reading;
mod report;
mod train;
mod training_table;
mod values;
mod write_report;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::parse().and_then(|(command, arguments)| command.run(&arguments)) {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}
