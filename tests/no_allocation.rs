//! After the first, a step of training and a call of the predictor allocate nothing, on one thread or several.

use net::random::Random;
use net::{Activation, Dataset, Network, Optimizer, OutputLayer, Predictor, Threads, Trainer, TrainingOptions};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Allocations so far, of all threads.
fn allocations() -> u64 {
    dhat::HeapStats::get().total_blocks
}

/// Asserts that `calls` allocate nothing. Threads of an earlier pool end when they like, and then they may allocate; what a
/// call allocates shows every time. On one thread, nothing else may allocate.
fn allocate_nothing(threads: usize, mut calls: impl FnMut(), what: &str) {
    let mut counts = [0; 5];
    for count in &mut counts {
        let before = allocations();
        calls();
        *count = allocations() - before;
    }
    let none = if threads == 1 { counts == [0; 5] } else { counts.contains(&0) };
    assert!(none, "{what}: {counts:?} allocations");
}

/// One test, since the allocations of all threads of the program are counted.
#[test]
fn steps_and_predictions_allocate_nothing() {
    let _profiler = dhat::Profiler::builder().testing().build();
    // The count is alive.
    let before = allocations();
    drop(std::hint::black_box(vec![1u8; 100]));
    assert!(allocations() > before);

    let mut random = Random::new(1, 0);
    let features: Vec<f32> = (0..640 * 20).map(|_| random.unit()).collect();
    let targets = (0..640).map(|_| random.below(2) as f32).collect();
    let two_classes = Dataset::new(20, features.clone(), targets).unwrap();
    let targets = (0..640).map(|_| random.below(40) as f32).collect();
    let classes = Dataset::multi_class(20, features.clone(), 40, targets).unwrap().with_label_smoothing(0.1).unwrap();
    let classes = classes.with_weights((0..640).map(|_| random.unit()).collect()).unwrap();
    let builder = Network::builder(20).hidden(&[70, 3, 40]).seed(1);
    let sigmoid = builder.clone().build().unwrap();
    let gelu = builder.clone().activation(Activation::Gelu).build().unwrap();
    let softmax = builder.output_layer(OutputLayer::Softmax, 40).build().unwrap();
    let plain = TrainingOptions { batch_size: 64, ..Default::default() };
    let in_groups = TrainingOptions { batch_size: 640, ..Default::default() };
    let adam = TrainingOptions { optimizer: Optimizer::adam(1e-3), weight_decay: 0.1, ..plain.clone() };
    let clipped = TrainingOptions { clip_norm: Some(0.1), ..adam.clone() };
    let dropped = TrainingOptions { dropout: 0.5, ..plain.clone() };
    // One thread first: no earlier pool is ending then.
    for (threads, network, data, options) in [
        (1, &sigmoid, &two_classes, &plain),
        (1, &sigmoid, &two_classes, &in_groups),
        (1, &softmax, &classes, &clipped),
        (1, &sigmoid, &two_classes, &dropped),
        (2, &sigmoid, &two_classes, &plain),
        (3, &sigmoid, &two_classes, &plain),
        (3, &sigmoid, &two_classes, &in_groups),
        (2, &softmax, &classes, &plain),
        (2, &softmax, &classes, &adam),
        (2, &softmax, &classes, &clipped),
        (2, &softmax, &classes, &dropped),
        (2, &gelu, &two_classes, &plain),
    ] {
        let options = TrainingOptions { threads: Threads::Own(threads), ..options.clone() };
        let mut trainer = Trainer::new(network.clone(), options).unwrap();
        trainer.session(|trainer| {
            let mut train = || (0..60).for_each(|_| _ = trainer.epoch(data).unwrap());
            // Tries every number of threads, and so makes room for each.
            train();
            allocate_nothing(threads, train, &format!("60 epochs on {threads} threads"));
        });

        let mut predictor = Predictor::new(network).with_threads(Threads::Own(threads)).unwrap();
        let mut probabilities = vec![0.0; 640 * network.shape().outputs()];
        let predict = |predictor: &mut Predictor<&Network>, out: &mut [f32]| match network.shape().output_layer() {
            OutputLayer::Softmax => predictor.class_probabilities(&features, out),
            _ => predictor.prob_t1(&features, out),
        };
        predictor.session(|predictor| {
            let mut predict = || (0..600).for_each(|_| predict(predictor, &mut probabilities).unwrap());
            predict();
            allocate_nothing(threads, predict, &format!("600 predictions of 640 rows on {threads} threads"));
        });

        predictor.session(|predictor| {
            let mut validate = || (0..600).for_each(|_| _ = predictor.mean_loss(data).unwrap());
            validate();
            allocate_nothing(threads, validate, &format!("600 validations of 640 rows on {threads} threads"));
        });
    }

    // One row, of which threads share out the layers.
    let wide = Network::builder(20).hidden(&[300, 300]).seed(1).build().unwrap();
    let mut predictor = Predictor::new(&wide).with_threads(Threads::Own(2)).unwrap();
    let mut probability = [0.0];
    predictor.session(|predictor| {
        let mut predict = || (0..600).for_each(|_| predictor.prob_t1(&features[..20], &mut probability).unwrap());
        predict();
        allocate_nothing(2, predict, "600 predictions of one row on two threads");
    });
}
