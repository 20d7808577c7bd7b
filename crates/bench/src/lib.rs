//! What is measured, and how: shared by `backprop bench`, the benches in `benches/`, the programs in `examples/` and
//! `tests/foreign.rs`.
//!
//! - [`fixture`]: every kernel with arguments, its work and its check: [`elementwise`], [`one_sample`], and [`layer`], one
//!   layer and a minibatch laid out as the matrix kernels want them. [`agreement`]: results against the specification and
//!   the textbook, before anything is timed.
//! - [`workload`]: the networks that everything is measured on. [`throughput`]: training them, timed; [`prediction`]:
//!   predicting with them.
//! - [`machine`]: what the machine is. [`peak`] and [`streaming`]: what it could do at most, in arithmetic and in moving
//!   numbers; [`round_trip`](mod@round_trip): how far its cores are from each other. [`turns`]: timing in turns with such a limit.
//! - [`suite`]: all measurements of `backprop bench`; [`results`]: what came out, as it is written to JSON; [`report`]: as
//!   tables and as a page.
//! - [`equal_work`]: the starting weights and rows that all programs of the comparison in `peers/` get.
//! - [`foreign`]: the crate in `tests/foreign`, which depends on `net` as any other would.

pub mod agreement;
mod aligned;
pub mod elementwise;
pub mod equal_work;
pub mod error;
pub mod fixture;
pub mod foreign;
pub mod layer;
pub mod machine;
pub mod one_sample;
pub mod peak;
pub mod prediction;
pub mod report;
pub mod results;
pub mod round_trip;
pub mod streaming;
pub mod suite;
pub mod throughput;
pub mod turns;
pub mod workload;

pub use error::Error;
pub use results::Results;
pub use suite::{Settings, Suite};
pub use workload::Workload;

/// The examples of README.md are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
