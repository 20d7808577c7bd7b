//! The same weights from the same seed: over threads, levels, seeds, architectures and optimisers.

use net::digest::Digest;
use net::random::Random;
use net::{Activation, Dataset, Level, Network, Optimizer, OutputLayer, Schedule, Threads, Trainer, TrainingOptions};

/// Inputs, hidden layers and their activation, output layer and its units.
type Architecture = (usize, &'static [usize], Activation, OutputLayer, usize);

/// Vectors that are full and that are not, narrow layers, several panels, and every output layer.
const ARCHITECTURES: [Architecture; 7] = [
    (30, &[16], Activation::Sigmoid, OutputLayer::Sigmoid, 1),
    (28, &[64, 64], Activation::Sigmoid, OutputLayer::Sigmoid, 1),
    (7, &[33, 3, 20], Activation::Tanh, OutputLayer::Softmax, 5),
    (13, &[100, 65], Activation::Relu, OutputLayer::Identity, 2),
    (40, &[2], Activation::Tanh, OutputLayer::Sigmoid, 17),
    (11, &[48, 5], Activation::Silu, OutputLayer::Softmax, 3),
    (9, &[21, 40], Activation::Gelu, OutputLayer::Sigmoid, 1),
];

const ROWS: usize = 150;

fn data(architecture: Architecture, seed: u64) -> Dataset {
    let (inputs, _, _, output_layer, outputs) = architecture;
    let mut random = Random::new(seed, 9);
    let features = (0..inputs * ROWS).map(|_| 4.0 * random.unit() - 2.0).collect();
    let mut below = |count: usize, n: u32| (0..count).map(|_| random.below(n) as f32).collect();
    let data = match output_layer {
        OutputLayer::Sigmoid => Dataset::multi_label(inputs, features, outputs, below(outputs * ROWS, 2)),
        OutputLayer::Softmax => Dataset::multi_class(inputs, features, outputs, below(ROWS, outputs as u32)),
        OutputLayer::Identity => Dataset::regression(inputs, features, outputs, below(outputs * ROWS, 3)),
    };
    data.expect("sound data")
}

/// Every rule of the optimisers, and the options that change what a step is.
fn trainings() -> Vec<TrainingOptions> {
    let learning_rate = 0.01;
    let of = |optimizer| TrainingOptions { optimizer, epochs: 2, batch_size: 32, ..Default::default() };
    vec![
        of(Optimizer::Sgd { learning_rate, momentum: 0.0 }),
        of(Optimizer::Sgd { learning_rate, momentum: 0.9 }),
        of(Optimizer::Nesterov { learning_rate, momentum: 0.9 }),
        of(Optimizer::rms_prop(learning_rate)),
        of(Optimizer::adam(learning_rate)),
        TrainingOptions { weight_decay: 0.3, ..of(Optimizer::adam(learning_rate)) },
        TrainingOptions { clip_norm: Some(0.1), ..of(Optimizer::Sgd { learning_rate, momentum: 0.9 }) },
        TrainingOptions { dropout: 0.3, ..of(Optimizer::adam(learning_rate)) },
        TrainingOptions { schedule: Schedule::Cosine { warm_up: 3, steps: 10 }, ..of(Optimizer::adam(learning_rate)) },
    ]
}

/// The digest of the weights after a training, and the bits of the losses of its epochs.
fn train(architecture: Architecture, data: &Dataset, options: &TrainingOptions) -> (Digest, Vec<u64>) {
    let (inputs, hidden, activation, output_layer, outputs) = architecture;
    let builder = Network::builder(inputs).hidden(hidden).activation(activation).seed(options.seed);
    let network = builder.output_layer(output_layer, outputs).build().unwrap();
    let mut trainer = Trainer::new(network, options.clone()).unwrap();
    let losses = (0..options.epochs).map(|_| trainer.epoch(data).unwrap().to_bits()).collect();
    (trainer.network().fingerprint(), losses)
}

#[test]
fn one_seed_gives_the_same_weights_everywhere() {
    let levels: Vec<Level> = Level::available().into_iter().filter(|level| level.is_fused()).collect();
    let mut compared = 0;
    for seed in 0..20 {
        for (place, architecture) in ARCHITECTURES.into_iter().enumerate() {
            let data = data(architecture, seed);
            for (kind, options) in trainings().into_iter().enumerate() {
                let with =
                    |level, threads| TrainingOptions { level, threads: Threads::Own(threads), seed, ..options.clone() };
                let expected = train(architecture, &data, &with("scalar".parse().unwrap(), 1));
                for (level, threads) in levels.iter().flat_map(|level| [1, 2, 3, 8].map(|threads| (*level, threads))) {
                    let found = train(architecture, &data, &with(level, threads));
                    let what = format!("seed {seed}, architecture {place}, training {kind}");
                    assert!(found == expected, "{what}, level {level}, {threads} threads");
                    compared += 1;
                }
            }
        }
    }
    println!("{compared} trainings, the same bits; levels of this machine: {levels:?}");
}

/// Every seed, architecture and training gives weights of its own: a comparison of constants would not be one.
#[test]
fn another_seed_or_rule_gives_other_weights() {
    let mut seen = std::collections::HashSet::new();
    for (seed, architecture) in (0..2).flat_map(|seed| ARCHITECTURES.map(|architecture| (seed, architecture))) {
        let data = data(architecture, seed);
        for options in trainings() {
            let (digest, _) = train(architecture, &data, &TrainingOptions { seed, ..options });
            assert!(seen.insert(digest.to_string()), "seed {seed}: {digest}");
        }
    }
}
