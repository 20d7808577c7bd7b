//! `backprop explain`: one row on its way through a network and back.
//!
//! | file | what it holds |
//! |---|---|
//! | `sample.rs` | the row, and all that is known of it |
//! | `encoding.rs`, `steps.rs`, `differences.rs` | what is said of it: from cells to inputs, the four steps, the check of the gradient |
//! | `drawing.rs` | the network as a figure |
//! | `document.rs`, `formula.rs` | the parts of what is said: headings, lines, formulas, tables |
//! | `plain.rs`, `html.rs` | how these look on a terminal and on a page |

mod differences;
mod document;
mod drawing;
mod encoding;
mod formula;
mod html;
mod plain;
mod sample;
mod steps;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use self::document::{Block, Document, Line};
use self::sample::{Answer, Sample};
use crate::destination;
use crate::machine::Simd;
use crate::reading::Reading;
use crate::report::{Report, print};
use crate::values;

/// Show every number of one row's way through a network and back, with the formulas
///
/// First the cells of the row become inputs x; then come, layer by layer, the preactivations a and outputs z, the prediction
/// and the loss L, the deltas (dL/da), and the gradient (dL/dw), in the symbols of the textbook: unit i of layer l has
/// a_i^(l) and z_i^(l), its weights are w_i,j^(l), and w_i,0^(l) is its bias. A few derivatives are checked by central
/// differences. These are the numbers of the training of this row alone, with the weights as they are now. If the table does
/// not have the target, the forward pass alone is shown.
#[derive(Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  backprop explain model.safetensors patients.csv --row 17
  backprop explain model.safetensors patients.csv --row 17 --html row17.html
  backprop explain small.safetensors flowers.csv --row 1 --all
  backprop explain model.safetensors patients.csv --row 17 --member 3 --json"
)]
pub struct Explain {
    /// Model that `backprop train` has saved
    model: PathBuf,

    /// Table with the feature columns of the model, or - for the standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Row to explain, counted from 1; the header does not count
    #[arg(long, value_name = "N", value_parser = values::row)]
    row: usize,

    /// Which network of the model, counted from 1
    #[arg(long, value_name = "K", value_parser = values::members, default_value = "1")]
    member: usize,

    /// Units of a layer, terms of a sum and columns that are shown
    #[arg(long, value_name = "N", value_parser = values::shown, default_value = "4")]
    units: usize,

    /// Show all of them
    #[arg(long, conflicts_with = "units")]
    all: bool,

    /// Page of HTML to write besides, with a drawing of the network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    #[command(flatten)]
    reading: Reading,

    #[command(flatten)]
    simd: Simd,

    /// Print JSON, with all numbers
    #[arg(long)]
    json: bool,
}

impl Explain {
    /// Computes, and prints.
    pub fn run(&self) -> Result<()> {
        if let Some(html) = &self.html {
            let sources = self.reading.files_with(&self.model, &self.file);
            destination::check(&[("the page", html)], &sources)?;
        }
        let level = self.simd.level()?;
        let sample = Sample::read((&self.model, &self.file), (self.row, self.member), &self.reading, level)?;
        let limit = if self.all { usize::MAX } else { self.units };
        let document = document(&sample, limit);
        if let Some(html) = &self.html {
            net::file::write_atomically(html, html::page(&document).as_bytes())?;
        }
        match self.json {
            true => report(&sample).print(true),
            false => print(plain::text(&document).as_bytes()),
        }
    }
}

/// All that is said of the row, with at most `limit` columns, units of a layer and terms of a sum.
fn document(sample: &Sample, limit: usize) -> Document {
    let title = format!("Row {} of {}: forward and back", sample.row, sample.file);
    let mut document = Document { title, blocks: Vec::new() };
    let network = sample.network();
    let members = match sample.model.members.len() {
        1 => "The network".to_owned(),
        members => format!("Network {} of {members}", sample.member + 1),
    };
    let (shape, parameters) = (network.shape(), network.parameter_count());
    document.paragraph(Line::new(format!(
        "{members}: {shape}, {}, {parameters} weights and biases. Numbers are rounded to five digits where they are shown; \
         they are computed, to the bit, as training computes them.",
        shape.activation()
    )));
    document.blocks.push(Block::Figure(drawing::drawing(sample)));
    encoding::explain(sample, limit, &mut document);
    steps::explain(sample, limit, &mut document);
    differences::explain(sample, &mut document);
    document
}

/// All numbers for machines.
fn report(sample: &Sample) -> Report {
    let mut report = Report::default();
    report.value("data", &sample.file);
    report.value("row", sample.row);
    report.value("network", sample.network().shape().to_string());
    report.value("activation", sample.network().shape().activation().to_string());
    report.value("output_layer", sample.network().shape().output_layer().to_string());
    report.value("member", sample.member + 1);
    report.value("members", sample.model.members.len());
    let label = match &sample.answer {
        Answer::Given(label) => Some(label),
        _ => None,
    };
    report.value("target", json!({ "column": sample.target().column(), "value": label }));
    report.value("encoding", &sample.encoded);
    let explanation = &sample.explanation;
    report.value("x", &explanation.x);
    report.value("layers", &explanation.layers);
    report.value("t", &explanation.t);
    report.value("loss", explanation.loss);
    report.value("prediction", &sample.prediction);
    report.value("differences", &sample.comparisons);
    report
}
