//! Exports: graphs are decoded, run by a plain interpreter of their operators, and compared with the predictions of this
//! project; weights for PyTorch are read back. `tests/export/check.sh` does the same with ONNX Runtime and PyTorch.

use std::collections::{BTreeMap, BTreeSet};

use export::onnx::proto::{DataType, ModelProto};
use export::{onnx, pytorch};
use net::{Activation, Network, OutputLayer};
use prost::Message;

#[path = "export/interpreter.rs"]
mod interpreter;
#[path = "export/random.rs"]
mod random;

use interpreter::{Elements, Tensor, run};
use random::{Case, Cells, Exported};

/// The difference that is allowed in a probability.
const TOLERANCE: f64 = 1e-6;

fn graph_of(case: &Case) -> ModelProto {
    let model = match &case.exported {
        Exported::Model(model) => onnx::model(model),
        Exported::Networks(networks) => onnx::networks(networks),
    };
    ModelProto::decode(&onnx::to_bytes(&model).unwrap()[..]).unwrap()
}

fn inputs_of(case: &Case) -> BTreeMap<String, Tensor> {
    let tensor = |cells: &Cells| {
        let (elements, length) = match cells {
            Cells::Numbers(numbers) => {
                let numbers_f64: Vec<f64> = numbers.iter().map(|number| f64::from(*number)).collect();
                (Elements::Numbers(DataType::Float, numbers_f64), numbers.len())
            }
            Cells::Labels(labels) => (Elements::Strings(labels.clone()), labels.len()),
        };
        Tensor { shape: vec![case.rows, length / case.rows], elements }
    };
    case.inputs.iter().map(|input| (input.name.clone(), tensor(&input.cells))).collect()
}

#[test]
fn graphs_predict_what_models_predict() {
    let mut kinds = BTreeSet::new();
    for seed in 0..60 {
        let case = random::case(seed);
        let outputs = run(&graph_of(&case), inputs_of(&case));
        for (name, expected) in &case.predictions {
            let Elements::Numbers(DataType::Float, found) = &outputs[*name].elements else { panic!("{name}") };
            assert_eq!(found.len(), expected.len(), "seed {seed}: {name}");
            // As much in the argument of a sigmoid changes a probability by a quarter of that, at most.
            let unit = match *name {
                "prediction" => 4.0 * expected.iter().fold(1.0_f64, |most, number| most.max(f64::from(number.abs()))),
                _ => 1.0,
            };
            for (found, expected) in found.iter().zip(expected) {
                let difference = (found - f64::from(*expected)).abs() / unit;
                assert!(difference <= TOLERANCE, "seed {seed}: {name} {found} in place of {expected}");
            }
            kinds.insert(*name);
        }
        let label = outputs.values().find_map(|tensor| match &tensor.elements {
            Elements::Strings(labels) => Some(labels),
            Elements::Numbers(..) => None,
        });
        assert_eq!(label.is_some(), case.classes.is_some());
        for (row, label) in label.into_iter().flatten().enumerate() {
            let (name, expected) = case.predictions.last().unwrap();
            let classes = case.classes.as_ref().unwrap();
            let row = &expected[row * expected.len() / case.rows..][..expected.len() / case.rows];
            let class = match *name {
                "prob_t1" => usize::from(row[0] >= 0.5),
                _ => (0..row.len()).rev().max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap(),
            };
            assert_eq!(*label, classes[class], "seed {seed}");
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["prediction", "prob_t0", "prob_t1", "probabilities"]);
}

#[test]
fn inputs_are_named_as_columns_and_outputs_keep_off_their_names() {
    let case =
        (0..).map(random::case).find(|case| case.classes.as_ref().is_some_and(|labels| labels.len() == 2)).unwrap();
    let Exported::Model(model) = &case.exported else { panic!("a table") };
    let exported = graph_of(&case);
    let graph = exported.graph.as_ref().unwrap();
    let inputs: Vec<&str> = graph.input.iter().map(|input| &*input.name).collect();
    let columns: Vec<&str> = model.pipeline.features().iter().map(|feature| &*feature.name).collect();
    assert_eq!(inputs, columns);
    // The last column of random tables is `class`.
    assert!(inputs.contains(&"class"));
    let outputs: Vec<&str> = graph.output.iter().map(|output| &*output.name).collect();
    assert_eq!(outputs, ["prob_t0", "prob_t1", "class_2"]);

    let metadata: BTreeMap<&str, &str> =
        exported.metadata_props.iter().map(|entry| (&*entry.key, &*entry.value)).collect();
    let classes = case.classes.as_ref().unwrap();
    assert_eq!((metadata["class_t0"], metadata["class_t1"]), (&*classes[0], &*classes[1]));
    assert_eq!(serde_json::from_str::<Vec<String>>(metadata["classes"]).unwrap(), *classes);
    assert!(metadata["convention"].contains("output is p(t = 0)"));
    assert_eq!((&*exported.producer_name, metadata["target"]), ("backprop", "the target"));
}

/// sigma(-ln 3) = 1/4, by hand.
#[test]
fn prob_t0_is_the_output_of_the_network() {
    let shape = Network::builder(1).build().unwrap().shape().clone();
    let network = Network::from_weights(shape, &[vec![-(3.0_f32.ln()), 1.0]]).unwrap();
    let features = Tensor { shape: vec![1, 1], elements: Elements::Numbers(DataType::Float, vec![0.0]) };
    let outputs = run(&onnx::networks(&[network]), [("features".to_owned(), features)].into());
    for (name, expected) in [("prob_t0", 0.25), ("prob_t1", 0.75)] {
        let Elements::Numbers(_, found) = &outputs[name].elements else { panic!("{name}") };
        assert!((found[0] - expected).abs() < 1e-7, "{name}: {found:?}");
    }
}

/// The bytes as the format's description lays them out, written by hand: the field numbers are right.
#[test]
fn the_encoding_is_that_of_the_format() {
    let shape = Network::builder(1).output_layer(OutputLayer::Identity, 1).build().unwrap().shape().clone();
    let network = Network::from_weights(shape, &[vec![0.5, 2.0]]).unwrap();
    let bytes = onnx::to_bytes(&onnx::networks(&[network])).unwrap();
    // ir_version (field 1, a number) 8; producer_name (field 2, 8 bytes).
    assert_eq!(bytes[..12], *b"\x08\x08\x12\x08backprop");
    let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    // An initializer (field 5 of the graph, 32 bytes): dims 1 and 2 (field 1), data_type 1 (field 2), name (field 8),
    // raw_data (field 9): the bias and the weight.
    let numbers = b"\x00\x00\x00\x3f\x00\x00\x00\x40";
    assert!(contains(&[b"\x2a\x20\x08\x01\x08\x02\x10\x01\x42\x0elayer1.weights\x4a\x08", &numbers[..]].concat()));
    // An attribute (field 5 of the node): name (field 1), i = 1 (field 3), type INT = 2 (field 20).
    assert!(contains(b"\x2a\x0d\x0a\x06transB\x18\x01\xa0\x01\x02"));
    // opset_import (field 8): version 17 (field 2).
    assert!(contains(b"\x42\x02\x10\x11"));
}

#[test]
fn pytorch_finds_the_weights_under_its_names() {
    let builder = Network::builder(3).hidden(&[2]).activation(Activation::Tanh);
    let networks: Vec<Network> = (1..=2).map(|seed| builder.clone().seed(seed).build().unwrap()).collect();
    for (networks, prefixes) in [(&networks[..1], &[""][..]), (&networks[..], &["0.", "1."])] {
        let bytes = pytorch::state_dict(networks);
        assert_eq!(bytes, pytorch::state_dict(networks), "the same bytes once more");
        let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut names = BTreeSet::new();
        for (network, prefix) in networks.iter().zip(prefixes) {
            for (layer, module, shape) in [(1, 0, [2, 3]), (2, 2, [1, 2])] {
                let numbers = |part: &str| -> (Vec<usize>, Vec<f32>) {
                    let tensor = tensors.tensor(&format!("{prefix}{module}.{part}")).unwrap();
                    let numbers =
                        tensor.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()));
                    (tensor.shape().to_vec(), numbers.collect())
                };
                let ((weight_shape, weight), (bias_shape, bias)) = (numbers("weight"), numbers("bias"));
                assert_eq!((&weight_shape[..], &bias_shape[..]), (&shape[..], &shape[..1]));
                let rows = bias.iter().zip(weight.chunks_exact(shape[1]));
                let book_order: Vec<f32> = rows.flat_map(|(bias, row)| [&[*bias], row].concat()).collect();
                assert_eq!(book_order, network.weights(layer));
                names.extend(["weight", "bias"].map(|part| format!("{prefix}{module}.{part}")));
            }
        }
        assert_eq!(tensors.names().into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), names);
        let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let description = &metadata.metadata().as_ref().unwrap()["network"];
        assert_eq!(description, "3-2-1 tanh: p(t = 0) is the sigmoid of the output");
    }
}
