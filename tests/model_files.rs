//! Model files: what is saved comes back, and what is damaged is refused with a reason.

use std::collections::BTreeMap;

use net::digest::Digest;
use net::{Activation, Error, Network, OutputLayer, Shape, format};

fn network() -> Network {
    Network::builder(5).hidden(&[40, 3]).activation(Activation::Tanh).seed(11).build().unwrap()
}

type Metadata = BTreeMap<String, String>;

fn metadata() -> Metadata {
    [("table", "{\"columns\":[\"a\"]}"), ("note", "Grüße\n")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

#[test]
fn what_is_saved_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    format::save(&path, &network(), &metadata()).unwrap();
    let (loaded, found) = format::load::<Metadata>(&path).unwrap();
    assert_eq!(found, metadata());
    assert_eq!(loaded.shape(), network().shape());
    for layer in 1..=3 {
        assert_eq!(loaded.weights(layer), network().weights(layer), "layer {layer}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), format::to_bytes(&loaded, &found), "the same bytes once more");
}

#[test]
fn every_output_layer_comes_back() {
    for output_layer in OutputLayer::ALL {
        for outputs in [2, 37] {
            let network = Network::builder(5).hidden(&[3]).output_layer(output_layer, outputs).seed(1).build().unwrap();
            let (loaded, _) = format::from_bytes::<Metadata>(&format::to_bytes(&network, &metadata())).unwrap();
            assert_eq!(loaded.shape(), network.shape());
            assert_eq!(loaded.weights(2), network.weights(2), "{output_layer}");
        }
    }
}

#[test]
fn every_activation_comes_back() {
    for activation in Activation::ALL {
        let network = Network::builder(5).hidden(&[3]).activation(activation).seed(1).build().unwrap();
        let (loaded, _) = format::from_bytes::<Metadata>(&format::to_bytes(&network, &metadata())).unwrap();
        assert_eq!(loaded.shape(), network.shape());
    }
}

#[test]
fn an_ensemble_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let other = Network::builder(5).hidden(&[40, 3]).activation(Activation::Tanh).seed(12).build().unwrap();
    let networks = [network(), other, network()];
    format::save_ensemble(&path, &networks, &metadata()).unwrap();
    let (loaded, found) = format::load_ensemble::<Metadata>(&path).unwrap();
    assert_eq!((loaded.len(), found), (3, metadata()));
    for (loaded, network) in loaded.iter().zip(&networks) {
        assert!((1..=3).all(|layer| loaded.weights(layer) == network.weights(layer)));
    }
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes, format::ensemble_to_bytes(&networks, &metadata()));
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("network2.layer1.weight").unwrap().shape(), [40, 5]);
    let error = format::load::<Metadata>(&path).unwrap_err().to_string();
    assert!(error.contains("an ensemble of 3 networks, not one"), "{error}");

    let one = format::to_bytes(&network(), &metadata());
    assert_eq!(format::ensemble_to_bytes(&networks[..1], &metadata()), one);
    assert_eq!(format::ensemble_from_bytes::<Metadata>(&one).unwrap().0.len(), 1);
    for length in 0..bytes.len() {
        assert!(format::ensemble_from_bytes::<Metadata>(&bytes[..length]).is_err(), "the first {length} bytes");
    }
}

/// The digest was computed by another program, Python's hashlib, as docs/model-format.md says.
#[test]
fn the_layout_of_version_2_stays() {
    let header = r#"{"__metadata__":{"backprop":"{\"format\":\"model\",\"version\":2,\"digest\":\"DIGEST\",\"widths\":[2,1,1],\"activation\":\"tanh\",\"output\":\"sigmoid: p(t = 0)\"}","metadata":"{\"note\":\"x\"}"},"layer1.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"layer1.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},"layer2.bias":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},"layer2.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[16,20]}} "#;
    let header = header.replace("DIGEST", "5dad8f393b7af7664868e106dbfd46e962c6c51245f5d44b841d3c8465314f7c");
    let numbers: [f32; 5] = [0.5, -1.0, 2.0, 0.25, -3.0];
    let mut golden = (header.len() as u64).to_le_bytes().to_vec();
    golden.extend(header.bytes());
    golden.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));

    let weights = [numbers[..3].to_vec(), numbers[3..].to_vec()];
    let network = Network::from_weights(Shape::new(2, &[1], Activation::Tanh).unwrap(), &weights).unwrap();
    let note = Metadata::from([("note".to_owned(), "x".to_owned())]);
    assert_eq!(String::from_utf8_lossy(&format::to_bytes(&network, &note)), String::from_utf8_lossy(&golden));
    let (loaded, found) = format::from_bytes::<Metadata>(&golden).unwrap();
    assert_eq!((loaded.shape(), found), (network.shape(), note));
    assert_eq!([loaded.weights(1), loaded.weights(2)], weights);
}

/// Any safetensors reader finds the weights in the order of the book.
#[test]
fn tensors_are_in_book_order() {
    let bytes = format::to_bytes(&network(), &metadata());
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weight = tensors.tensor("layer1.weight").unwrap();
    assert_eq!(weight.shape(), [40, 5]);
    let book = network().weights(1);
    let at = |unit: usize, input: usize| (unit * 5 + input) * 4;
    let found = f32::from_le_bytes(weight.data()[at(7, 2)..][..4].try_into().unwrap());
    assert_eq!(found, book[7 * 6 + 1 + 2]);
    assert_eq!(tensors.tensor("layer2.bias").unwrap().shape(), [3]);
}

/// The file with other text in the place of `from`, and the digest of that: what no accident makes.
fn forged(from: &str, to: &str) -> Vec<u8> {
    let good = format::to_bytes(&network(), &metadata());
    let at = good.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
    let mut bytes = [&good[..at], to.as_bytes(), &good[at + from.len()..]].concat();
    let header = u64::from_le_bytes(*good.first_chunk().unwrap()) + to.len() as u64 - from.len() as u64;
    bytes[..8].copy_from_slice(&header.to_le_bytes());
    sign(&mut bytes);
    bytes
}

fn sign(bytes: &mut [u8]) {
    let before = br#"\"digest\":\""#;
    if let Some(at) = bytes.windows(before.len()).position(|window| window == before) {
        let digits = at + before.len()..at + before.len() + 64;
        bytes[digits.clone()].fill(b'0');
        let digest = Digest::of([&*bytes]).to_string();
        bytes[digits].copy_from_slice(digest.as_bytes());
    }
}

#[test]
fn files_that_cannot_be_are_refused() {
    let mut not_finite = format::to_bytes(&network(), &metadata());
    let end = not_finite.len();
    not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    sign(&mut not_finite);
    let cases = [
        (Vec::new(), "safetensors"),
        (b"not a model at all".to_vec(), "safetensors"),
        (forged("\\\"version\\\":2", "\\\"version\\\":1"), "version 1 of the format, but this program reads version 2"),
        (forged("\\\"version\\\":2", "\\\"version\\\":90"), "version 90"),
        (forged("\\\"model\\\"", "\\\"checkpoint\\\""), "it is a checkpoint, not a model"),
        (forged("\\\"tanh\\\"", "\\\"tank\\\""), "tank"),
        (forged("[5,40,3,1]", "[5,43,0,1]"), "hidden layer 2"),
        (forged("[5,40,3,1]", "[5,41,3,1]"), "no tensor layer1.bias of shape [41]"),
        (forged("[5,40,3,1]", "[5]"), "do not run from the inputs to the outputs"),
        (forged("[5,40,3,1]", "[5,40,3,-1]"), "invalid value"),
        (forged("[5,40,3,1]", "[99999,99999,1]"), "layer1.bias would take 399996 bytes, but the file has only"),
        (forged("[5,40,3,1]", "[9999999999,9999999999,1]"), "more weights than can be counted"),
        (forged("[5,40,3,1]", "[99999999,9999999,1]"), "would take"),
        (forged("[5,40,3,1]", "[5,40,3,2]"), "layer3.bias"),
        (forged("[5,40,3,1]", "[5,40,3,0]"), "at least one output"),
        (forged("[5,40,3,1]", "[5,40,3]"), "more in it than its description says"),
        (forged("\\\"widths", "\\\"networks\\\":2,\\\"widths"), "no tensor network1.layer1.bias"),
        (forged("\\\"widths", "\\\"networks\\\":1,\\\"widths"), "two networks or more"),
        (forged("widths", "widhts"), "unknown field `widhts`"),
        (forged("sigmoid: p(t = 0)", "sigmoid: p(t = 1)"), "p(t = 1)"),
        (forged("layer2.bias", "layer9.bias"), "layer2.bias"),
        (forged("\\\"note\\\":", "\\\"note\\\":1"), "metadata cannot be understood"),
        (not_finite, "not finite"),
    ];
    for (bytes, expected) in cases {
        let reason = format::from_bytes::<Metadata>(&bytes).expect_err(expected).to_string();
        assert!(reason.contains(expected), "'{reason}' does not say '{expected}'");
        assert!(!reason.contains('\n'), "one line: {reason}");
    }
}

/// As deep as the stack would not bear.
#[test]
fn nested_metadata_are_refused() {
    let deep = "[".repeat(1 << 20);
    let bytes = forged("\\\"note\\\":", &format!("\\\"note\\\":{deep}"));
    let reason = format::from_bytes::<serde_json::Value>(&bytes).unwrap_err().to_string();
    assert!(reason.contains("recursion limit"), "{reason}");
}

#[test]
fn every_truncation_is_refused() {
    let good = format::to_bytes(&network(), &metadata());
    for length in 0..good.len() {
        assert!(format::from_bytes::<Metadata>(&good[..length]).is_err(), "the first {length} bytes pass for a model");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = format::load::<Metadata>("no/such/model".as_ref()).unwrap_err();
    assert!(matches!(error, Error::File { action: "read", .. }));
    assert!(error.to_string().contains("no/such/model"), "{error}");
}
