//! Every kernel at every level: one group for each kernel and size, with the levels one below the other. Each result is
//! compared with the specification, `kernels::reference`, before it is timed.
//!
//! `cargo bench --bench kernels -- 'sigmoid|forward'` runs some of them.

mod settings;

use bench::fixture;
use bench::results::Kind;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::Level;
use settings::{Rate, group};

fn elementwise(criterion: &mut Criterion<Rate>) {
    run(criterion, |kind| kind == Kind::Elementwise);
}

fn products(criterion: &mut Criterion<Rate>) {
    run(criterion, |kind| kind != Kind::Elementwise);
}

/// The kernels of some kinds.
fn run(criterion: &mut Criterion<Rate>, is_chosen: impl Fn(Kind) -> bool) {
    for prepare in fixture::all() {
        let mut fixture = prepare();
        let work = fixture.work();
        if !is_chosen(work.kind) {
            continue;
        }
        let mut group = group(criterion, format!("{}, {}", fixture.kernel(), fixture.size()), work.count);
        for level in Level::available() {
            fixture.check(level).unwrap_or_else(|error| panic!("{error}"));
            group.bench_function(level.to_string(), |bencher| bencher.iter(|| fixture.run(level)));
        }
    }
}

criterion_group! {
    name = numbers;
    config = settings::criterion("Gnumber/s", 1e9);
    targets = elementwise
}
criterion_group! {
    name = operations;
    config = settings::criterion("GFLOP/s", 1e9);
    targets = products
}
criterion_main!(numbers, operations);
