//! The gradient is right: backpropagation in f64 against central differences, and the f32 gradient of every level against
//! the f64 one, over hundreds of random networks.

use net::gradient_check::check;
use net::random::Random;
use net::{Activation, Dataset, Level, Network};
use proptest::prelude::*;

/// What central differences in f64 can show.
const BACKPROPAGATION_BOUND: f64 = 1e-6;

/// A gradient is a sum over samples of products, whose factors come from chains as long as the layers are wide: some
/// hundred roundings of 2^-24 each, relative to terms that may cancel.
const SINGLE_PRECISION_BOUND: f64 = 1e-3;

fn data(inputs: usize, rows: usize, seed: u64) -> Dataset {
    let mut random = Random::new(seed, 9);
    let features = (0..inputs * rows).map(|_| 4.0 * random.unit() - 2.0).collect();
    let targets = (0..rows).map(|_| random.below(2) as f32).collect();
    Dataset::new(inputs, features, targets).expect("sound data")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

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
                prop_assert!(layer.backpropagation_error <= BACKPROPAGATION_BOUND, "{network:?} {layer:?}");
                prop_assert!(layer.single_precision_error <= SINGLE_PRECISION_BOUND, "level {level}: {layer:?}");
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
