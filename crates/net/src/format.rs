//! Model files: a network, and what its user wants to keep with it, in a [`container`](crate::container).
//!
//! Each layer has two tensors in the book's order, `layer1.bias` of shape (outputs) and `layer1.weight` of shape (outputs,
//! inputs).
//!
//! A file can hold an ensemble: several networks of the same shape. Then the description says how many, and the names of the
//! tensors begin with their network: `network1.layer1.bias`.

use std::path::Path;
use std::slice;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::container::{Format, Numbers, Reader, Unreadable, Writer};
use crate::parameters::Parameters;
use crate::{Error, Network, OutputLayer, Shape, file};

/// The format of model files, and the only version that this library reads.
pub const FORMAT: Format = Format { name: "model", version: 2 };

/// The architecture of a network, as files describe it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Architecture {
    /// Of an ensemble.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    networks: Option<usize>,
    widths: Vec<usize>,
    activation: String,
    /// The kind of the output layer, and what its units mean.
    output: String,
}

impl Architecture {
    pub(crate) fn of(networks: &[Network]) -> Architecture {
        let shape = networks.first().expect("a model has at least one network").shape();
        assert!(networks.iter().all(|network| network.shape() == shape), "the networks of a model have the same shape");
        Architecture {
            networks: (networks.len() > 1).then_some(networks.len()),
            widths: [&[shape.inputs()], shape.hidden(), &[shape.outputs()]].concat(),
            activation: shape.activation().to_string(),
            output: description_of(shape.output_layer()).to_owned(),
        }
    }

    pub(crate) fn shape(&self) -> Result<Shape, Unreadable> {
        let [inputs, hidden @ .., outputs] = &self.widths[..] else {
            return Err(Unreadable::Description("its widths do not run from the inputs to the outputs".to_owned()));
        };
        let activation = self.activation.parse().map_err(|error| Unreadable::Description(format!("{error}")))?;
        let output_layer = OutputLayer::ALL.into_iter().find(|kind| description_of(*kind) == self.output);
        let output_layer = output_layer.ok_or_else(|| {
            let known = OutputLayer::ALL.map(description_of).join("', '");
            let reason = format!("its output is '{}', but this program knows only '{known}'", self.output);
            Unreadable::Description(reason)
        })?;
        Shape::new(*inputs, hidden, activation)
            .and_then(|shape| shape.with_output_layer(output_layer, *outputs))
            .map_err(|error| Unreadable::Description(error.to_string()))
    }
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
///
/// # Panics
/// As [`to_bytes`].
pub fn save(path: &Path, network: &Network, metadata: &impl Serialize) -> Result<(), Error> {
    save_ensemble(path, slice::from_ref(network), metadata)
}

/// As [`save`], of several networks.
///
/// # Errors
/// As [`save`].
///
/// # Panics
/// As [`ensemble_to_bytes`].
pub fn save_ensemble(path: &Path, networks: &[Network], metadata: &impl Serialize) -> Result<(), Error> {
    file::write_atomically(path, &ensemble_to_bytes(networks, metadata))
}

/// Reads a network and the caller's metadata from the file at `path`.
///
/// # Errors
/// If the file cannot be read, is not a model file of this version, was changed since it was written, holds several networks,
/// or has tensors that do not fit its architecture, weights that are not finite, or metadata of another type.
pub fn load<M: DeserializeOwned>(path: &Path) -> Result<(Network, M), Error> {
    read(path, from_bytes)
}

/// Reads one network or several, and the caller's metadata, from the file at `path`.
///
/// # Errors
/// As [`load`], but for several networks.
pub fn load_ensemble<M: DeserializeOwned>(path: &Path) -> Result<(Vec<Network>, M), Error> {
    read(path, ensemble_from_bytes)
}

fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, Unreadable>) -> Result<T, Error> {
    parse(&file::read(path)?).map_err(|reason| Error::Model { path: path.to_owned(), reason })
}

/// The bytes of a model file. The same network and metadata give the same bytes.
///
/// # Panics
/// If the metadata cannot become JSON, or the network has thousands of layers.
pub fn to_bytes(network: &Network, metadata: &impl Serialize) -> Vec<u8> {
    ensemble_to_bytes(slice::from_ref(network), metadata)
}

/// As [`to_bytes`], of several networks. Of one, it gives the same bytes as that.
///
/// # Panics
/// As [`to_bytes`], or if there is no network, or one of another shape.
pub fn ensemble_to_bytes(networks: &[Network], metadata: &impl Serialize) -> Vec<u8> {
    let mut writer = Writer::new(FORMAT, &Architecture::of(networks), metadata);
    for (number, network) in networks.iter().enumerate() {
        write_network(&mut writer, &prefix(number, networks.len()), network);
    }
    writer.finish()
}

/// Reads a network and the caller's metadata from the bytes of a model file. The error says what is wrong with them.
///
/// Besides the network and the metadata, it allocates less than the bytes are, and 256 KiB. It makes neither before it
/// knows that the file holds all that it says.
///
/// # Errors
/// As [`load`].
pub fn from_bytes<M: DeserializeOwned>(bytes: &[u8]) -> Result<(Network, M), Unreadable> {
    let (mut networks, metadata) = ensemble_from_bytes(bytes)?;
    match (networks.pop(), networks.len()) {
        (Some(network), 0) => Ok((network, metadata)),
        (_, others) => Err(Unreadable::Ensemble { networks: 1 + others }),
    }
}

/// As [`from_bytes`], of one network or several.
///
/// # Errors
/// As [`load_ensemble`].
pub fn ensemble_from_bytes<M: DeserializeOwned>(bytes: &[u8]) -> Result<(Vec<Network>, M), Unreadable> {
    let mut reader = Reader::open(FORMAT, bytes)?;
    let architecture = reader.description::<Architecture>()?;
    let (shape, count) = (architecture.shape()?, architecture.networks.unwrap_or(1));
    if architecture.networks.is_some_and(|networks| networks < 2) {
        return Err(Unreadable::Description("an ensemble has two networks or more".to_owned()));
    }
    let mut layers = Vec::new();
    for number in 0..count {
        layers.push(read_layers(&mut reader, &prefix(number, count), &shape)?);
    }
    let metadata = reader.metadata()?;
    reader.finish()?;
    Ok((layers.into_iter().map(|layers| network(shape.clone(), layers)).collect(), metadata))
}

/// How the names of the tensors of a network of several begin; it is counted from 0 here and from 1 in them.
fn prefix(number: usize, networks: usize) -> String {
    if networks == 1 { String::new() } else { format!("network{}.", number + 1) }
}

/// Adds the tensors of a network. Their names begin with `prefix`.
pub(crate) fn write_network(writer: &mut Writer, prefix: &str, network: &Network) {
    for (layer, widths) in network.shape().layers().enumerate() {
        let weights = network.parameters.book_order(layer);
        let rows = || weights.chunks_exact(1 + widths.inputs);
        let [bias, weight] = names(prefix, layer);
        writer.tensor(&bias, &[widths.outputs], rows().map(|row| row[0]));
        writer.tensor(&weight, &[widths.outputs, widths.inputs], rows().flat_map(|row| &row[1..]).copied());
    }
}

/// The biases and weights of each layer of a network of this shape, still in the file: whether they are all there should
/// be known before [`network`] makes room for them.
pub(crate) fn read_layers<'a>(
    reader: &mut Reader<'a>,
    prefix: &str,
    shape: &Shape,
) -> Result<Vec<[Numbers<'a>; 2]>, Unreadable> {
    let layers = shape.layers().enumerate().map(|(layer, widths)| {
        let [bias, weight] = names(prefix, layer);
        Ok([reader.tensor(&bias, &[widths.outputs])?, reader.tensor(&weight, &[widths.outputs, widths.inputs])?])
    });
    layers.collect()
}

/// The network of this shape with these biases and weights.
pub(crate) fn network(shape: Shape, layers: Vec<[Numbers<'_>; 2]>) -> Network {
    let mut parameters = Parameters::zeros(&shape);
    for ((layer, widths), [biases, mut weights]) in shape.layers().enumerate().zip(layers) {
        let mut book_order = Vec::with_capacity(biases.len() + weights.len());
        for bias in biases {
            book_order.push(bias);
            book_order.extend(weights.by_ref().take(widths.inputs));
        }
        parameters.set_book_order(layer, &book_order);
    }
    Network { shape, parameters }
}

/// The names of the two tensors of a layer, counted from 0 here and from 1 in them.
fn names(prefix: &str, layer: usize) -> [String; 2] {
    ["bias", "weight"].map(|part| format!("{prefix}layer{}.{part}", layer + 1))
}
