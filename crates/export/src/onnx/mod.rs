//! A model as an ONNX graph: from the columns of a table to its predictions.
//!
//! `docs/export.md` describes inputs, outputs and metadata.

mod graph;
mod network;
mod prediction;
mod preprocessing;
pub mod proto;

use ::model::Model;
use net::{Network, OutputLayer};
use prost::Message;

use crate::{Error, Result};
use graph::{Graph, ML_DOMAIN, Value};
use prediction::Meaning;
use proto::{DataType, ModelProto, OperatorSetIdProto, StringStringEntryProto};

/// The version of the file format and those of its sets of operators: as old as what is used allows, so that many programs
/// can read it (ONNX 1.12, of the year 2022).
const IR_VERSION: i64 = 8;
const OPERATORS: [(&str, i64); 2] = [("", 17), (ML_DOMAIN, 3)];

/// The most bytes of a protobuf message.
const MOST_BYTES: usize = i32::MAX as usize;

/// A model, its way from columns to inputs included. Its inputs have the names of the columns.
pub fn model(model: &Model) -> ModelProto {
    let target = model.pipeline.target();
    let meaning = Meaning::of(target);
    let mut metadata = vec![("target", target.column().to_owned())];
    if let Some(labels) = &meaning.labels {
        metadata.push(("classes", serde_json::json!(labels).to_string()));
        if let [t0, t1] = &labels[..]
            && meaning.output_layer == OutputLayer::Sigmoid
        {
            metadata.extend([("class_t0", t0.clone()), ("class_t1", t1.clone())]);
        }
    }
    let mut graph = Graph::default();
    let inputs = preprocessing::add(&mut graph, &model.pipeline);
    finish(graph, &model.members, &inputs, &meaning, metadata)
}

/// Networks of the same shape without a table, whose predictions are averaged: from `features`, (rows, inputs), the inputs of
/// the networks.
///
/// # Panics
/// If there is no network.
pub fn networks(networks: &[Network]) -> ModelProto {
    let shape = networks.first().expect("at least one network").shape();
    let meaning = Meaning { output_layer: shape.output_layer(), outputs: shape.outputs(), labels: None, scale: None };
    let mut graph = Graph::default();
    let features = graph.input("features", DataType::Float, shape.inputs(), "the inputs of the networks");
    finish(graph, networks, &features, &meaning, Vec::new())
}

/// The bytes of a file.
///
/// # Errors
/// If they are more than a file can have.
pub fn to_bytes(model: &ModelProto) -> Result<Vec<u8>> {
    match model.encoded_len() {
        bytes if bytes > MOST_BYTES => Err(Error::TooLarge { bytes, most: MOST_BYTES }),
        _ => Ok(model.encode_to_vec()),
    }
}

/// Adds the networks and what they predict.
fn finish(
    mut graph: Graph,
    networks: &[Network],
    inputs: &Value,
    meaning: &Meaning<'_>,
    metadata: Vec<(&str, String)>,
) -> ModelProto {
    let preactivations: Vec<Value> = networks
        .iter()
        .zip(1..)
        .map(|(network, number)| {
            let prefix = if networks.len() == 1 { String::new() } else { format!("network{number}.") };
            network::add(&mut graph, network, &prefix, inputs)
        })
        .collect();
    meaning.add(&mut graph, &preactivations);

    let shape = networks[0].shape();
    let convention = match meaning.output_layer {
        OutputLayer::Sigmoid => "a network's output is p(t = 0); prob_t0 is p(t = 0), prob_t1 is p(t = 1)",
        OutputLayer::Softmax => "probabilities are those of the classes in their order",
        OutputLayer::Identity => "a prediction is the mean, in the unit of the target",
    };
    let own = [
        ("convention", convention.to_owned()),
        ("network", format!("{shape} {} {}", shape.activation(), shape.output_layer())),
        ("networks", networks.len().to_string()),
    ];
    let entry = |(key, value): (&str, String)| StringStringEntryProto { key: key.to_owned(), value };
    let opset = |(domain, version): (&str, i64)| OperatorSetIdProto { domain: domain.to_owned(), version };
    ModelProto {
        ir_version: IR_VERSION,
        producer_name: "backprop".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: convention.to_owned(),
        graph: Some(graph.finish("backprop")),
        opset_import: OPERATORS.map(opset).to_vec(),
        metadata_props: own.into_iter().chain(metadata).map(entry).collect(),
    }
}
