//! Temperature scaling finds what SciPy finds, and a network that was scaled by it predicts with a smaller log loss.

use net::metrics::{BinaryPredictions, MetricError};
use net::random::Random;
use net::temperature::Temperature;
use net::{Dataset, Error, Level, Network, OutputLayer, Predictor};
use serde_json::Value;

/// A data set of these targets; its features do not matter.
fn data(kind: &str, outputs: usize, targets: Vec<f32>) -> Dataset {
    let rows = if kind == "labels" { targets.len() / outputs } else { targets.len() };
    let features = vec![0.0; rows];
    match kind {
        "labels" => Dataset::multi_label(1, features, outputs, targets),
        _ => Dataset::multi_class(1, features, outputs, targets),
    }
    .unwrap()
}

#[test]
fn the_temperature_is_that_of_scipy() {
    let reference: Value = serde_json::from_str(include_str!("metrics/reference.json")).unwrap();
    let cases = reference["temperatures"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let numbers = |name: &str| -> Vec<f32> { serde_json::from_value(case[name].clone()).unwrap() };
        let outputs = case["outputs"].as_u64().unwrap() as usize;
        let unweighted = data(case["kind"].as_str().unwrap(), outputs, numbers("targets"));
        let weighted = unweighted.clone().with_weights(numbers("weights")).unwrap();
        for (name, data) in [("unweighted", unweighted), ("weighted", weighted)] {
            let temperature = Temperature::fit(&numbers("preactivations"), &data).unwrap();
            // To the last bit: the reference's error is far below half of one.
            assert_eq!(temperature.inverse(), case[name].as_f64().unwrap() as f32, "{}, {name}", case["name"]);
            assert!((temperature.value() * f64::from(temperature.inverse()) - 1.0).abs() < 1e-15);
        }
    }
}

/// Rows of class 1 with a probability that grows with the feature, and a network that is too sure of it.
fn too_sure() -> (Network, Dataset) {
    let mut random = Random::new(1, 0);
    let features: Vec<f32> = (0..2000).map(|_| 4.0 * random.unit() - 2.0).collect();
    let targets =
        features.iter().map(|x| f32::from(u8::from(random.unit() < kernels::reference::sigmoid(*x)))).collect();
    let data = Dataset::new(1, features, targets).unwrap();
    let shape = Network::builder(1).build().unwrap().shape().clone();
    // a = ln p(t = 0) - ln p(t = 1) should be -x.
    (Network::from_weights(shape, &[vec![0.0, -4.0]]).unwrap(), data)
}

#[test]
fn a_scaled_network_has_a_smaller_log_loss_and_the_same_order() {
    let (mut network, data) = too_sure();
    let metrics = |network: &Network| -> Result<(f64, f64), MetricError> {
        let mut prob_t1 = vec![0.0; data.rows()];
        Predictor::new(network).prob_t1(data.features(), &mut prob_t1).unwrap();
        let predictions = BinaryPredictions::new(data.targets(), &prob_t1)?;
        Ok((predictions.log_loss(), predictions.roc_auc()?))
    };
    let (loss_before, auc_before) = metrics(&network).unwrap();
    let mut preactivations = vec![0.0; data.rows()];
    let mut bits = Vec::new();
    for level in Level::available().into_iter().filter(|level| level.is_fused()) {
        Predictor::new(&network).with_level(level).preactivations(data.features(), &mut preactivations).unwrap();
        bits.push(Temperature::fit(&preactivations, &data).unwrap().inverse().to_bits());
    }
    assert!(bits.windows(2).all(|two| two[0] == two[1]), "levels give the same bits: {bits:?}");

    let temperature = Temperature::fit(&preactivations, &data).unwrap();
    assert!((3.3..5.0).contains(&temperature.value()), "near 4, but for chance: {temperature:?}");
    network.scale_output(temperature.inverse()).unwrap();
    assert_eq!(network.weights(1), [0.0, -4.0 * temperature.inverse()]);
    let (loss_after, auc_after) = metrics(&network).unwrap();
    assert!(loss_after < loss_before && (auc_after - auc_before).abs() < 1e-3, "{loss_before} to {loss_after}");

    // Nothing is left to be gained.
    Predictor::new(&network).preactivations(data.features(), &mut preactivations).unwrap();
    let again = Temperature::fit(&preactivations, &data).unwrap();
    assert!((again.value() - 1.0).abs() < 1e-5, "{again:?}");
}

#[test]
fn preactivations_are_what_probabilities_come_from() {
    let features = [0.3, -1.0, 2.0, 0.5];
    let network = Network::builder(2).hidden(&[5]).output_layer(OutputLayer::Softmax, 3).seed(3).build().unwrap();
    let (mut a, mut p) = ([0.0; 6], [0.0; 6]);
    let mut predictor = Predictor::new(&network);
    predictor.preactivations(&features, &mut a).unwrap();
    predictor.class_probabilities(&features, &mut p).unwrap();
    for (a, p) in a.chunks(3).zip(p.chunks(3)) {
        let sum: f64 = a.iter().map(|a| f64::from(*a).exp()).sum();
        for (a, p) in a.iter().zip(p) {
            assert!((f64::from(*a).exp() / sum - f64::from(*p)).abs() < 1e-6);
        }
    }
    let mut short = [0.0; 5];
    assert!(matches!(predictor.preactivations(&features, &mut short), Err(Error::Length { .. })));
}

/// Whatever the rows, there is a temperature, within its bounds.
#[test]
fn where_the_loss_has_no_minimum() {
    let inverse =
        |a: &[f32], targets: &[f32]| Temperature::fit(a, &data("labels", 1, targets.to_vec())).unwrap().inverse();
    // All right, all wrong, and nothing known.
    assert_eq!(inverse(&[2.0, -1.0], &[0.0, 1.0]), 20.0);
    assert_eq!(inverse(&[2.0, -1.0], &[1.0, 0.0]), 0.05);
    assert_eq!(inverse(&[0.0, 0.0], &[1.0, 0.0]), 1.0);
    // The loss is 0 already.
    assert_eq!(inverse(&[1e30, -1e30], &[0.0, 1.0]), 1.0);
    // Very sure, and wrong once in a hundred.
    let mut targets = vec![0.0; 100];
    targets[7] = 1.0;
    let found = inverse(&[50.0; 100], &targets);
    assert!((f64::from(found) - 99.0_f64.ln() / 50.0).abs() < 1e-7, "{found}");
    let classes = data("classes", 3, vec![0.0, 2.0]);
    assert_eq!(Temperature::fit(&[1.0; 6], &classes).unwrap().inverse(), 1.0);
    assert_eq!(Temperature::fit(&[9.0, 0.0, 0.0, 0.0, 0.0, 9.0], &classes).unwrap().inverse(), 20.0);
}

#[test]
fn impossible_arguments_are_errors() {
    let two = data("labels", 1, vec![0.0, 1.0]);
    assert!(matches!(Temperature::fit(&[1.0], &two), Err(Error::Length { expected: 2, .. })));
    let error = Temperature::fit(&[1.0, f32::NAN], &two).unwrap_err().to_string();
    assert_eq!(error, "row 2: a preactivation of the output is NaN, but must be finite");
    let numbers = Dataset::regression(1, vec![0.0], 1, vec![0.5]).unwrap();
    let error = Temperature::fit(&[1.0], &numbers).unwrap_err().to_string();
    assert!(error.contains("have no temperature"), "{error}");

    let (mut network, _) = too_sure();
    let weights = network.weights(1);
    for factor in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e38] {
        assert!(network.scale_output(factor).is_err(), "{factor}");
        assert_eq!(network.weights(1), weights);
    }
}
