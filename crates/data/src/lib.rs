//! Tables to features: everything between a CSV file and the rows that a network is trained on.
//!
//! A table goes through five steps, each in a file of its own:
//!
//! | step | file | what it gives |
//! |---|---|---|
//! | read the header, choose columns | `header.rs` | [`Header`] |
//! | read the rows | `table.rs`, upon `rows.rs` | [`Table`] and the target's [`Labels`] |
//! | say which class is t = 1 | `target.rs` | [`Classes`] |
//! | hold rows out | `split.rs` | [`Split`] |
//! | bring every column to the same scale | `standardizer.rs` | [`Standardizer`] |
//!
//! What has to be known again at prediction (column names, scales, class labels) is a [`Pipeline`], which travels
//! inside the model file.
//!
//! ```
//! use data::{Classes, Split, Standardizer, TableReader};
//!
//! let text = "length,width,kind\n1,10,a\n2,30,b\n3,20,a\n4,40,b\n";
//! let reader = TableReader::from_bytes("flowers.csv", text, None)?;
//! let features = reader.header().features("kind", &[])?;
//! let (table, labels) = reader.read_labelled(&features, "kind")?;
//!
//! let classes = Classes::choose(&labels, Some("b"))?;
//! assert_eq!(classes.targets(&labels), [0.0, 1.0, 0.0, 1.0]);
//!
//! let split = Split::stratified(&labels, 0.5, 7)?;
//! let mut training = table.gather(&split.training);
//! let standardizer = Standardizer::fit(table.columns().len(), &training);
//! standardizer.apply(&mut training);
//! # Ok::<(), data::Error>(())
//! ```

mod error;
mod header;
mod pipeline;
mod rows;
mod split;
mod standardizer;
mod table;
mod target;

pub use error::{Error, Place, Result};
pub use header::Header;
pub use pipeline::Pipeline;
pub use split::Split;
pub use standardizer::Standardizer;
pub use table::{Table, TableReader};
pub use target::{Classes, Labels};
