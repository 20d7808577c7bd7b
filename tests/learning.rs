//! Networks learn: exclusive or with every activation, the bundled data, and what happens when training cannot work.

use std::ops::ControlFlow;

use net::random::Random;
use net::textbook::Textbook;
use net::{
    Activation, Dataset, Ending, Error, Level, Network, Optimizer, OutputLayer, Predictor, Schedule, Shape, Threads,
    Trainer, TrainingOptions,
};

fn exclusive_or() -> Dataset {
    let features = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].concat();
    Dataset::new(2, features, vec![0.0, 1.0, 1.0, 0.0]).unwrap()
}

fn trained(network: Network, options: TrainingOptions, data: &Dataset) -> Result<Network, Error> {
    let mut trainer = Trainer::new(network, options)?;
    trainer.train(data, |_| ControlFlow::Continue(()))?;
    Ok(trainer.into_network())
}

#[test]
fn exclusive_or_with_every_activation() {
    let data = exclusive_or();
    for activation in Activation::ALL {
        let network = Network::builder(2).hidden(&[8]).activation(activation).seed(2).build().unwrap();
        let optimizer = Optimizer::Sgd { learning_rate: 0.3, momentum: 0.9 };
        let options = TrainingOptions { epochs: 2000, batch_size: 4, optimizer, ..Default::default() };
        let network = trained(network, options, &data).unwrap();
        for (row, t) in data.targets().iter().enumerate() {
            let p = network.prob_t1(data.row(row)).unwrap();
            assert!((p - t).abs() < 0.05, "{activation}, row {row}: p(t = 1) is {p}, t is {t}");
        }
    }
}

/// Logistic regression, a network without hidden layers, on classes that a line parts.
#[test]
fn no_hidden_layer_is_logistic_regression() {
    let data = Dataset::new(1, vec![-2.0, -1.0, 1.0, 2.0], vec![0.0, 0.0, 1.0, 1.0]).unwrap();
    let network = trained(Network::builder(1).build().unwrap(), TrainingOptions::default(), &data).unwrap();
    assert!(network.prob_t1(&[3.0]).unwrap() > 0.95 && network.prob_t0(&[-3.0]).unwrap() > 0.95);
}

#[test]
fn exclusive_or_with_every_optimizer() {
    let data = exclusive_or();
    let (learning_rate, momentum) = (0.3, 0.9);
    for optimizer in [
        Optimizer::Sgd { learning_rate: 1.0, momentum: 0.0 },
        Optimizer::Sgd { learning_rate, momentum },
        Optimizer::Nesterov { learning_rate, momentum },
        Optimizer::rms_prop(0.01),
        Optimizer::adam(0.02),
    ] {
        for schedule in [
            Schedule::Constant,
            Schedule::Step { every: 500, factor: 0.9 },
            Schedule::InverseScaling { power: 0.1 },
            Schedule::Cosine { warm_up: 100, steps: 2000 },
        ] {
            let builder = Network::builder(2).hidden(&[8]).activation(Activation::Tanh).seed(2);
            let options = TrainingOptions {
                epochs: 2000,
                batch_size: 4,
                optimizer,
                schedule,
                weight_decay: 1e-4,
                clip_norm: Some(1.0),
                ..Default::default()
            };
            let network = trained(builder.build().unwrap(), options, &data).unwrap();
            for (row, t) in data.targets().iter().enumerate() {
                let p = network.prob_t1(data.row(row)).unwrap();
                assert!((p - t).abs() < 0.1, "{optimizer:?}, {schedule:?}, row {row}: p(t = 1) is {p}, t is {t}");
            }
        }
    }
}

/// The directions of an optimiser in f64, from the gradient, what it keeps and the number of the step.
type Direction = fn(f64, &mut [f64; 2], i32) -> f64;

/// Some steps of each optimiser, with decay, against its formula.
#[test]
fn optimizers_follow_their_formulas() {
    // a = w_0 + w_1 x with half the squared error: g = (a - t) (1, x).
    let data = Dataset::regression(1, vec![2.0], 1, vec![1.0]).unwrap();
    let shape = Shape::new(1, &[], Activation::Tanh).unwrap().with_output_layer(OutputLayer::Identity, 1).unwrap();
    let learning_rate = 0.1;
    let cases: [(Optimizer, Direction); 5] = [
        (Optimizer::Sgd { learning_rate, momentum: 0.0 }, |g, _, _| g),
        (Optimizer::Sgd { learning_rate, momentum: 0.8 }, |g, [v, _], _| {
            *v = 0.8 * *v + g;
            *v
        }),
        (Optimizer::Nesterov { learning_rate, momentum: 0.8 }, |g, [v, _], _| {
            *v = 0.8 * *v + g;
            g + 0.8 * *v
        }),
        (Optimizer::RmsProp { learning_rate, rho: 0.7, epsilon: 1e-3 }, |g, [s, _], _| {
            *s = 0.7 * *s + 0.3 * g * g;
            g / (s.sqrt() + 1e-3)
        }),
        (Optimizer::Adam { learning_rate, beta_1: 0.6, beta_2: 0.9, epsilon: 1e-3 }, |g, [m, v], t| {
            *m = 0.6 * *m + 0.4 * g;
            *v = 0.9 * *v + 0.1 * g * g;
            *m / (1.0 - 0.6f64.powi(t)) / ((*v / (1.0 - 0.9f64.powi(t))).sqrt() + 1e-3)
        }),
    ];
    for (optimizer, direction) in cases {
        let network = Network::from_weights(shape.clone(), &[vec![0.25, -0.5]]).unwrap();
        let options = TrainingOptions { optimizer, weight_decay: 0.5, ..Default::default() };
        let mut trainer = Trainer::new(network, options).unwrap();
        let (mut weights, mut kept) = ([0.25, -0.5], [[0.0; 2]; 2]);
        for t in 1..=5 {
            let delta: f64 = weights[0] + 2.0 * weights[1] - 1.0;
            weights[1] *= 1.0 - 0.1 * 0.5;
            for (i, x) in [1.0, 2.0].into_iter().enumerate() {
                weights[i] -= 0.1 * direction(delta * x, &mut kept[i], t);
            }
            trainer.step(&data, &[0]).unwrap();
            for (found, expected) in trainer.network().weights(1).iter().zip(weights) {
                let error = (f64::from(*found) - expected).abs();
                assert!(error < 1e-5, "{optimizer:?}, step {t}: {found}, not {expected}");
            }
        }
    }
}

/// Three clouds of points: each has a class.
#[test]
fn softmax_learns_classes() {
    let mut random = Random::new(3, 0);
    let centers = [[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]];
    let (mut features, mut targets) = (Vec::new(), Vec::new());
    for row in 0..300 {
        let class = row % 3;
        features.extend(centers[class].map(|center| center + random.unit() - 0.5));
        targets.push(class as f32);
    }
    let data = Dataset::multi_class(2, features, 3, targets).unwrap();
    let network = || Network::builder(2).hidden(&[8]).output_layer(OutputLayer::Softmax, 3).build().unwrap();
    let smoothed = data.clone().with_label_smoothing(0.1).unwrap();
    for (data, confidence) in [(&data, 0.99..=1.0), (&smoothed, 0.9..=0.96)] {
        let network = trained(network(), TrainingOptions::default(), data).unwrap();
        for (row, class) in data.targets().iter().enumerate() {
            let p = network.class_probabilities(data.row(row)).unwrap();
            assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{p:?}");
            assert!(confidence.contains(&p[*class as usize]), "row {row} of class {class}: {p:?}");
        }
    }
}

/// Both inputs on, and any of them on: two labels that do not exclude each other.
#[test]
fn several_sigmoids_learn_labels() {
    let features = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]].concat();
    let labels = [[0.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 1.0]].concat();
    let data = Dataset::multi_label(2, features, 2, labels).unwrap();
    let network = Network::builder(2).hidden(&[8]).output_layer(OutputLayer::Sigmoid, 2).build().unwrap();
    let network = trained(network, TrainingOptions { epochs: 4000, ..Default::default() }, &data).unwrap();
    let (mut p0, mut p1) = ([0.0; 8], [0.0; 8]);
    Predictor::new(&network).prob_t0(data.features(), &mut p0).unwrap();
    Predictor::new(&network).prob_t1(data.features(), &mut p1).unwrap();
    for ((p0, p1), t) in p0.iter().zip(p1).zip(data.targets()) {
        assert!((p1 - t).abs() < 0.05 && (p0 + p1 - 1.0).abs() < 1e-6, "{p0}, {p1}, {t}");
    }
}

/// A plane, without hidden layers, is found exactly; its sum and difference at the same time.
#[test]
fn identity_learns_linear_regression() {
    let mut random = Random::new(5, 0);
    let features: Vec<f32> = (0..200).map(|_| 2.0 * random.unit() - 1.0).collect();
    let targets = features.chunks(2).flat_map(|x| [x[0] + x[1] + 0.5, 2.0 * (x[0] - x[1])]).collect();
    let data = Dataset::regression(2, features, 2, targets).unwrap();
    let network = Network::builder(2).output_layer(OutputLayer::Identity, 2).build().unwrap();
    let network = trained(network, TrainingOptions::default(), &data).unwrap();
    for (found, expected) in network.weights(1).iter().zip([0.5, 1.0, 1.0, 0.0, 2.0, -2.0]) {
        assert!((found - expected).abs() < 1e-4, "{found}, not {expected}");
    }
    let means = network.means(&[0.5, 0.25]).unwrap();
    assert!((means[0] - 1.25).abs() < 1e-4 && (means[1] - 0.5).abs() < 1e-4, "{means:?}");
}

#[test]
fn divergence_names_epoch_batch_and_remedy() {
    let data = Dataset::new(1, vec![1e30, -1e30, 1e30, 3e37], vec![0.0, 1.0, 1.0, 0.0]).unwrap();
    let network = Network::builder(1).hidden(&[4]).activation(Activation::Relu).seed(1).build().unwrap();
    let optimizer = Optimizer::Sgd { learning_rate: 1e10, momentum: 0.0 };
    let options = TrainingOptions { batch_size: 2, optimizer, ..Default::default() };
    let error = trained(network, options, &data).expect_err("it cannot converge");
    assert!(matches!(error, Error::Diverged { epoch: 1.., batch: 1.., .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("epoch") && text.contains("batch") && text.contains("smaller learning rate"), "{text}");
}

#[test]
fn the_callback_sees_every_epoch_and_may_stop() {
    let data = exclusive_or();
    let network = Network::builder(2).hidden(&[3]).build().unwrap();
    let mut trainer = Trainer::new(network, TrainingOptions { epochs: 10, ..Default::default() }).unwrap();
    let mut seen = Vec::new();
    let ending = trainer.train(&data, |epoch| {
        assert_eq!((epoch.of, epoch.samples), (10, 4));
        seen.push(epoch.mean_loss);
        if epoch.number == 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(ending.unwrap(), Ending::Stopped);
    assert_eq!(trainer.history().training_losses(), seen);
    assert_eq!(seen.len(), 4);
    assert!((seen[0] - std::f64::consts::LN_2).abs() < 0.4, "the first loss is near that of a coin: {}", seen[0]);
}

#[test]
fn bad_arguments_are_errors() {
    let network = || Network::builder(2).hidden(&[3]).build().unwrap();
    let data = exclusive_or();
    let setting = |options: TrainingOptions| Trainer::new(network(), options).map(drop).unwrap_err().to_string();
    let sgd = |learning_rate, momentum| TrainingOptions {
        optimizer: Optimizer::Sgd { learning_rate, momentum },
        ..Default::default()
    };
    let default = TrainingOptions::default;
    let scheduled = |schedule| setting(TrainingOptions { schedule, ..TrainingOptions::default() });
    let adam = |learning_rate, beta_2, epsilon| TrainingOptions {
        optimizer: Optimizer::Adam { learning_rate, beta_1: 0.9, beta_2, epsilon },
        ..Default::default()
    };
    let weighted = |weights: &[f32]| exclusive_or().with_weights(weights.to_vec()).unwrap_err().to_string();
    let values = || Dataset::regression(2, vec![0.0; 2], 1, vec![0.5]).unwrap();
    let softmax = |units| Network::builder(2).output_layer(OutputLayer::Softmax, units).build();
    for (error, expected) in [
        (setting(TrainingOptions { epochs: 0, ..default() }), "epochs is 0"),
        (setting(TrainingOptions { batch_size: 0, ..default() }), "batch size is 0"),
        (setting(TrainingOptions { threads: Threads::Own(0), ..default() }), "threads is 0"),
        (setting(TrainingOptions { threads: Threads::Own(1 << 40), ..default() }), "threads is"),
        (setting(sgd(0.0, 0.0)), "learning rate is 0"),
        (setting(sgd(f32::NAN, 0.0)), "learning rate is NaN"),
        (setting(sgd(0.1, 1.0)), "momentum is 1"),
        (setting(adam(0.0, 0.9, 1e-8)), "learning rate is 0"),
        (setting(adam(0.1, 1.0, 1e-8)), "beta 2 is 1"),
        (setting(adam(0.1, 0.9, 0.0)), "epsilon is 0"),
        (setting(TrainingOptions { weight_decay: -1.0, ..default() }), "weight decay is -1"),
        (setting(TrainingOptions { weight_decay: 10.0, ..default() }), "less than 1 / learning rate"),
        (setting(TrainingOptions { clip_norm: Some(0.0), ..default() }), "norm of the gradient is 0"),
        (scheduled(Schedule::Step { every: 0, factor: 0.5 }), "is 0, but must be at least 1"),
        (scheduled(Schedule::Step { every: 1, factor: 1.5 }), "factor of the learning rate is 1.5"),
        (scheduled(Schedule::InverseScaling { power: f32::NAN }), "power of inverse scaling is NaN"),
        (scheduled(Schedule::Cosine { warm_up: 5, steps: 5 }), "steps of the cosine schedule is 5"),
        (Network::builder(0).build().unwrap_err().to_string(), "at least one input"),
        (Network::builder(2).hidden(&[4, 0]).build().unwrap_err().to_string(), "hidden layer 2"),
        (Network::builder(usize::MAX).hidden(&[usize::MAX]).build().unwrap_err().to_string(), "than can be counted"),
        (Network::builder(1 << 30).hidden(&[1 << 30]).build().unwrap_err().to_string(), "bytes of memory"),
        (network().prob_t0(&[1.0]).unwrap_err().to_string(), "features has 1"),
        (Dataset::new(2, vec![], vec![]).unwrap_err().to_string(), "no rows"),
        (Dataset::new(2, vec![0.0; 3], vec![0.0; 2]).unwrap_err().to_string(), "3 features"),
        (Dataset::new(usize::MAX, vec![0.0; 3], vec![0.0; 2]).unwrap_err().to_string(), "3 features"),
        (Dataset::new(1, vec![0.0, f32::NAN], vec![0.0; 2]).unwrap_err().to_string(), "row 2, feature 1"),
        (Dataset::new(1, vec![0.0], vec![2.0]).unwrap_err().to_string(), "row 1: the class is 2"),
        (
            Dataset::multi_label(1, vec![0.0; 2], 2, vec![1.0, 0.0, 0.5, 1.0]).unwrap_err().to_string(),
            "row 2, target 1",
        ),
        (Dataset::multi_label(1, vec![0.0], 2, vec![1.0; 3]).unwrap_err().to_string(), "rows of 2"),
        (Dataset::multi_label(1, vec![0.0], 0, vec![1.0]).unwrap_err().to_string(), "rows of 0"),
        (Dataset::multi_class(1, vec![0.0], 1, vec![0.0]).unwrap_err().to_string(), "number of classes is 1"),
        (Dataset::multi_class(1, vec![0.0; 2], 3, vec![2.0, 3.0]).unwrap_err().to_string(), "row 2: the class is 3"),
        (Dataset::multi_class(1, vec![0.0], 3, vec![-1.0]).unwrap_err().to_string(), "from 0 to 2"),
        (Dataset::multi_class(1, vec![0.0], 3, vec![0.5]).unwrap_err().to_string(), "a whole number"),
        (Dataset::regression(1, vec![0.0], 1, vec![f32::NAN]).unwrap_err().to_string(), "the target is NaN"),
        (exclusive_or().with_label_smoothing(1.0).unwrap_err().to_string(), "label smoothing is 1"),
        (values().with_label_smoothing(0.1).unwrap_err().to_string(), "no labels"),
        (weighted(&[1.0, -1.0, 1.0, 1.0]), "row 2: the weight is -1"),
        (weighted(&[1.0, 1.0, f32::NAN, 1.0]), "row 3: the weight is NaN"),
        (weighted(&[f32::INFINITY, 1.0, 1.0, 1.0]), "row 1: the weight is inf"),
        (weighted(&[1.0; 3]), "3 weights for 4 rows"),
        (weighted(&[0.0; 4]), "all weights are 0"),
        (weighted(&[3e38, 3e38, 1.0, 1.0]), "weights must add up to less than 3.4e38"),
        (weighted(&[1.0, 1e-40, 1.0, 1.0]), "those above 0 be at least 1.2e-38"),
        (softmax(0).unwrap_err().to_string(), "at least one output"),
        (softmax(1).unwrap_err().to_string(), "two classes or more"),
        (softmax(2).unwrap().prob_t1(&[0.0; 2]).unwrap_err().to_string(), "has no prob_t1, but class_probabilities"),
        (network().means(&[0.0; 2]).unwrap_err().to_string(), "has no means, but prob_t0"),
        (
            Predictor::new(&softmax(3).unwrap()).class_probabilities(&[0.0; 2], &mut [0.0; 4]).unwrap_err().to_string(),
            "the slice of predictions has 4 numbers, but the network wants 3",
        ),
        (
            Trainer::new(network(), default()).unwrap().epoch(&values()).unwrap_err().to_string(),
            "are one real target, but the network's output layer wants two classes",
        ),
        (
            Trainer::new(softmax(3).unwrap(), default()).unwrap().step(&data, &[0]).unwrap_err().to_string(),
            "are two classes, but the network's output layer wants 3 classes",
        ),
    ] {
        assert!(error.contains(expected), "'{error}' does not say '{expected}'");
    }
    let other = Dataset::new(1, vec![0.0], vec![1.0]).unwrap();
    assert!(matches!(Trainer::new(network(), default()).unwrap().epoch(&other), Err(Error::Length { .. })));
    assert!(matches!(Trainer::new(network(), default()).unwrap().step(&data, &[4]), Err(Error::Data(_))));
}

/// Whatever its target is: as infinite as its delta would be, so that 0 times that were NaN.
#[test]
fn a_sample_of_weight_0_may_have_any_target() {
    let features = vec![0.5, 1.5, -1.0, 2.0];
    let values = |targets: [f32; 4]| {
        let data = Dataset::regression(1, features.clone(), 1, targets.to_vec()).unwrap();
        let data = data.with_weights(vec![1.0, 0.0, 1.0, 1.0]).unwrap();
        let weights = Network::from_weights(
            Network::builder(1).output_layer(OutputLayer::Identity, 1).build().unwrap().shape().clone(),
            &[vec![-1e38, 1.0]],
        );
        let optimizer = Optimizer::Sgd { learning_rate: 1e-3, momentum: 0.0 };
        let mut trainer =
            Trainer::new(weights.unwrap(), TrainingOptions { optimizer, batch_size: 4, ..Default::default() }).unwrap();
        let loss = trainer.step(&data, &[0, 1, 2, 3]);
        let mut textbook = Textbook::new(trainer.network(), Level::best());
        textbook.step(optimizer, &data, &[0, 1, 2, 3]);
        (loss.is_ok(), trainer.network().weights(1), textbook.to_network().unwrap().weights(1))
    };
    // The deltas of the samples that count are finite, -1e38; that of the other one is not.
    let found = values([0.0, f32::MAX, 0.0, 0.0]);
    assert_eq!(found, values([0.0, 0.0, 0.0, 0.0]));
    assert!(found.1.iter().all(|weight| weight.is_finite()), "{found:?}");
}

/// What counts is what the machine has, asked before it is taken.
#[test]
fn more_than_memory_holds_is_refused_in_bytes() {
    let Some(available) = net::memory::available().filter(|available| *available < 400 << 30) else { return };
    let error = Network::builder(300_000).hidden(&[300_000]).build().unwrap_err();
    let Error::Memory { wanted, .. } = &error else { panic!("{error}") };
    let (wanted, least): (u64, u64) = (wanted.parse().unwrap(), 8 * 300_000_u64.pow(2));
    assert!(wanted >= least && wanted > available, "{error}, at least {least}");
    assert!(error.to_string().contains("bytes of memory, but"), "{error}");
}

/// All samples at once: their activations, 4000 numbers and as many deltas each, would take 32 GB. They are swept in groups.
#[test]
fn a_minibatch_takes_no_more_memory_than_its_groups() {
    let rows = 1 << 20;
    let data = Dataset::new(1, vec![0.5; rows], vec![1.0; rows]).unwrap();
    // ReLU takes the least time.
    let network = Network::builder(1).hidden(&[4000]).activation(Activation::Relu).build().unwrap();
    let optimizer = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0 };
    for threads in [1, 2] {
        let options =
            TrainingOptions { optimizer, batch_size: rows, threads: Threads::Own(threads), ..Default::default() };
        let loss = Trainer::new(network.clone(), options).unwrap().epoch(&data).unwrap();
        assert!(loss.is_finite() && loss > 0.0, "{loss}");
    }
}
