//! L-BFGS: the optimum of a convex problem, a network on the bundled data, and the same bits on any threads and level.

use std::ops::ControlFlow;

use net::random::Random;
use net::{
    Activation, Dataset, Error, Iteration, Lbfgs, LbfgsEnding, LbfgsOptions, Level, Network, Optimizer, OutputLayer,
    Threads, Trainer, TrainingOptions,
};

const FEATURES: usize = 30;

/// The bundled data, standardised in f64; t = 1 is malignant.
fn bundled() -> Dataset {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/wdbc.csv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let count = rows.len() as f64;
    let mut features = vec![0.0; rows.len() * FEATURES];
    for column in 0..FEATURES {
        let numbers: Vec<f64> = rows.iter().map(|row| row[column].parse().unwrap()).collect();
        let mean = numbers.iter().sum::<f64>() / count;
        let deviation = (numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        for (row, x) in numbers.iter().enumerate() {
            features[row * FEATURES + column] = ((x - mean) / deviation) as f32;
        }
    }
    let targets = rows.iter().map(|row| if row[FEATURES] == "M" { 1.0 } else { 0.0 }).collect();
    Dataset::new(FEATURES, features, targets).unwrap()
}

/// The last iteration's objective and gradient, and the ending.
fn train(trainer: &mut Lbfgs, data: &Dataset) -> (LbfgsEnding, usize, f64) {
    let (mut number, mut objective) = (0, f64::NAN);
    let ending = trainer.train(data, |iteration| {
        (number, objective) = (iteration.number, iteration.objective);
        ControlFlow::Continue(())
    });
    (ending.unwrap(), number, objective)
}

/// scikit-learn 1.9.1 on the same standardised data:
/// `LogisticRegression(C=1 / (0.01 * 569), tol=1e-14, max_iter=100000)`, which minimises 569 times the same objective.
/// Its score is for malignant, the network's for benign: the signs differ.
#[test]
fn logistic_regression_finds_the_optimum() {
    let data = bundled();
    let options = LbfgsOptions { weight_decay: 0.01, tolerance: 1e-6, ..Default::default() };
    let mut trainer = Lbfgs::new(Network::builder(FEATURES).seed(1).build().unwrap(), options).unwrap();
    let (ending, iterations, objective) = train(&mut trainer, &data);
    println!("{ending} after {iterations} iterations: {objective}");
    assert_ne!(ending, LbfgsEnding::Iterations);
    assert!((objective / OPTIMUM - 1.0).abs() < 1e-6, "{objective}, not {OPTIMUM}");
    let weights = trainer.network().weights(1);
    let squares = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>();
    let off = squares(&mut weights.iter().zip(WEIGHTS).map(|(found, expected)| f64::from(*found) + expected));
    let error = (off / squares(&mut WEIGHTS.into_iter())).sqrt();
    println!("the weights are off by {error:.1e} of their length");
    assert!(error < 1e-4, "{error}: {weights:?}");
}

const OPTIMUM: f64 = 0.09959137548470907;
/// First the intercept.
const WEIGHTS: [f64; 1 + FEATURES] = [
    -0.495269726,
    0.416054297,
    0.454978678,
    0.403943726,
    0.414092033,
    0.159906134,
    -0.0951860264,
    0.4701365,
    0.545990896,
    0.0443542935,
    -0.292116999,
    0.645481885,
    -0.0773792778,
    0.449361754,
    0.493115488,
    0.0936881543,
    -0.384067571,
    -0.0425642857,
    0.169179768,
    -0.186686714,
    -0.337631729,
    0.629780522,
    0.721450229,
    0.565220375,
    0.57569701,
    0.507570906,
    0.113726622,
    0.512028875,
    0.610907812,
    0.531769168,
    0.189147917,
];

/// The mean loss, and what L2 regularisation adds to it.
fn objective(network: &Network, data: &Dataset, weight_decay: f64) -> f64 {
    let all: Vec<usize> = (0..data.rows()).collect();
    let (_, loss) = net::gradient_check::summed_gradient(network, data, &all, Level::best()).unwrap();
    let squares = network.shape().layers().enumerate().map(|(layer, shape)| {
        let weights = network.weights(layer + 1);
        let rows = weights.chunks_exact(1 + shape.inputs);
        rows.flat_map(|row| &row[1..]).map(|w| f64::from(*w).powi(2)).sum::<f64>()
    });
    loss / data.rows() as f64 + weight_decay / 2.0 * squares.sum::<f64>()
}

/// In as many passes over the data, far below what Adam comes to, whatever its learning rate.
#[test]
fn a_network_converges_on_the_bundled_data() {
    let data = bundled();
    for activation in Activation::ALL {
        let network = Network::builder(FEATURES).hidden(&[16]).activation(activation).seed(1).build().unwrap();
        let weight_decay = 1e-3f32;
        let options = LbfgsOptions { iterations: 100, weight_decay, ..Default::default() };
        let mut trainer = Lbfgs::new(network.clone(), options).unwrap();
        let mut evaluations = 0;
        let ending = trainer.train(&data, |iteration: &Iteration| {
            evaluations = iteration.evaluations;
            ControlFlow::Continue(())
        });
        let found = objective(trainer.network(), &data, f64::from(weight_decay));
        let of_adam = [1e-4, 1e-3, 1e-2].map(|learning_rate| {
            let optimizer = Optimizer::adam(learning_rate);
            let options = TrainingOptions { epochs: evaluations, optimizer, weight_decay, ..Default::default() };
            let mut trainer = Trainer::new(network.clone(), options).unwrap();
            trainer.train(&data, |_| ControlFlow::Continue(())).unwrap();
            objective(trainer.network(), &data, f64::from(weight_decay))
        });
        println!("{activation}: {:?}, {evaluations} evaluations, {found}; Adam: {of_adam:?}", ending.unwrap());
        assert!(of_adam.iter().all(|of_adam| found < 0.8 * of_adam), "{activation}: {found}; Adam: {of_adam:?}");
    }
}

/// More rows than one chunk has, the last chunk smaller than the other ones.
#[test]
fn threads_and_levels_change_no_bit() {
    let mut random = Random::new(4, 9);
    let (inputs, rows) = (10, 2500);
    let features = (0..inputs * rows).map(|_| 4.0 * random.unit() - 2.0).collect();
    let targets = (0..rows).map(|_| random.below(7) as f32).collect();
    let data = Dataset::multi_class(inputs, features, 7, targets).unwrap();
    let data = data.with_weights((0..rows).map(|_| random.unit()).collect()).unwrap();
    let builder = Network::builder(inputs).hidden(&[20, 3]).activation(Activation::Silu).seed(5);
    let network = builder.output_layer(OutputLayer::Softmax, 7).build().unwrap();
    let bits = |level, threads| {
        let threads = Threads::Own(threads);
        let options = LbfgsOptions { iterations: 12, weight_decay: 1e-3, level, threads, ..Default::default() };
        let mut trainer = Lbfgs::new(network.clone(), options).unwrap();
        let (_, number, objective) = train(&mut trainer, &data);
        assert_eq!(number, 12);
        let weights: Vec<u32> = (1..=3).flat_map(|layer| trainer.network().weights(layer)).map(f32::to_bits).collect();
        (objective.to_bits(), weights)
    };
    let expected = bits(Level::best(), 1);
    for level in Level::available().into_iter().filter(|level| level.is_fused()) {
        for threads in [1, 2, 3] {
            assert!(bits(level, threads) == expected, "level {level}, {threads} threads");
        }
    }
}

/// Every iteration lowers the objective, and the callback sees the network of which it speaks.
#[test]
fn the_callback_sees_each_iteration() {
    let data = bundled();
    let network = Network::builder(FEATURES).hidden(&[4]).seed(1).build().unwrap();
    let mut trainer = Lbfgs::new(network, LbfgsOptions { weight_decay: 0.1, ..Default::default() }).unwrap();
    let mut last = f64::INFINITY;
    let ending = trainer.train(&data, |iteration| {
        assert!(iteration.objective < last && iteration.mean_loss < iteration.objective);
        last = iteration.objective;
        let here = objective(iteration.network, &data, f64::from(0.1f32));
        assert!((here / iteration.objective - 1.0).abs() < 1e-6, "{here}, {}", iteration.objective);
        if iteration.number == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(ending.unwrap(), LbfgsEnding::Stopped);
}

#[test]
fn what_cannot_work_is_refused() {
    let network = || Network::builder(2).build().unwrap();
    let default = LbfgsOptions::default;
    for (options, name) in [
        (LbfgsOptions { iterations: 0, ..default() }, "iterations"),
        (LbfgsOptions { history: 0, ..default() }, "history of L-BFGS"),
        (LbfgsOptions { tolerance: f32::NAN, ..default() }, "tolerance of the gradient"),
        (LbfgsOptions { weight_decay: -1.0, ..default() }, "weight decay"),
    ] {
        match Lbfgs::new(network(), options) {
            Err(Error::Setting { name: found, .. }) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
    let endless = Lbfgs::new(network(), LbfgsOptions { history: usize::MAX, ..default() });
    assert!(matches!(endless, Err(Error::Memory { .. })), "{endless:?}");

    // A sample without weight has no part in the loss, but its gradient is 0 times infinity.
    let ends = |trainer: Lbfgs, data: &Dataset| {
        let mut trainer = trainer;
        trainer.train(data, |_| ControlFlow::Continue(())).unwrap_err().to_string()
    };
    let relu = Network::builder(2).hidden(&[1]).activation(Activation::Relu).build().unwrap();
    let shape = relu.shape().clone();
    let relu = Network::from_weights(shape, &[vec![0.0, 1.0, 2.0], vec![0.0, 1.0]]).unwrap();
    let data = Dataset::new(2, vec![1.0, 2.0, 1.0, f32::MAX], vec![1.0, 0.0]).unwrap().with_weights(vec![1.0, 0.0]);
    let error = ends(Lbfgs::new(relu, default()).unwrap(), &data.unwrap());
    assert!(error.contains("the gradient has a component that is NaN"), "{error}");

    let data = Dataset::new(2, vec![1.0, f32::MAX], vec![1.0]).unwrap();
    let network = Network::from_weights(network().shape().clone(), &[vec![0.0, 1.0, 2.0]]).unwrap();
    let error = ends(Lbfgs::new(network, default()).unwrap(), &data);
    assert!(error.contains("make sure that the features are standardised"), "{error}");
}
