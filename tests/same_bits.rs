//! The fast path is the textbook's algorithm: training in minibatches on any number of threads gives the bits of
//! backpropagation one sample at a time, at every level that fuses; and a row is predicted alone as among others.

use net::random::Random;
use net::textbook::Textbook;
use net::{
    Activation, Dataset, Error, Level, Network, Optimizer, OutputLayer, Predictor, Schedule, Shape, Threads, Trainer,
    TrainingOptions,
};
use proptest::prelude::*;

fn fused_levels() -> Vec<Level> {
    Level::available().into_iter().filter(|level| level.is_fused()).collect()
}

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

fn weight_bits(network: &Network) -> Vec<u32> {
    let layers = 1..=network.shape().layers().len();
    layers.flat_map(|layer| network.weights(layer)).map(f32::to_bits).collect()
}

#[derive(Clone, Debug)]
struct Case {
    inputs: usize,
    hidden: Vec<usize>,
    activation: Activation,
    output_layer: OutputLayer,
    outputs: usize,
    smoothing: f32,
    /// Of the rows, over and over; none if empty.
    weights: Vec<f32>,
    batch: usize,
    momentum: f32,
    seed: u64,
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

impl Case {
    fn network(&self) -> Network {
        let builder = Network::builder(self.inputs).hidden(&self.hidden).activation(self.activation).seed(self.seed);
        builder.output_layer(self.output_layer, self.outputs).build().unwrap()
    }

    fn data(&self, rows: usize) -> Dataset {
        let data = targeted(self.output_layer, self.outputs, self.inputs, rows, self.seed);
        let data = if self.smoothing > 0.0 { data.with_label_smoothing(self.smoothing).unwrap() } else { data };
        match self.weights.iter().take(rows).any(|weight| *weight > 0.0) {
            true => data.with_weights(self.weights.iter().copied().cycle().take(rows).collect()).unwrap(),
            false => data,
        }
    }
}

/// Every optimiser, with decay, clipping and dropout or without, under every schedule.
fn options() -> impl Strategy<Value = TrainingOptions> {
    let learning_rate = 1e-3;
    let optimizer = prop_oneof![
        (0.0f32..0.99).prop_map(move |momentum| Optimizer::Sgd { learning_rate, momentum }),
        Just(Optimizer::Sgd { learning_rate, momentum: 0.0 }),
        (0.0f32..0.99).prop_map(move |momentum| Optimizer::Nesterov { learning_rate, momentum }),
        (0.0f32..0.99, 1e-9f32..1e-3).prop_map(move |(rho, epsilon)| Optimizer::RmsProp {
            learning_rate,
            rho,
            epsilon
        }),
        (0.0f32..0.99, 0.0f32..0.9999, 1e-9f32..1e-3)
            .prop_map(move |(beta_1, beta_2, epsilon)| { Optimizer::Adam { learning_rate, beta_1, beta_2, epsilon } }),
    ];
    let schedule = prop_oneof![
        Just(Schedule::Constant),
        Just(Schedule::Step { every: 2, factor: 0.3 }),
        Just(Schedule::InverseScaling { power: 0.5 }),
        Just(Schedule::Cosine { warm_up: 2, steps: 5 }),
    ];
    let weight_decay = prop_oneof![Just(0.0f32), 0.0f32..10.0];
    let clip_norm = prop::option::of(1e-3f32..1.0);
    let dropout = prop_oneof![Just(0.0f32), 0.0f32..0.95];
    (optimizer, schedule, weight_decay, clip_norm, dropout, any::<u64>()).prop_map(
        |(optimizer, schedule, weight_decay, clip_norm, dropout, seed)| TrainingOptions {
            optimizer,
            schedule,
            weight_decay,
            clip_norm,
            dropout,
            seed,
            ..Default::default()
        },
    )
}

/// One sigmoid, as often as any other output layer.
fn case() -> impl Strategy<Value = Case> {
    let width = prop_oneof![1usize..=5, 6usize..=34, 60usize..=70];
    (
        prop_oneof![1usize..=40, 60usize..=70],
        prop::collection::vec(width, 0..=4),
        prop::sample::select(Activation::ALL.to_vec()),
        prop_oneof![Just((OutputLayer::Sigmoid, 1, 0.0)), head(70)],
        prop_oneof![Just(Vec::new()), prop::collection::vec(prop_oneof![Just(0.0f32), 0.01f32..4.0], 1..9)],
        prop_oneof![1usize..=40, 63usize..=65, Just(130)],
        prop_oneof![Just(0.0f32), 0.0f32..0.99],
        any::<u64>(),
    )
        .prop_map(
            |(inputs, hidden, activation, (output_layer, outputs, smoothing), weights, batch, momentum, seed)| Case {
                inputs,
                hidden,
                activation,
                output_layer,
                outputs,
                smoothing,
                weights,
                batch,
                momentum,
                seed,
            },
        )
}

/// What a few steps come to: the loss before each of them, and the bits of the weights after the last. Deltas of real
/// targets have no bound, so that training may diverge: then the losses end before the first that is not finite, and there
/// are no bits of weights of which one is not finite.
#[derive(Debug, PartialEq)]
struct Course {
    losses: Vec<f64>,
    weights: Option<Vec<u32>>,
}

impl Course {
    fn of_the_textbook(network: &Network, options: &TrainingOptions, data: &Dataset, order: &[usize]) -> Self {
        let mut textbook = Textbook::new(network, options.level);
        let steps = order.chunks(options.batch_size).map(|indices| textbook.step_with(options, data, indices));
        let losses = steps.take_while(|loss| loss.is_finite()).collect();
        Course { losses, weights: textbook.to_network().ok().map(|network| weight_bits(&network)) }
    }

    fn of_a_trainer(network: &Network, options: &TrainingOptions, data: &Dataset, order: &[usize]) -> Self {
        let mut trainer = Trainer::new(network.clone(), options.clone()).unwrap();
        let steps = order.chunks(options.batch_size).map(|indices| match trainer.step(data, indices) {
            Err(Error::Diverged { .. }) => None,
            loss => Some(loss.unwrap()),
        });
        let losses = steps.map_while(|loss| loss).collect();
        let weights = weight_bits(trainer.network());
        let are_finite = weights.iter().all(|bits| f32::from_bits(*bits).is_finite());
        Course { losses, weights: are_finite.then_some(weights) }
    }
}

/// Whether trainers at every level and on each of these numbers of threads take the textbook's course through the rows,
/// from the last to the first.
fn follows_the_textbook(
    network: &Network,
    options: &TrainingOptions,
    data: &Dataset,
    threads: &[usize],
) -> Result<(), TestCaseError> {
    let order: Vec<usize> = (0..data.rows()).rev().collect();
    let options = TrainingOptions { level: fused_levels()[0], ..options.clone() };
    let expected = Course::of_the_textbook(network, &options, data, &order);
    for (level, threads) in fused_levels().into_iter().flat_map(|level| threads.iter().map(move |of| (level, *of))) {
        let options = TrainingOptions { level, threads: Threads::Own(threads), ..options.clone() };
        let found = Course::of_a_trainer(network, &options, data, &order);
        prop_assert_eq!(&found.losses, &expected.losses, "losses at level {}, {} threads", level, threads);
        prop_assert!(found.weights == expected.weights, "weights at level {level}, {threads} threads");
    }
    Ok(())
}

/// Divergence is compared as well: a case of it that random ones found.
#[test]
fn training_diverges_where_the_textbook_does() {
    let network = Network::builder(1).hidden(&[23, 66, 60]).activation(Activation::Relu).seed(7);
    let network = network.output_layer(OutputLayer::Identity, 32).build().unwrap();
    let data = targeted(OutputLayer::Identity, 32, 1, 225, 7);
    let optimizer = Optimizer::Nesterov { learning_rate: 1e-3, momentum: 0.36 };
    let options = TrainingOptions { optimizer, batch_size: 64, dropout: 0.89, ..Default::default() };
    follows_the_textbook(&network, &options, &data, &[1, 3]).unwrap();
    let order: Vec<usize> = (0..225).collect();
    let course = Course::of_a_trainer(&network, &options, &data, &order);
    assert!((1..4).contains(&course.losses.len()) && course.weights.is_none(), "{course:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn minibatches_on_threads_are_the_textbook(case in case()) {
        let Case { batch, momentum, .. } = case;
        // Deltas of real targets have no bound.
        let learning_rate = if case.output_layer == OutputLayer::Identity { 1e-3 } else { 0.1 };
        let optimizer = Optimizer::Sgd { learning_rate, momentum };
        let options = TrainingOptions { batch_size: batch, optimizer, ..Default::default() };
        follows_the_textbook(&case.network(), &options, &case.data(3 * batch + batch / 2 + 1), &[1, 2, 3, 8])?;
    }

    #[test]
    fn every_optimizer_is_the_textbooks(case in case(), options in options()) {
        let options = TrainingOptions { batch_size: case.batch, ..options };
        follows_the_textbook(&case.network(), &options, &case.data(3 * case.batch + case.batch / 2 + 1), &[1, 3])?;
    }

    #[test]
    fn a_row_alone_is_a_row_among_others(case in case(), rows in 1usize..400) {
        let network = case.network();
        let data = case.data(rows);
        let predict = |predictor: &mut Predictor<&Network>, features: &[f32], out: &mut [f32]| match case.output_layer {
            OutputLayer::Sigmoid => predictor.prob_t1(features, out),
            OutputLayer::Softmax => predictor.class_probabilities(features, out),
            OutputLayer::Identity => predictor.means(features, out),
        };
        let mut expected = vec![0.0; rows * case.outputs];
        for (row, expected) in expected.chunks_mut(case.outputs).enumerate() {
            predict(&mut Predictor::new(&network), data.row(row), expected).unwrap();
        }
        let expected: Vec<u32> = expected.into_iter().map(f32::to_bits).collect();
        for level in fused_levels() {
            for threads in [1, 2, 3] {
                let mut predictor =
                    Predictor::new(&network).with_level(level).with_threads(Threads::Own(threads)).unwrap();
                let mut p = vec![0.0; rows * case.outputs];
                predict(&mut predictor, data.features(), &mut p).unwrap();
                let found: Vec<u32> = p.iter().map(|p| p.to_bits()).collect();
                prop_assert!(found == expected, "level {level}, {threads} threads");
                for (row, expected) in expected.chunks(case.outputs).enumerate().take(2) {
                    let p = &mut p[..case.outputs];
                    predict(&mut predictor, data.row(row), p).unwrap();
                    let found: Vec<u32> = p.iter().map(|p| p.to_bits()).collect();
                    prop_assert!(found == expected, "row {row} alone, level {level}, {threads} threads");
                }
            }
        }
    }
}

/// Rows that are 4 KiB apart, or nearly so, are not read where they lie.
#[test]
fn a_row_of_pages_alone_is_a_row_among_others() {
    for inputs in [1022, 1023, 1024, 1025, 1026, 2048] {
        let network = Network::builder(inputs).hidden(&[40, 9]).seed(3).build().unwrap();
        let data = data(inputs, 130, 5);
        let mut expected = vec![0.0; data.rows()];
        for (row, expected) in expected.chunks_mut(1).enumerate() {
            Predictor::new(&network).prob_t1(data.row(row), expected).unwrap();
        }
        for level in fused_levels() {
            let mut p = vec![0.0; data.rows()];
            Predictor::new(&network).with_level(level).prob_t1(data.features(), &mut p).unwrap();
            assert!(p == expected, "{inputs} inputs, level {level}");
        }
    }
}

/// Of a few rows, threads share out the units of wide layers: in single calls and in a session, with every choice of threads.
#[test]
fn a_row_on_threads_is_a_row_on_one() {
    let network = Network::builder(20).hidden(&[500, 130, 2, 33]).seed(3).build().unwrap();
    for rows in [1, 2, 16] {
        let data = data(20, rows, 5);
        let mut expected = vec![0.0; rows];
        Predictor::new(&network).prob_t1(data.features(), &mut expected).unwrap();
        for (level, threads) in fused_levels().into_iter().flat_map(|level| [(level, 2), (level, 3), (level, 8)]) {
            let mut predictor = Predictor::new(&network).with_level(level).with_threads(Threads::Own(threads)).unwrap();
            let check = |predictor: &mut Predictor<&Network>| {
                for _ in 0..100 {
                    let mut p = vec![0.0; rows];
                    predictor.prob_t1(data.features(), &mut p).unwrap();
                    assert!(p == expected, "{rows} rows, level {level}, {threads} threads");
                }
            };
            check(&mut predictor);
            predictor.session(check);
        }
    }
}

/// Whole epochs, with their shuffles, from the seed to the weights.
#[test]
fn training_is_a_function_of_its_seed() {
    let data = data(10, 333, 4);
    let train = |seed, threads, level| {
        let network = Network::builder(10).hidden(&[20, 5]).seed(seed).build().unwrap();
        let options = TrainingOptions { epochs: 3, seed, threads, level, ..Default::default() };
        let mut trainer = Trainer::new(network, options).unwrap();
        trainer.train(&data, |_| std::ops::ControlFlow::Continue(())).unwrap();
        weight_bits(trainer.network())
    };
    let expected = train(5, Threads::Own(1), Level::best());
    for level in fused_levels() {
        for threads in [Threads::Own(1), Threads::Own(2), Threads::Own(3), Threads::Own(8), Threads::Global] {
            assert!(train(5, threads, level) == expected, "{threads:?} at level {level}");
        }
    }
    assert!(train(6, Threads::Own(1), Level::best()) != expected, "another seed gives other weights");
}

/// Without FMA hardware the portable level rounds products once more; three epochs of a small network stay close.
#[test]
fn the_portable_level_agrees_within_its_bound() {
    const BOUND: f32 = 1e-3;
    let data = data(10, 200, 4);
    let train = |level| {
        let network = Network::builder(10).hidden(&[20]).seed(1).build().unwrap();
        let options = TrainingOptions { epochs: 3, level, ..Default::default() };
        let mut trainer = Trainer::new(network, options).unwrap();
        trainer.train(&data, |_| std::ops::ControlFlow::Continue(())).unwrap();
        (1..=2).flat_map(|layer| trainer.network().weights(layer)).collect::<Vec<f32>>()
    };
    let (portable, best) = (train("portable".parse().unwrap()), train(Level::best()));
    let worst = portable.iter().zip(&best).fold(0.0, |worst: f32, (a, b)| worst.max((a - b).abs()));
    println!("portable and {}: weights differ by at most {worst:e}", Level::best());
    assert!(worst <= BOUND, "{worst}");
}

/// A limit that no gradient reaches changes nothing, though it takes another way; one that all reach sets the length.
#[test]
fn clipping_begins_at_its_limit() {
    let data = data(7, 64, 8);
    let network = Network::builder(7).hidden(&[40, 3]).seed(2).build().unwrap();
    let all: Vec<usize> = (0..64).collect();
    let train = |clip_norm, momentum| {
        let optimizer = Optimizer::Sgd { learning_rate: 0.5, momentum };
        let options = TrainingOptions { optimizer, clip_norm, ..Default::default() };
        let mut trainer = Trainer::new(network.clone(), options).unwrap();
        trainer.step(&data, &all).unwrap();
        trainer.into_network()
    };
    for momentum in [0.0, 0.9] {
        assert!(weight_bits(&train(Some(1e3), momentum)) == weight_bits(&train(None, momentum)));
    }
    let after = train(Some(0.01), 0.0);
    let moved = (1..=3).flat_map(|layer| after.weights(layer).into_iter().zip(network.weights(layer)));
    let length = moved.map(|(a, b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt();
    assert!((length - 0.5 * 0.01).abs() < 1e-6, "half of 0.01, but it is {length}");
}

/// Weights that are all the same power of two change nothing, and a minibatch of weight 0 is no step.
#[test]
fn weights_are_relative() {
    let data = data(7, 100, 8);
    let train = |data: &Dataset, indices: &[usize]| {
        let network = Network::builder(7).hidden(&[33, 3]).seed(2).build().unwrap();
        let mut trainer = Trainer::new(network, TrainingOptions::default()).unwrap();
        let losses: Vec<f64> = indices.chunks(10).map(|indices| trainer.step(data, indices).unwrap()).collect();
        (losses, weight_bits(trainer.network()))
    };
    let order: Vec<usize> = (0..100).collect();
    let expected = train(&data, &order);
    for weight in [1.0, 0.25, 1024.0] {
        assert_eq!(train(&data.clone().with_weights(vec![weight; 100]).unwrap(), &order), expected, "{weight}");
    }
    let weights = (0..100).map(|row| if (50..60).contains(&row) { 0.0 } else { 1.0 }).collect();
    let (losses, weights) = train(&data.clone().with_weights(weights).unwrap(), &order);
    let without: Vec<usize> = order.iter().copied().filter(|row| !(50..60).contains(row)).collect();
    let (expected_losses, expected_weights) = train(&data, &without);
    assert_eq!([&losses[..5], &losses[6..]].concat(), expected_losses);
    assert!(losses[5] == 0.0 && weights == expected_weights);
}

/// The batch sizes, thread counts and steps of one trainer may vary from call to call.
#[test]
fn one_trainer_takes_minibatches_of_any_size() {
    let network = Network::builder(7).hidden(&[33, 3]).seed(2).build().unwrap();
    let data = data(7, 500, 8);
    let optimizer = Optimizer::Sgd { learning_rate: 0.2, momentum: 0.5 };
    let mut textbook = Textbook::new(&network, Level::best());
    let options = TrainingOptions { optimizer, threads: Threads::Own(3), ..Default::default() };
    let mut trainer = Trainer::new(network, options).unwrap();
    for size in [5, 1, 100, 17, 500, 2] {
        let indices: Vec<usize> = (0..size).collect();
        textbook.step(optimizer, &data, &indices);
        trainer.step(&data, &indices).unwrap();
    }
    assert!(weight_bits(&textbook.to_network().unwrap()) == weight_bits(trainer.network()));
}

/// What does not fit is told, and no number is made up.
#[test]
fn the_textbook_refuses_what_does_not_fit() {
    let network = Network::builder(3).hidden(&[4]).output_layer(OutputLayer::Softmax, 3).build().unwrap();
    let data = data(3, 5, 1);
    let textbook = Textbook::new(&network, Level::best());
    let propagation = textbook.propagate(&[0.0; 3]);
    let panics = |run: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err();
    assert!(!panics(&|| drop(textbook.deltas(&propagation, &[0.0, 1.0, 0.0], 1.0))));
    for (what, run) in [
        ("the class in place of its vector", &(|| _ = textbook.loss(&propagation, &[1.0])) as &dyn Fn()),
        ("the same", &|| drop(textbook.output_deltas(&propagation, &[1.0]))),
        ("one delta for three outputs", &|| drop(textbook.backpropagated(1, &[1.0]))),
        ("the inputs as a hidden layer", &|| drop(textbook.backpropagated(0, &[1.0; 4]))),
        ("labels for classes", &|| drop(textbook.gradient(&data, &[0]))),
    ] {
        assert!(panics(run), "{what}");
    }
}

#[test]
fn the_shape_is_what_was_built() {
    let network = Network::builder(3).hidden(&[4, 5]).build().unwrap();
    assert_eq!(network.shape(), &Shape::new(3, &[4, 5], Activation::Sigmoid).unwrap());
    assert_eq!(network.parameter_count(), 4 * 4 + 5 * 5 + 6);
}
