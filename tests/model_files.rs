//! Model files: what is saved comes back, and what is damaged is refused with a reason.

use std::collections::BTreeMap;

use net::{Activation, Error, Network, OutputLayer, Shape, format};

fn network() -> Network {
    Network::builder(5).hidden(&[40, 3]).activation(Activation::Tanh).seed(11).build().unwrap()
}

fn metadata() -> BTreeMap<String, String> {
    [("table", "{\"columns\":[\"a\"]}"), ("note", "Grüße\n")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

#[test]
fn what_is_saved_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    format::save(&path, &network(), &metadata()).unwrap();
    let (loaded, found) = format::load(&path).unwrap();
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
            let (loaded, _) = format::from_bytes(&format::to_bytes(&network, &metadata())).unwrap();
            assert_eq!(loaded.shape(), network.shape());
            assert_eq!(loaded.weights(2), network.weights(2), "{output_layer}");
        }
    }
}

/// Files of one sigmoid unit that were written before there were other output layers: the same bytes, and they load.
#[test]
fn the_layout_of_version_1_stays() {
    let header = r#"{"__metadata__":{"backprop":"{\"version\":1,\"widths\":[2,1,1],\"activation\":\"tanh\",\"output\":\"sigmoid: p(t = 0)\",\"metadata\":{\"note\":\"x\"}}"},"layer1.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"layer1.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[4,12]},"layer2.bias":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},"layer2.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[16,20]}}      "#;
    let numbers: [f32; 5] = [0.5, -1.0, 2.0, 0.25, -3.0];
    let mut golden = (header.len() as u64).to_le_bytes().to_vec();
    golden.extend(header.bytes());
    golden.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));

    let weights = [numbers[..3].to_vec(), numbers[3..].to_vec()];
    let network = Network::from_weights(Shape::new(2, &[1], Activation::Tanh).unwrap(), &weights).unwrap();
    let (loaded, found) = format::from_bytes(&golden).unwrap();
    assert_eq!((loaded.shape(), &found["note"][..]), (network.shape(), "x"));
    assert_eq!([loaded.weights(1), loaded.weights(2)], weights);
    assert_eq!(format::to_bytes(&network, &found), golden);
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

#[test]
fn damaged_files_are_refused() {
    let good = format::to_bytes(&network(), &metadata());
    let edited = |from: &str, to: &str| {
        // Replacements of equal length keep the header's size.
        assert_eq!(from.len(), to.len());
        let at = good.windows(from.len()).position(|window| window == from.as_bytes()).expect(from);
        let mut bytes = good.clone();
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        bytes
    };
    let mut not_finite = good.clone();
    let end = not_finite.len();
    not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    let cases = [
        (Vec::new(), "safetensors"),
        (b"not a model at all".to_vec(), "safetensors"),
        (good[..good.len() - 1].to_vec(), "safetensors"),
        (edited("\\\"version\\\":1", "\\\"version\\\":9"), "version 9"),
        (edited("\\\"tanh\\\"", "\\\"tank\\\""), "tank"),
        (edited("[5,40,3,1]", "[5,43,0,1]"), "hidden layer 2"),
        (edited("[5,40,3,1]", "[5,41,3,1]"), "shape"),
        (edited("[5,40,3,1]", "[9999999,1"), "not JSON"),
        (edited("widths", "widhts"), "cannot be understood"),
        (edited("[5,40,3,1]", "[999999,1]"), "more weights than the file"),
        (edited("[5,40,3,1]", "[5,40,3,2]"), "layer3.bias"),
        (edited("[5,40,3,1]", "[5,40,3,0]"), "at least one output"),
        (edited("sigmoid: p(t = 0)", "sigmoid: p(t = 1)"), "p(t = 1)"),
        (edited("layer2.bias", "layer9.bias"), "layer2.bias"),
        (not_finite, "not finite"),
    ];
    for (bytes, expected) in cases {
        let reason = format::from_bytes(&bytes).expect_err(expected);
        assert!(reason.contains(expected), "'{reason}' does not say '{expected}'");
        assert!(!reason.contains('\n'), "one line: {reason}");
    }
}

#[test]
fn every_truncation_is_refused() {
    let good = format::to_bytes(&network(), &metadata());
    for length in 0..good.len() {
        assert!(format::from_bytes(&good[..length]).is_err(), "the first {length} bytes pass for a model");
    }
}

#[test]
fn a_missing_file_is_named() {
    let error = format::load("no/such/model".as_ref()).unwrap_err();
    assert!(matches!(error, Error::File { action: "read", .. }));
    assert!(error.to_string().contains("no/such/model"), "{error}");
}
