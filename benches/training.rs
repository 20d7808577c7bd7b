//! Training, in samples per second, an epoch in each iteration: one group for each workload and thread count, with the
//! levels one below the other. Before it is timed, one step is compared with the textbook's, weight by weight.
//!
//! `cargo bench --bench training -- 28-64-64-1` runs some of them.

mod settings;

use bench::Workload;
use bench::agreement::assert_agrees;
use bench::throughput::{self, Training};
use criterion::{Criterion, criterion_group, criterion_main};
use net::textbook::Textbook;
use net::{Level, Network, Trainer};
use settings::{Rate, group};

/// Samples of the step that is compared: more than a tile has rows, and few, since the textbook is slow.
const COMPARED: usize = 19;

fn training(criterion: &mut Criterion<Rate>) {
    for workload in Workload::all() {
        let network = workload.network();
        let (data, compared) = (workload.data(COMPARED), (0..COMPARED).collect::<Vec<_>>());
        let mut textbook = Textbook::new(&network, Level::best());
        textbook.step(throughput::options(&workload, Level::best(), 1).optimizer, &data, &compared);
        let expected = weights(&textbook.to_network().expect("finite weights"));

        for threads in [1, 2] {
            let samples = Training::new(&workload, Level::best(), threads).samples();
            let mut group = group(criterion, format!("training {workload}, threads {threads}"), samples as u64);
            for level in Level::available() {
                let options = throughput::options(&workload, level, threads);
                let mut trainer = Trainer::new(network.clone(), options).expect("sound options");
                trainer.step(&data, &compared).expect("a step");
                assert_agrees(level, "weights", &weights(trainer.network()), &expected, workload.widths[0]);

                let mut training = Training::new(&workload, level, threads);
                group.bench_function(level.to_string(), |bencher| bencher.iter(|| training.epoch()));
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
