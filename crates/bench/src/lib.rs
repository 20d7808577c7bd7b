//! Fixtures and work models for the benches, the comparison with other libraries, and `backprop bench`.

pub mod peak;
pub mod workload;

pub use workload::Workload;
