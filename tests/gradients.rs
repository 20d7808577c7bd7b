//! The gradient is right: backpropagation in f64 against central differences, and the f32 gradient of every level against
//! the f64 one, over hundreds of random networks.

use net::explanation::Explanation;
use net::gradient_check::{CentralDifferences, WeightIndex, check, check_with_dropout};
use net::random::Random;
use net::{Activation, Dataset, Dropout, Level, Network, OutputLayer, TargetKind};
use proptest::prelude::*;

/// Features around 0, and random targets for so many units of an output layer.
fn targeted(output_layer: OutputLayer, outputs: usize, inputs: usize, rows: usize, seed: u64) -> Dataset {
    let mut random = Random::new(seed, 9);
    let features = (0..inputs * rows).map(|_| 4.0 * random.unit() - 2.0).collect();
    let data = match output_layer {
        OutputLayer::Sigmoid => {
            let targets = (0..outputs * rows).map(|_| random.below(2) as f32).collect();
            Dataset::multi_label(inputs, features, outputs, targets)
        }
        OutputLayer::Softmax => {
            let targets = (0..rows).map(|_| random.below(outputs as u32) as f32).collect();
            Dataset::multi_class(inputs, features, outputs, targets)
        }
        OutputLayer::Identity => {
            let targets = (0..outputs * rows).map(|_| 4.0 * random.unit() - 2.0).collect();
            Dataset::regression(inputs, features, outputs, targets)
        }
    };
    data.expect("sound data")
}

fn data(inputs: usize, rows: usize, seed: u64) -> Dataset {
    targeted(OutputLayer::Sigmoid, 1, inputs, rows, seed)
}

/// An output layer, its units, and the smoothing of its labels.
fn head(most: usize) -> impl Strategy<Value = (OutputLayer, usize, f32)> {
    let smoothing = prop_oneof![Just(0.0f32), 0.0f32..0.9];
    (prop::sample::select(OutputLayer::ALL.to_vec()), prop_oneof![2 => 1usize..=5, 1 => 1..=most], smoothing).prop_map(
        |(output_layer, outputs, smoothing)| match output_layer {
            OutputLayer::Sigmoid => (output_layer, outputs, smoothing),
            OutputLayer::Softmax => (output_layer, outputs + 1, smoothing),
            OutputLayer::Identity => (output_layer, outputs, 0.0),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn of_random_networks(
        inputs in 1usize..12,
        hidden in prop::collection::vec(1usize..12, 0..4),
        activation in prop::sample::select(Activation::ALL.to_vec()),
        rows in 1usize..10,
        seed in any::<u64>(),
    ) {
        let network = Network::builder(inputs).hidden(&hidden).activation(activation).seed(seed).build().unwrap();
        let data = data(inputs, rows, seed);
        for level in Level::available() {
            for layer in check(&network, &data, level).unwrap() {
                prop_assert!(layer.passes(), "level {level}: {layer:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn of_every_output_layer(
        inputs in 1usize..12,
        hidden in prop::collection::vec(1usize..12, 0..3),
        activation in prop::sample::select(Activation::ALL.to_vec()),
        (output_layer, outputs, smoothing) in head(12),
        weights in prop::option::of(prop::collection::vec(prop_oneof![Just(0.0f32), 0.001f32..100.0], 9)),
        rows in 1usize..10,
        seed in any::<u64>(),
    ) {
        let builder = Network::builder(inputs).hidden(&hidden).activation(activation).seed(seed);
        let network = builder.output_layer(output_layer, outputs).build().unwrap();
        let mut data = targeted(output_layer, outputs, inputs, rows, seed);
        if smoothing > 0.0 {
            data = data.with_label_smoothing(smoothing).unwrap();
        }
        if let Some(weights) = weights.filter(|weights| weights[..rows].iter().any(|weight| *weight > 0.0)) {
            data = data.with_weights(weights[..rows].to_vec()).unwrap();
        }
        for level in Level::available() {
            for layer in check(&network, &data, level).unwrap() {
                prop_assert!(layer.passes(), "level {level}: {layer:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Of networks that have lost units, in each row other ones.
    #[test]
    fn with_dropout(
        inputs in 1usize..12,
        hidden in prop::collection::vec(1usize..40, 1..4),
        activation in prop::sample::select(Activation::ALL.to_vec()),
        (output_layer, outputs, _) in head(12),
        rate in 0.0f32..0.9,
        rows in 1usize..10,
        seed in any::<u64>(),
    ) {
        let builder = Network::builder(inputs).hidden(&hidden).activation(activation).seed(seed);
        let network = builder.output_layer(output_layer, outputs).build().unwrap();
        let data = targeted(output_layer, outputs, inputs, rows, seed);
        let dropout = Dropout::new(rate, seed, 3);
        for level in Level::available() {
            for layer in check_with_dropout(&network, &data, level, dropout).unwrap() {
                prop_assert!(layer.passes(), "level {level}: {layer:?}");
            }
        }
    }
}

/// Units that dropout makes so large that the third derivative of the loss is far above the first one: what the series of a
/// plain central difference leaves is more than one part in a million.
#[test]
fn a_weight_of_a_large_input_is_compared_closely() {
    let seed = 16761008893881076841;
    let builder = Network::builder(3).hidden(&[17, 33, 3]).activation(Activation::Silu).seed(seed);
    let network = builder.output_layer(OutputLayer::Sigmoid, 12).build().unwrap();
    let data = targeted(OutputLayer::Sigmoid, 12, 3, 4, seed);
    for layer in check_with_dropout(&network, &data, Level::best(), Dropout::new(0.80882746, seed, 3)).unwrap() {
        assert!(layer.passes() && layer.backpropagation_error < 1e-7, "{layer:?}");
    }
}

/// A data set with rows repeated, or left out.
fn with_counts(data: &Dataset, kind: TargetKind, counts: &[usize]) -> Dataset {
    let rows = || counts.iter().enumerate().flat_map(|(row, count)| std::iter::repeat_n(row, *count));
    let features = rows().flat_map(|row| data.row(row)).copied().collect();
    let targets = rows().flat_map(|row| &data.targets()[row * kind.columns()..][..kind.columns()]).copied().collect();
    let counted = match kind {
        TargetKind::Labels(labels) => Dataset::multi_label(data.inputs(), features, labels, targets),
        TargetKind::Classes(classes) => Dataset::multi_class(data.inputs(), features, classes, targets),
        TargetKind::Values(values) => Dataset::regression(data.inputs(), features, values, targets),
    };
    counted.expect("sound data")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A row of weight k counts as k rows, up to what rounding may do according to the error analysis of both; and to the
    /// bit, if k is 0.
    #[test]
    fn of_weighted_rows(
        inputs in 1usize..12,
        hidden in prop::collection::vec(1usize..12, 0..3),
        (output_layer, outputs, _) in head(12),
        counts in prop::collection::vec(0usize..5, 1..10).prop_filter("a row", |counts| counts.iter().any(|k| *k > 0)),
        seed in any::<u64>(),
    ) {
        let builder = Network::builder(inputs).hidden(&hidden).activation(Activation::Tanh).seed(seed);
        let network = builder.output_layer(output_layer, outputs).build().unwrap();
        let data = targeted(output_layer, outputs, inputs, counts.len(), seed);
        let kind = data.target_kind();
        let repeated = with_counts(&data, kind, &counts);
        let weighted = data.clone().with_weights(counts.iter().map(|k| *k as f32).collect()).unwrap();
        let once: Vec<usize> = counts.iter().map(|k| (*k).min(1)).collect();
        let weights = counts.iter().filter(|k| **k > 0).map(|k| *k as f32).collect();
        let left_out = with_counts(&data, kind, &once).with_weights(weights).unwrap();
        for level in Level::available() {
            let gradient = |data: &Dataset| net::gradient_check::gradient(&network, data, level).unwrap();
            let checks = |data: &Dataset| check(&network, data, level).unwrap();
            let bits = |gradient: &[Vec<f32>]| -> Vec<u32> { gradient.iter().flatten().map(|g| g.to_bits()).collect() };
            let of_weights = gradient(&weighted);
            prop_assert!(bits(&of_weights) == bits(&gradient(&left_out)), "rows of weight 0, level {level}");
            let of_repeats = gradient(&repeated);
            for (layer, (one, other)) in checks(&weighted).iter().zip(checks(&repeated)).enumerate() {
                let bound = one.single_precision_bound * one.largest + other.single_precision_bound * other.largest;
                for (w, r) in of_weights[layer].iter().zip(&of_repeats[layer]) {
                    let difference = (f64::from(*w) - f64::from(*r)).abs();
                    prop_assert!(difference <= bound, "level {level}, layer {layer}: {difference:e} above {bound:e}");
                }
            }
        }
    }
}

/// The check can fail: a gradient for other data is found out.
#[test]
fn a_wrong_gradient_is_found() {
    let network = Network::builder(3).hidden(&[4]).seed(1).build().unwrap();
    let (one, other) = (data(3, 5, 1), data(3, 5, 2));
    let gradient = |data: &Dataset| net::gradient_check::gradient(&network, data, Level::best()).unwrap();
    let (right, wrong) = (gradient(&one), gradient(&other));
    let worst =
        right.iter().flatten().zip(wrong.iter().flatten()).fold(0.0, |worst: f32, (a, b)| worst.max((a - b).abs()));
    assert!(worst > 0.01, "{worst}");
}

/// A network that is not saturated leaves no room in the bounds for a mistake.
#[test]
fn the_bounds_are_tight_where_nothing_is_saturated() {
    let heads = [1, 7].map(|outputs| OutputLayer::ALL.map(|output_layer| (output_layer, outputs)));
    for (output_layer, outputs) in heads.concat().into_iter().filter(|head| *head != (OutputLayer::Softmax, 1)) {
        for activation in Activation::ALL {
            let builder = Network::builder(8).hidden(&[10, 6]).activation(activation).seed(3);
            let network = builder.output_layer(output_layer, outputs).build().unwrap();
            for layer in check(&network, &targeted(output_layer, outputs, 8, 8, 5), Level::best()).unwrap() {
                let what = format!("{activation}, {outputs} {output_layer}: {layer:?}");
                assert!(layer.passes(), "{what}");
                assert!(layer.resolution < 1e-6 && layer.single_precision_bound < 1e-3, "{what}");
            }
        }
    }
}

/// A layer so saturated that its gradient is a hundred-millionth of the others', which differences cannot resolve to one
/// part in a million.
#[test]
fn a_saturated_layer_is_held_to_what_can_be_told() {
    let network = Network::builder(4).hidden(&[1]).seed(16221242591856823818).build().unwrap();
    for layer in check(&network, &data(4, 1, 16221242591856823818), Level::best()).unwrap() {
        assert!(layer.passes(), "{layer:?}");
    }
}

/// A gradient that is no number is the worst there is: its layer fails, and the check says where.
#[test]
fn a_gradient_that_is_no_number_fails() {
    let network = Network::builder(2).hidden(&[2, 2]).activation(Activation::Relu).build().unwrap();
    // The first layer is beyond the largest f32, and the second one's sums are infinity less infinity.
    let weights = [[3e38; 6].as_slice(), &[0.0, 3e38, -3e38, 0.0, 3e38, -3e38], &[0.0, 1.0, 1.0]];
    let weights = weights.map(<[f32]>::to_vec);
    let network = Network::from_weights(network.shape().clone(), &weights).unwrap();
    let data = Dataset::new(2, vec![1.0, 1.0], vec![1.0]).unwrap();
    for level in Level::available() {
        let gradient = net::gradient_check::gradient(&network, &data, level).unwrap();
        let checks = check(&network, &data, level).unwrap();
        assert!(gradient.iter().flatten().any(|g| g.is_nan()), "{gradient:?}");
        for (gradient, check) in gradient.iter().zip(checks) {
            if gradient.iter().any(|g| g.is_nan()) {
                assert!(check.single_precision_error.is_nan() && !check.passes(), "{check:?}");
                let worst = check.single_precision_worst;
                let place = (worst.unit - 1) * 3 + worst.input;
                assert!(gradient[place].is_nan(), "{worst}");
            }
        }
    }
}

/// An explanation shows what training computes, bit for bit, and its comparisons hold.
#[test]
fn an_explanation_is_what_training_computes() {
    for (output_layer, outputs) in [(OutputLayer::Sigmoid, 1), (OutputLayer::Sigmoid, 3), (OutputLayer::Softmax, 4)] {
        let builder = Network::builder(5).hidden(&[6, 4]).activation(Activation::Tanh).seed(9);
        let network = builder.output_layer(output_layer, outputs).build().unwrap();
        let data = targeted(output_layer, outputs, 5, 1, 3);
        for level in Level::available() {
            let explanation = Explanation::of_sample(&network, level, &data, 0).unwrap();
            let forward = Explanation::forward(&network, level, data.row(0)).unwrap();
            let (gradient, loss) = net::gradient_check::summed_gradient(&network, &data, &[0], level).unwrap();
            let bits = |numbers: &[f32]| -> Vec<u32> { numbers.iter().map(|n| n.to_bits()).collect() };
            for (layer, gradient) in explanation.layers.iter().zip(&gradient) {
                let backward = layer.backward.as_ref().unwrap();
                assert_eq!(bits(&backward.gradient.concat()), bits(gradient), "level {level}");
                assert_eq!(bits(&layer.w.concat()), bits(&network.weights(layer.layer)));
            }
            assert_eq!(f64::from(explanation.loss.unwrap()), loss);
            for (one, other) in explanation.layers.iter().zip(&forward.layers) {
                assert!(other.backward.is_none());
                assert_eq!((bits(&one.a), bits(&one.z)), (bits(&other.a), bits(&other.z)));
            }
            let differences = CentralDifferences::new(&network, &data).unwrap();
            let weights = (1..=3).map(|layer| WeightIndex { layer, unit: 1, input: 2 });
            for comparison in explanation.compare(&differences, weights) {
                let (difference, found) = (comparison.difference.unwrap(), f64::from(comparison.gradient));
                let allowed = 1e-4 * found.abs() + differences.resolution();
                assert!((difference - found).abs() <= allowed, "{comparison:?}");
            }
        }
    }
}
