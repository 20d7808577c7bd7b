//! Prediction: the time for one row, and rows per second of 1024 at once on one and two threads; the levels one below the
//! other. Before it is timed, the probability of each row is compared with the one that the textbook path computes.
//!
//! `cargo bench --bench inference -- 'one row'` runs some of them.

mod settings;

use bench::prediction::Prediction;
use bench::suite::MANY_ROWS;
use bench::{Workload, agreement};
use criterion::{Criterion, criterion_group, criterion_main};
use net::Level;
use settings::{Rate, group};

fn inference(criterion: &mut Criterion<Rate>) {
    let mut workloads = Workload::all();
    workloads.dedup_by_key(|workload| workload.widths.clone());
    for workload in workloads {
        let (network, data) = (workload.network(), workload.data(MANY_ROWS));
        for (rows, threads) in [(1, 1), (MANY_ROWS, 1), (MANY_ROWS, 2)] {
            let checked = agreement::check_prediction(&network, &data, rows, &Level::available(), &[threads]);
            checked.unwrap_or_else(|error| panic!("{error}"));
            let name = match rows {
                1 => format!("one row, {}", workload.name()),
                rows => format!("{rows} rows, {}, threads {threads}", workload.name()),
            };
            let mut group = group(criterion, name, rows as u64);
            for level in Level::available() {
                let mut prediction = Prediction::new(&network, &data, rows, level, threads).expect("threads");
                group.bench_function(level.to_string(), |bencher| {
                    prediction.session(|predict| bencher.iter(|| predict().expect("the features fit")));
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
