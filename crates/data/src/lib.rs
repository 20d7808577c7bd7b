//! Tables to features: everything between a file and the rows that a network is trained on.
//!
//! A table goes through these steps, each in a file of its own:
//!
//! | step | file | what it gives |
//! |---|---|---|
//! | open the file, choose columns | `reader.rs`, `source.rs`, `header.rs` | [`TableReader`], [`Header`] |
//! | find out the types of the columns | `infer.rs`, upon `cell.rs` | [`Inferred`] |
//! | read the rows of any format | `delimited.rs` and `rows.rs`, `libsvm.rs`, `idx.rs`, `arrow.rs` | [`Table`], in `table.rs` |
//! | say what is to be predicted | `target.rs` | [`Target`] |
//! | hold rows out | `split.rs` | [`Split`] |
//! | say how much rows count | `weights.rs` | [`weights()`], [`ClassWeights`] |
//! | make inputs of the columns | `pipeline.rs`, upon `encoder` and `scale.rs` | [`Pipeline`] |
//!
//! What has to be known again at prediction (columns, scales, labels) is in the [`Pipeline`], which travels inside the
//! model file.
//!
//! # Memory
//!
//! A table in memory takes four bytes for each cell, whatever its type, in blocks of 4 MiB. Files are streamed, twice if
//! the types have to be found out. [`Pipeline::consume`] gives the blocks back as it makes inputs of them, and
//! [`TableReader::read_blocks`] keeps no more than one of them.
//!
//! # An example
//!
//! ```
//! use data::{Column, Kind, Pipeline, ReadOptions, Scaling, Source, Split, TableReader, Target};
//!
//! let text = "length,colour,kind\n1,red,a\n2,blue,b\n?,red,a\n4,blue,b\n";
//! let reader = TableReader::open(Source::memory("flowers.csv", text.as_bytes()), &ReadOptions::default())?;
//! let features = reader.header().features(&["kind".to_owned()])?;
//!
//! let mut columns: Vec<Column> = Vec::new();
//! for inferred in reader.infer(&features)? {
//!     columns.push(Column::new(&inferred.name, inferred.kind));
//! }
//! columns.push(Column::target("kind", Kind::Category));
//! let table = reader.read(columns)?;
//!
//! let split = Split::stratified(&table.labels("kind")?, 0.5, 7)?;
//! let target = Target::fit(&table, "kind", Some("b"), &split.training)?;
//! assert_eq!(target.values(&table)?, [0.0, 1.0, 0.0, 1.0]);
//!
//! let rows = [0, 1, 2, 3]; // all of them, since there are so few; else `split.training`
//! let (pipeline, dropped) = Pipeline::fit(&table, &features, &rows, target, Scaling::Standard)?;
//! assert!(dropped.is_empty());
//! // The length, whether it is missing, and one input for each colour.
//! assert_eq!(pipeline.inputs(), 4);
//! let inputs = pipeline.apply(&table, &split.training)?;
//! # assert_eq!(inputs.len(), 2 * 4);
//! # Ok::<(), data::Error>(())
//! ```

#[cfg(feature = "arrow")]
mod arrow;
mod cell;
mod delimited;
mod dictionary;
mod encoder;
mod error;
#[cfg(feature = "arrow")]
mod guard;
mod header;
mod idx;
mod infer;
mod libsvm;
mod pipeline;
mod reader;
mod rows;
mod same_label;
mod scale;
mod source;
mod split;
mod summary;
mod table;
mod target;
mod weights;

pub use cell::{DateOrder, MISSING};
pub use dictionary::{Dictionary, MAX_LABELS};
pub use encoder::{
    CategoryEncoder, DateEncoder, Encoder, MAX_LEVELS, NumberEncoder, NumberEncoding, PieceCount, Pieces, Reason,
};
pub use error::{Error, Place, Result};
pub use header::Header;
pub use infer::Inferred;
pub use pipeline::{Dropped, Encoding, Feature, Pipeline};
pub use reader::{Format, LABEL, ReadOptions, TableReader};
pub use scale::{Scale, Scaling};
pub use source::Source;
pub use split::{Split, strata};
pub use summary::Summary;
pub use table::{Block, Column, Kind, Table};
pub use target::{Classes, Labels, Target, Task};
pub use weights::{ClassWeights, weights};
