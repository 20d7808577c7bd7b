//! Models for other programs.
//!
//! | question | file | what answers it |
//! |---|---|---|
//! | a model for ONNX Runtime and its like, from columns to predictions | `onnx/mod.rs` | [`onnx::model`], [`onnx::networks`] |
//! | how columns become inputs there | `onnx/preprocessing.rs` | |
//! | how inputs become preactivations, and these predictions | `onnx/network.rs`, `onnx/prediction.rs` | |
//! | what a graph consists of | `onnx/graph.rs` | |
//! | how it is written | `onnx/proto.rs` | [`onnx::proto`] |
//! | weights for PyTorch | `pytorch.rs` | [`pytorch::state_dict`] |
//!
//! What is exported computes in single precision where the networks do, and in double precision where preparing columns and
//! averaging predictions does, but in an order of its own: predictions agree with those of [`model::Predictor`], and are not
//! the same bits. `docs/export.md` says how closely.

mod error;
pub mod onnx;
pub mod pytorch;

pub use error::{Error, Result};
