//! `backprop export`: a model for other programs.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use data::{Encoder, Feature, Pipeline};
use export::onnx::proto::{ModelProto, ValueInfoProto};
use export::{onnx, pytorch};
use model::{Error, Model};
use net::Network;
use net::format::load_ensemble;
use serde::de::IgnoredAny;

use crate::destination;
use crate::report::{Report, count, list};

/// Write a model for other programs: ONNX, or weights for PyTorch
///
/// The ONNX graph is all of the model, as ONNX Runtime runs it: its inputs are the columns of the table, by name, and its
/// outputs the predictions. Two classes have the outputs `prob_t0`, `prob_t1` and `class`; several classes `probabilities`
/// and `class`; numbers `prediction`. Numbers are f32 of shape (rows, 1), NaN where they are missing; labels are strings, empty
/// where they are missing; dates are days since 1970-01-01, as numbers.
///
/// The safetensors file has only the weights, under the names of PyTorch.
#[derive(Args)]
#[command(
    group = clap::ArgGroup::new("formats").required(true).multiple(true),
    after_help = "\
Examples:
  backprop export model.safetensors --onnx model.onnx
  backprop export model.safetensors --safetensors-plain weights.safetensors"
)]
pub struct Export {
    /// Model that `backprop train` has saved
    model: PathBuf,

    /// ONNX file to write
    #[arg(long, value_name = "OUT.onnx", group = "formats")]
    onnx: Option<PathBuf>,

    /// Weights for PyTorch to write
    #[arg(long, value_name = "OUT.safetensors", group = "formats")]
    safetensors_plain: Option<PathBuf>,
}

impl Export {
    /// Writes the files.
    pub fn run(&self) -> Result<()> {
        let outputs = [("--onnx", &self.onnx), ("--safetensors-plain", &self.safetensors_plain)];
        let outputs: Vec<_> = outputs.iter().filter_map(|(name, path)| Some((*name, path.as_deref()?))).collect();
        destination::check(&outputs, &[&self.model])?;
        let exported = Exported::load(&self.model)?;
        let mut report = Report::default();
        // Both are made before one is written.
        let graph = self.onnx.as_ref().map(|path| (path, exported.graph()));
        let onnx = graph.as_ref().map(|(_, graph)| onnx::to_bytes(graph)).transpose()?;
        if let (Some((path, graph)), Some(bytes)) = (&graph, &onnx) {
            net::file::write_atomically(path, bytes)?;
            exported.report_graph(graph, &mut report);
            report.line("ONNX", path.display().to_string());
        }
        if let Some(path) = &self.safetensors_plain {
            net::file::write_atomically(path, &pytorch::state_dict(exported.networks()))?;
            report.line("PyTorch", path.display().to_string());
        }
        report.print(false)
    }
}

/// What a model file holds.
enum Exported {
    Model(Box<Model>),
    /// Networks that a program has saved, without a table.
    Networks(Vec<Network>),
}

impl Exported {
    fn load(path: &std::path::Path) -> Result<Self> {
        match Model::load(path) {
            Ok(model) => Ok(Exported::Model(Box::new(model))),
            Err(Error::NoTable { .. }) => Ok(Exported::Networks(load_ensemble::<IgnoredAny>(path)?.0)),
            Err(error) => Err(error.into()),
        }
    }

    fn networks(&self) -> &[Network] {
        match self {
            Exported::Model(model) => &model.members,
            Exported::Networks(networks) => networks,
        }
    }

    fn graph(&self) -> ModelProto {
        match self {
            Exported::Model(model) => onnx::model(model),
            Exported::Networks(networks) => onnx::networks(networks),
        }
    }

    /// What has to be known to run a graph.
    fn report_graph(&self, model: &ModelProto, report: &mut Report) {
        let names =
            |values: &[ValueInfoProto]| -> Vec<String> { values.iter().map(|value| value.name.clone()).collect() };
        let graph = model.graph.as_ref().expect("a model has a graph");
        report.line("inputs", format!("{}: {}", count(graph.input.len()), list(&names(&graph.input))));
        if let Exported::Model(model) = self {
            report_dates(&model.pipeline, report);
        }
        report.line("outputs", list(&names(&graph.output)));
    }
}

/// Dates are the one thing that the graph does not take as the table has it.
fn report_dates(pipeline: &Pipeline, report: &mut Report) {
    let is_date = |feature: &&Feature| matches!(feature.encoder, Encoder::Date(..));
    let dates: Vec<String> = pipeline.features().iter().filter(is_date).map(|feature| feature.name.clone()).collect();
    if !dates.is_empty() {
        report.line(
            "note",
            format!("dates are given as days since 1970-01-01, the time of day a fraction: {}", list(&dates)),
        );
    }
}
