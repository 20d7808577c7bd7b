//! From a table to a model that predicts, and back from a file: fitting, judging, cross-validation.
//!
//! | question | file | what answers it |
//! |---|---|---|
//! | how to train | `recipe.rs` | [`Recipe`], and [`Settings`] for a table of a given size |
//! | on which columns and rows | `examples.rs` | [`Columns`], [`Prepared`], [`Examples`] |
//! | train the members of an ensemble, stop early | `fit.rs` | [`Fit`], [`fit()`] |
//! | stop, and go on another day | `checkpoint.rs` | [`Checkpoint`] |
//! | what was trained, in one file | `model.rs` | [`Model`] |
//! | predict | `predictor.rs` | [`Predictor`] |
//! | how good is it | `scores.rs` | [`scores()`] |
//! | how good would it be on other rows | `cross_validation.rs` | [`cross_validate`] |
//! | which columns matter | `importance.rs` | [`importance()`] |
//!
//! The same table, recipe and version give the same bits, with any number of threads.
//!
//! # An example
//!
//! ```
//! use data::{Column, Kind, ReadOptions, Source, Split, TableReader};
//! use model::{Columns, Compute, Recipe, fit, scores};
//!
//! let rows: String = (0..200).map(|row| format!("{},{}\n", row % 10, if row % 10 < 5 { "low" } else { "high" })).collect();
//! let source = Source::memory("sizes.csv", format!("size,kind\n{rows}").into_bytes());
//! let reader = TableReader::open(source, &ReadOptions::default())?;
//! let table = reader.read(vec![Column::new("size", Kind::Number), Column::target("kind", Kind::Category)])?;
//!
//! let columns = Columns::new(vec!["size".to_owned()], "kind");
//! let recipe = Recipe { hidden: Some(vec![8]), epochs: Some(200), ..Recipe::default() };
//! let split = Split::stratified(&table.labels("kind")?, 0.25, 1)?;
//! let prepared = columns.prepare(table, &split, &recipe)?;
//! let compute = Compute::default();
//! let model = fit(prepared.pipeline, prepared.training, None, &prepared.settings, compute, &|_| true)?;
//!
//! let held_out = prepared.held_out.expect("rows were held out");
//! let predictions = model.predictor(compute)?.predict(&held_out.inputs)?;
//! let scores = scores(model.pipeline.target(), &held_out, &predictions, None)?;
//! assert!(scores.iter().any(|score| score.metric == net::metrics::Metric::Accuracy && score.value > Some(0.9)));
//! # Ok::<(), model::Error>(())
//! ```

mod checkpoint;
pub mod cross_validation;
mod error;
mod examples;
mod fit;
mod importance;
mod jobs;
mod model;
mod predictor;
pub mod recipe;
mod scores;
mod text;

pub use checkpoint::Checkpoint;
pub use cross_validation::{CrossValidation, Fold, cross_validate};
pub use error::{Error, Result};
pub use examples::{Columns, Examples, Prepared};
pub use fit::{Curve, Fit, Progress, fit};
pub use importance::{Importance, importance};
pub use jobs::Compute;
pub use model::{DataSummary, Model, Provenance, Training};
pub use predictor::Predictor;
pub use recipe::{Recipe, Settings};
pub use scores::{Score, scores};
