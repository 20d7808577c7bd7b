//! Model files: safetensors with the architecture as JSON.
//!
//! Each layer has two tensors in the book's order, `layer1.weight` of shape (outputs, inputs) and `layer1.bias` of shape
//! (outputs), as f32. The file's metadata has one entry, [`METADATA_KEY`], a JSON object with the format's version, the
//! architecture and the caller's own strings.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::file::write_atomically;
use crate::{Activation, Error, Network, OutputLayer, Shape};

/// The metadata entry of a model file.
pub const METADATA_KEY: &str = "backprop";

/// The version of the format that this library writes, and the only one that it reads.
pub const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    version: u32,
    widths: Vec<usize>,
    activation: String,
    /// The kind of the output layer, and what its units mean.
    output: String,
    metadata: BTreeMap<String, String>,
}

/// What `output` says of each kind.
fn description_of(output_layer: OutputLayer) -> &'static str {
    match output_layer {
        OutputLayer::Sigmoid => "sigmoid: p(t = 0)",
        OutputLayer::Softmax => "softmax: p(class)",
        OutputLayer::Identity => "identity: mean",
    }
}

/// Writes `network` and the caller's `metadata` to the file at `path`, which is replaced as a whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn save(path: &Path, network: &Network, metadata: &BTreeMap<String, String>) -> Result<(), Error> {
    write_atomically(path, &to_bytes(network, metadata))
}

/// Reads a network and the caller's metadata from the file at `path`.
///
/// # Errors
/// If the file cannot be read, is not a model file of this version, or has tensors that do not fit its architecture or
/// weights that are not finite.
pub fn load(path: &Path) -> Result<(Network, BTreeMap<String, String>), Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::File { action: "read", path: path.to_owned(), source })?;
    from_bytes(&bytes).map_err(|reason| Error::Model { path: path.to_owned(), reason })
}

/// The bytes of a model file. The same network and metadata give the same bytes.
pub fn to_bytes(network: &Network, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let shape = network.shape();
    let widths = [&[shape.inputs()], shape.hidden(), &[shape.outputs()]].concat();
    let description = Description {
        version: VERSION,
        widths,
        activation: shape.activation().to_string(),
        output: description_of(shape.output_layer()).to_owned(),
        metadata: metadata.clone(),
    };
    let description = serde_json::to_string(&description).expect("strings and numbers become JSON");

    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = shape
        .layers()
        .enumerate()
        .flat_map(|(layer, widths)| {
            let weights = network.parameters.book_order(layer);
            let rows = || weights.chunks_exact(1 + widths.inputs);
            let biases = rows().flat_map(|row| row[0].to_le_bytes()).collect();
            let weights = rows().flat_map(|row| &row[1..]).flat_map(|weight| weight.to_le_bytes()).collect();
            let name = |part| format!("layer{}.{part}", layer + 1);
            [
                (name("weight"), vec![widths.outputs, widths.inputs], weights),
                (name("bias"), vec![widths.outputs], biases),
            ]
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("the bytes fit the shape"))
    });
    // One entry only: the order of several would not be fixed.
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), description)]);
    safetensors::serialize(views, Some(metadata)).expect("tensors in memory can be serialised")
}

/// Reads a network and the caller's metadata from the bytes of a model file. The error says what is wrong with them.
///
/// # Errors
/// As [`load`].
pub fn from_bytes(bytes: &[u8]) -> Result<(Network, BTreeMap<String, String>), String> {
    let (_, header) =
        SafeTensors::read_metadata(bytes).map_err(|error| format!("it is no safetensors file: {error}"))?;
    let metadata = header.metadata().as_ref().and_then(|metadata| metadata.get(METADATA_KEY));
    let json = metadata.ok_or("it is a safetensors file, but not one that backprop wrote")?;
    let value: serde_json::Value =
        serde_json::from_str(json).map_err(|error| format!("its description is not JSON: {error}"))?;
    let version = value.get("version").and_then(serde_json::Value::as_u64).ok_or("its description has no version")?;
    if version != u64::from(VERSION) {
        return Err(format!("it has version {version} of the format, but this program reads version {VERSION}"));
    }
    let description: Description =
        serde_json::from_value(value).map_err(|error| format!("its description cannot be understood: {error}"))?;

    let activation: Activation = description.activation.parse().map_err(|error| format!("{error}"))?;
    let output_layer = OutputLayer::ALL.into_iter().find(|kind| description_of(*kind) == description.output);
    let output_layer = output_layer.ok_or_else(|| {
        let known = OutputLayer::ALL.map(description_of).join("', '");
        format!("its output is '{}', but this program knows only '{known}'", description.output)
    })?;
    let [inputs, hidden @ .., outputs] = &description.widths[..] else {
        return Err("its architecture is not a list of widths from the inputs to the outputs".into());
    };
    // The weights are in the file, so an architecture that is larger than the file is false.
    let weights = description
        .widths
        .windows(2)
        .try_fold(0usize, |sum, pair| sum.checked_add(pair[1].checked_mul(pair[0].checked_add(1)?)?));
    if weights.and_then(|weights| weights.checked_mul(4)).is_none_or(|weight_bytes| weight_bytes > bytes.len()) {
        return Err("its architecture has more weights than the file holds".into());
    }
    let shape = Shape::new(*inputs, hidden, activation)
        .and_then(|shape| shape.with_output_layer(output_layer, *outputs))
        .map_err(|error| error.to_string())?;

    let tensors = SafeTensors::deserialize(bytes).map_err(|error| format!("its tensors are damaged: {error}"))?;
    if tensors.len() != 2 * shape.layers().len() {
        return Err(format!(
            "it has {} tensors, but the architecture wants {}",
            tensors.len(),
            2 * shape.layers().len()
        ));
    }
    let mut layers = Vec::new();
    for (layer, widths) in shape.layers().enumerate() {
        let biases = numbers(&tensors, format!("layer{}.bias", layer + 1), &[widths.outputs])?;
        let weights = numbers(&tensors, format!("layer{}.weight", layer + 1), &[widths.outputs, widths.inputs])?;
        let rows = biases.iter().zip(weights.chunks_exact(widths.inputs));
        layers.push(rows.flat_map(|(bias, row)| std::iter::once(bias).chain(row)).copied().collect::<Vec<f32>>());
    }
    let network = Network::from_weights(shape, &layers).map_err(|error| error.to_string())?;
    Ok((network, description.metadata))
}

/// The numbers of the tensor `name`, which must have this shape.
fn numbers(tensors: &SafeTensors<'_>, name: String, shape: &[usize]) -> Result<Vec<f32>, String> {
    let tensor = tensors.tensor(&name).map_err(|_| format!("the tensor {name} is missing"))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        let (dtype, found) = (tensor.dtype(), tensor.shape());
        return Err(format!("the tensor {name} is {dtype:?} of shape {found:?}, not F32 of shape {shape:?}"));
    }
    let (numbers, _) = tensor.data().as_chunks::<4>();
    Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
