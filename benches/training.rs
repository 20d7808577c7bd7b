//! Training, in samples per second: one group for each workload and thread count, with the levels one below the other.
//! Before it is timed, one step is compared with the textbook's, weight by weight.
//!
//! `cargo bench --bench training -- 28-64-64-1` runs some of them.

mod settings;

use bench::Workload;
use bench::agreement::assert_agrees;
use criterion::{Criterion, criterion_group, criterion_main};
use net::textbook::Textbook;
use net::{Level, Network, Optimizer, Threads, Trainer, TrainingOptions};
use settings::{Rate, group};

const OPTIMIZER: Optimizer = Optimizer::Sgd { learning_rate: 0.1, momentum: 0.0 };

/// Samples of the step that is compared: more than a tile has rows, and few, since the textbook is slow.
const COMPARED: usize = 19;

fn training(criterion: &mut Criterion<Rate>) {
    for workload in Workload::all() {
        let (network, batch) = (workload.network(), workload.batch_size);
        let data = workload.data(4 * batch);
        let mut textbook = Textbook::new(&network, Level::best());
        let compared: Vec<usize> = (0..COMPARED).collect();
        textbook.step(OPTIMIZER, &data, &compared);
        let expected = weights(&textbook.to_network().expect("finite weights"));

        for threads in [1, 2] {
            let name = format!("training {workload}, threads {threads}");
            let mut group = group(criterion, name, batch as u64);
            for level in Level::available() {
                let options = TrainingOptions {
                    batch_size: batch,
                    optimizer: OPTIMIZER,
                    threads: Threads::Own(threads),
                    level,
                    ..Default::default()
                };
                let mut trainer = Trainer::new(network.clone(), options).expect("sound options");
                trainer.step(&data, &compared).expect("a step");
                assert_agrees(level, "weights", &weights(trainer.network()), &expected, workload.widths[0]);

                // Minibatches of rows from all over the data, as after a shuffle.
                let order: Vec<usize> = (0..batch).flat_map(|row| (0..4).map(move |part| part * batch + row)).collect();
                let mut minibatches = order.chunks(batch).cycle();
                group.bench_function(level.to_string(), |bencher| {
                    bencher.iter(|| trainer.step(&data, minibatches.next().expect("a cycle")).expect("a step"));
                });
            }
        }
    }
}

/// All weights, layer by layer.
fn weights(network: &Network) -> Vec<f32> {
    (1..=network.shape().layers().len()).flat_map(|layer| network.weights(layer)).collect()
}

criterion_group! {
    name = benches;
    config = settings::criterion("samples/s", 1.0);
    targets = training
}
criterion_main!(benches);
