//! Every kernel at every level: one group for each kernel and size, with the levels one below the other. Each result is
//! compared with the specification, `kernels::reference`, before it is timed.
//!
//! `cargo bench --bench kernels -- 'sigmoid|forward'` runs some of them.

mod settings;

use bench::agreement::assert_agrees;
use bench::layer::Layer;
use criterion::{Criterion, criterion_group, criterion_main};
use kernels::{Activation, Level, Sgd, reference};
use net::random::Random;
use settings::{Rate, group};

type Elementwise = (&'static str, fn(Level, &[f32], &mut [f32]), fn(f32) -> f32);

const ELEMENTWISE: [Elementwise; 4] = [
    ("exp", kernels::exp, reference::Real::exp),
    ("sigmoid", kernels::sigmoid, reference::sigmoid),
    ("tanh", kernels::tanh, reference::Real::tanh),
    ("softplus", kernels::softplus, reference::softplus),
];

/// The activations of 64 units for 32 samples, and of 300 units for 100: in the first and in the second level of cache.
const LENGTHS: [usize; 2] = [64 * 32, 300 * 100];

/// (inputs, outputs) of one layer, for one sample.
const MATRICES: [(usize, usize); 3] = [(64, 64), (300, 300), (1024, 1024)];

/// (inputs, outputs, samples) of layers of the workloads.
const LAYERS: [(usize, usize, usize); 7] = [
    (64, 64, 32),
    (300, 300, 100),
    (784, 256, 64),
    (1024, 1024, 512),
    // Narrow ones.
    (64, 1, 32),
    (300, 1, 100),
    (1024, 1, 512),
];

fn uniform(length: usize, low: f32, high: f32) -> Vec<f32> {
    let mut random = Random::new(1, 0);
    (0..length).map(|_| low + (high - low) * random.unit()).collect()
}

fn elementwise(criterion: &mut Criterion<Rate>) {
    for length in LENGTHS {
        let input = uniform(length, -8.0, 8.0);
        let mut output = vec![0.0; length];
        for (name, kernel, specification) in ELEMENTWISE {
            let expected: Vec<f32> = input.iter().map(|x| specification(*x)).collect();
            let mut group = group(criterion, format!("{name}, {length} numbers"), length as u64);
            for level in Level::available() {
                kernel(level, &input, &mut output);
                assert_agrees(level, name, &output, &expected, 16);
                group.bench_function(level.to_string(), |bencher| {
                    bencher.iter(|| kernel(level, &input, &mut output));
                });
            }
        }
        derivative(criterion, length);
        sgd_step(criterion, length);
    }
}

fn derivative(criterion: &mut Criterion<Rate>, length: usize) {
    let z = uniform(length, 0.0, 1.0);
    let expected: Vec<f32> = z.iter().map(|z| 2.0 * reference::derivative(Activation::Sigmoid, *z)).collect();
    let mut group = group(criterion, format!("derivative, {length} numbers"), length as u64);
    for level in Level::available() {
        let mut delta = vec![2.0; length];
        kernels::multiply_by_derivative(level, Activation::Sigmoid, &z, &mut delta);
        assert_agrees(level, "derivative", &delta, &expected, 1);
        // Multiplied in place again and again, deltas would become subnormal, and slow. Zeros stay zeros.
        delta.fill(0.0);
        group.bench_function(level.to_string(), |bencher| {
            bencher.iter(|| kernels::multiply_by_derivative(level, Activation::Sigmoid, &z, &mut delta));
        });
    }
}

fn sgd_step(criterion: &mut Criterion<Rate>, length: usize) {
    let sgd = Sgd { learning_rate: 0.1, momentum: 0.9, scale: 1.0 / 32.0 };
    let (gradient, start) = (uniform(length, -1.0, 1.0), uniform(length, -0.5, 0.5));
    let (mut expected, mut expected_velocity) = (start.clone(), vec![0.0; length]);
    reference::sgd_step(sgd, &gradient, &mut expected, &mut expected_velocity);
    let mut group = group(criterion, format!("sgd_step, {length} numbers"), length as u64);
    for level in Level::available() {
        let (mut weights, mut velocity) = (start.clone(), vec![0.0; length]);
        kernels::sgd_step(level, sgd, &gradient, &mut weights, &mut velocity);
        assert_agrees(level, "weights of sgd_step", &weights, &expected, 2);
        assert_agrees(level, "velocity of sgd_step", &velocity, &expected_velocity, 2);
        group.bench_function(level.to_string(), |bencher| {
            bencher.iter(|| kernels::sgd_step(level, sgd, &gradient, &mut weights, &mut velocity));
        });
    }
}

/// Matrix and vector, in the textbook path: weights in book order, one sample.
fn one_sample(criterion: &mut Criterion<Rate>) {
    for (inputs, outputs) in MATRICES {
        let size = format!("{inputs}-{outputs}");
        let flops = 2 * (inputs * outputs) as u64;
        let weights = uniform(outputs * (1 + inputs), -0.1, 0.1);
        let (z, delta) = (uniform(inputs, 0.0, 1.0), uniform(outputs, -1.0, 1.0));

        let (mut a, mut expected) = (vec![0.0; outputs], vec![0.0; outputs]);
        reference::matvec(&weights, &z, &mut expected);
        let mut matvec = group(criterion, format!("matvec, {size}"), flops);
        for level in Level::available() {
            kernels::matvec(level, &weights, &z, &mut a);
            assert_agrees(level, "matvec", &a, &expected, inputs);
            matvec.bench_function(level.to_string(), |bencher| {
                bencher.iter(|| kernels::matvec(level, &weights, &z, &mut a));
            });
        }
        drop(matvec);

        let (mut sums, mut expected) = (vec![0.0; inputs], vec![0.0; inputs]);
        reference::matvec_transposed(&weights, &delta, &mut expected);
        let mut transposed = group(criterion, format!("matvec_transposed, {size}"), flops);
        for level in Level::available() {
            kernels::matvec_transposed(level, &weights, &delta, &mut sums);
            assert_agrees(level, "matvec_transposed", &sums, &expected, outputs);
            transposed.bench_function(level.to_string(), |bencher| {
                bencher.iter(|| kernels::matvec_transposed(level, &weights, &delta, &mut sums));
            });
        }
        drop(transposed);

        let mut expected = weights.clone();
        reference::outer_product(&delta, &z, &mut expected);
        let mut outer_product = group(criterion, format!("outer_product, {size}"), flops);
        for level in Level::available() {
            let mut gradient = weights.clone();
            kernels::outer_product(level, &delta, &z, &mut gradient);
            assert_agrees(level, "outer_product", &gradient, &expected, 1);
            outer_product.bench_function(level.to_string(), |bencher| {
                bencher.iter(|| kernels::outer_product(level, &delta, &z, &mut gradient));
            });
        }
    }
}

/// The matrix kernels of a minibatch.
fn minibatch(criterion: &mut Criterion<Rate>) {
    for (inputs, outputs, samples) in LAYERS {
        let mut layer = Layer::new(inputs, outputs, samples);
        for kernel in layer.kernels() {
            let name = format!("{kernel}, {inputs}-{outputs}, batch {samples}");
            let mut group = group(criterion, name, layer.flops());
            for level in Level::available() {
                layer.check(kernel, level);
                group.bench_function(level.to_string(), |bencher| bencher.iter(|| layer.run(kernel, level)));
            }
        }
    }
}

criterion_group! {
    name = numbers;
    config = settings::criterion("Gnumber/s", 1e9);
    targets = elementwise
}
criterion_group! {
    name = products;
    config = settings::criterion("GFLOP/s", 1e9);
    targets = one_sample, minibatch
}
criterion_main!(numbers, products);
