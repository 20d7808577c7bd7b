//! The gradient is right: backpropagation in f64 against central differences, and the f32 gradient of every level against
//! the f64 one, over hundreds of random networks.

use net::gradient_check::check;
use net::random::Random;
use net::{Activation, Dataset, Level, Network};
use proptest::prelude::*;

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
                prop_assert!(layer.passes(), "level {level}: {layer:?}");
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
    for activation in Activation::ALL {
        let network = Network::builder(8).hidden(&[10, 6]).activation(activation).seed(3).build().unwrap();
        for layer in check(&network, &data(8, 8, 5), Level::best()).unwrap() {
            assert!(layer.passes(), "{activation}: {layer:?}");
            assert!(layer.resolution < 1e-6 && layer.single_precision_bound < 1e-3, "{activation}: {layer:?}");
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
