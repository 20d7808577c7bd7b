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
//! A graph computes in double precision and rounds where preparing columns and averaging predictions do. Networks themselves compute
//! in single precision, in an order of their own (`net`), so that predictions agree with those of [`model::Predictor`] but are
//! not the same bits. `docs/export.md` says how closely.

mod error;
pub mod onnx;
pub mod pytorch;

pub use error::{Error, Result};
