//! Prediction: the time for one row, and rows per second of 1024 at once on one and two threads; the levels one below the
//! other. Before it is timed, the probability of each row is compared with the one that the textbook path computes.
//!
//! `cargo bench --bench inference -- 'one row'` runs some of them.

mod settings;

use bench::Workload;
use bench::agreement::assert_agrees;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::reference;
use net::textbook::Textbook;
use net::{Level, Predictor, Threads};
use settings::{Rate, group};

const ROWS: usize = 1024;

/// At most so many rows are compared, since the textbook is slow.
const COMPARED: usize = 19;

fn inference(criterion: &mut Criterion<Rate>) {
    let mut workloads = Workload::all();
    workloads.dedup_by_key(|workload| workload.widths.clone());
    for workload in workloads {
        let network = workload.network();
        let data = workload.data(ROWS);
        let textbook = Textbook::new(&network, Level::best());
        let probability = |row| reference::sigmoid(textbook.propagate(data.row(row)).output_preactivation());
        let expected: Vec<f32> = (0..COMPARED).map(probability).collect();

        for (rows, threads) in [(1, 1), (ROWS, 1), (ROWS, 2)] {
            let name = match rows {
                1 => format!("one row, {}", workload.name()),
                rows => format!("{rows} rows, {}, threads {threads}", workload.name()),
            };
            let mut group = group(criterion, name, rows as u64);
            let features = &data.features()[..rows * data.inputs()];
            let mut y = vec![0.0; rows];
            for level in Level::available() {
                let predictor = Predictor::new(&network).with_level(level);
                let mut predictor = predictor.with_threads(Threads::Own(threads)).expect("threads");
                predictor.prob_t0(features, &mut y).expect("the lengths fit");
                let compared = rows.min(COMPARED);
                assert_agrees(level, "y", &y[..compared], &expected[..compared], workload.widths[0]);
                group.bench_function(level.to_string(), |bencher| {
                    bencher.iter(|| predictor.prob_t0(features, &mut y).expect("the lengths fit"));
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = settings::criterion("rows/s", 1.0);
    targets = inference
}
criterion_main!(benches);
