//! What is measured, and how: shared by the benches in `benches/`, the programs in `examples/` and `tests/foreign.rs`.
//!
//! - [`workload`]: the networks that everything is measured on. [`throughput`]: training them, timed.
//! - [`layer`]: one layer and a minibatch, laid out as the matrix kernels want them. [`agreement`]: results against the
//!   specification, before anything is timed.
//! - [`peak`]: what the machine could do at most.
//! - [`foreign`]: the crate in `tests/foreign`, which depends on `net` as any other would.

pub mod agreement;
pub mod foreign;
pub mod layer;
pub mod peak;
pub mod throughput;
pub mod workload;

pub use workload::Workload;

/// The examples of README.md are compiled and run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
