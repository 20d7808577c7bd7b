//! Training, in samples per second, an epoch in each iteration: one group for each workload and thread count, with the
//! levels one below the other. Before it is timed, one step is compared with the textbook's, weight by weight.
//!
//! `cargo bench --bench training -- 28-64-64-1` runs some of them.

mod settings;

use bench::throughput::Training;
use bench::{Workload, agreement};
use criterion::{Criterion, criterion_group, criterion_main};
use net::Level;
use settings::{Rate, group};

fn training(criterion: &mut Criterion<Rate>) {
    for workload in Workload::all().into_iter().chain(Workload::narrow()) {
        agreement::check_training(&workload, &Level::available(), &[1, 2]).unwrap_or_else(|error| panic!("{error}"));
        for threads in [1, 2] {
            let prepare = |level| Training::new(&workload, level, threads).expect("threads");
            let samples = prepare(Level::best()).samples();
            let mut group = group(criterion, format!("training {workload}, threads {threads}"), samples as u64);
            for level in Level::available() {
                let mut training = prepare(level);
                group.bench_function(level.to_string(), |bencher| {
                    training.session(|epoch| bencher.iter(|| epoch().expect("training goes on")));
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = settings::criterion("samples/s", 1.0);
    targets = training
}
criterion_main!(benches);
