//! One arithmetic: every kernel at every level against the specification in `kernels::reference`, by bits at the levels
//! that fuse multiply and add, within stated bounds at the portable level.

use kernels::matrix::ROW_MULTIPLE;
use kernels::simd::Simd;
use kernels::softmax::shifted_exponentials_lanes;
use kernels::{Activation, Level, Rule, Sgd, Slope, Step, dispatch, reference};
use proptest::prelude::*;

#[path = "levels_agree/minibatch.rs"]
mod minibatch;

/// The portable level without FMA rounds each product of a chain once more: n steps are off by at most
/// n 2^-24 times the sum of the magnitudes; the tests keep magnitudes below 2 and allow for the activation's own error.
fn portable_tolerance(steps: usize) -> f32 {
    (steps as f32 + 8.0) * 16.0 * f32::EPSILON
}

/// Panics, naming the level and the place, unless `found` is what the contract wants.
fn assert_agrees(level: Level, what: &str, found: &[f32], expected: &[f32], steps: usize) {
    assert_eq!(found.len(), expected.len());
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let agrees = if level.is_fused() {
            found.to_bits() == expected.to_bits() || (found.is_nan() && expected.is_nan())
        } else {
            (found - expected).abs() <= portable_tolerance(steps) * expected.abs().max(1.0)
                || found.to_bits() == expected.to_bits()
                || (found.is_nan() && expected.is_nan())
        };
        assert!(agrees, "{what} at level {level}, place {i}: {found:e}, not {expected:e}");
    }
}

/// Lengths around the multiples of vectors, tiles and panels.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0usize..=70, Just(96), Just(127), Just(128), Just(129)]
}

fn width() -> impl Strategy<Value = usize> {
    prop_oneof![1usize..=36, 60usize..=68, Just(97), Just(129)]
}

/// A number that a network meets, or now and then one that it should not.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![
        30 => -2.0f32..2.0,
        2 => -110.0f32..110.0,
        1 => prop::sample::select(vec![0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MIN_POSITIVE, 1e-41, f32::MAX]),
    ]
}

fn numbers(length: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(-2.0f32..2.0, length)
}

/// A slice that starts `skip` numbers into an allocation, so that it is not aligned to a vector.
fn unaligned(numbers: &[f32], skip: usize) -> Vec<f32> {
    let mut padded = vec![0.0; skip];
    padded.extend_from_slice(numbers);
    padded
}

/// A function of an activation, and its name.
macro_rules! activation {
    ($function:ident, $activation:ident) => {
        (
            concat!(stringify!($function), " ", stringify!($activation)),
            |level, a, output| kernels::$function(level, Activation::$activation, a, output),
            |a| reference::$function(Activation::$activation, a),
        )
    };
}

type Elementwise = (&'static str, fn(Level, &[f32], &mut [f32]), fn(f32) -> f32);

const ELEMENTWISE: [Elementwise; 15] = [
    ("exp", kernels::exp, reference::Real::exp),
    ("sigmoid", kernels::sigmoid, reference::sigmoid),
    ("tanh", kernels::tanh, reference::Real::tanh),
    ("softplus", kernels::softplus, reference::softplus),
    ("ln", kernels::ln, reference::Real::ln),
    activation!(activate, Sigmoid),
    activation!(activate, Tanh),
    activation!(activate, Relu),
    activation!(activate, Silu),
    activation!(activate, Gelu),
    activation!(derivative, Sigmoid),
    activation!(derivative, Tanh),
    activation!(derivative, Relu),
    activation!(derivative, Silu),
    activation!(derivative, Gelu),
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn elementwise_functions(input in length().prop_flat_map(|n| prop::collection::vec(number(), n)), skip in 0usize..4) {
        let padded = unaligned(&input, skip);
        for (name, kernel, specification) in ELEMENTWISE {
            let expected: Vec<f32> = input.iter().map(|x| specification(*x)).collect();
            for level in Level::available() {
                let mut output = vec![0.0; padded.len()];
                kernel(level, &padded[skip..], &mut output[skip..]);
                assert_agrees(level, name, &output[skip..], &expected, 16);
            }
        }
    }

    /// Of one sample with vectors across the classes, and of a vector of samples.
    #[test]
    fn softmax((classes, samples, a) in (1usize..=40, 1usize..=40).prop_flat_map(|(classes, samples)| {
        (Just(classes), Just(samples), prop::collection::vec(number(), classes * samples))
    })) {
        let stride = samples.next_multiple_of(ROW_MULTIPLE);
        let mut columns = vec![0.0; classes * stride];
        let mut expected = Vec::new();
        for (sample, a) in a.chunks(classes).enumerate() {
            let mut e = vec![0.0; classes];
            let (greatest, sum) = reference::shifted_exponentials(a, &mut e);
            expected.push([e, vec![greatest, sum]].concat());
            for (class, a) in a.iter().enumerate() {
                columns[class * stride + sample] = *a;
            }
        }
        for level in Level::available() {
            for (a, expected) in a.chunks(classes).zip(&expected) {
                let mut e = vec![f32::NAN; classes];
                let (greatest, sum) = kernels::shifted_exponentials(level, a, &mut e);
                assert_agrees(level, "shifted_exponentials", &[e, vec![greatest, sum]].concat(), expected, classes);
            }
            let mut e = vec![f32::NAN; columns.len()];
            let (mut greatest, mut sums) = (vec![f32::NAN; stride], vec![f32::NAN; stride]);
            dispatch!(level, simd => vectors_of_samples(simd, &columns, (classes, stride), &mut e, &mut greatest, &mut sums));
            for (sample, expected) in expected.iter().enumerate() {
                let mut found: Vec<f32> = (0..classes).map(|class| e[class * stride + sample]).collect();
                found.extend([greatest[sample], sums[sample]]);
                assert_agrees(level, "shifted_exponentials_lanes", &found, expected, classes);
            }
        }
    }

    #[test]
    fn derivatives(z in length().prop_flat_map(numbers), factor in -2.0f32..2.0) {
        for slope in [Slope::OfSigmoid, Slope::OfTanh, Slope::OfRelu, Slope::Kept] {
            let expected: Vec<f32> = z.iter().map(|z| factor * reference::derivative_from(slope, *z)).collect();
            for level in Level::available() {
                let mut delta = vec![factor; z.len()];
                kernels::multiply_by_derivative(level, slope, &z, &mut delta);
                assert_agrees(level, "multiply_by_derivative", &delta, &expected, 1);
            }
        }
    }

    #[test]
    fn one_sample(
        (weights, z, delta) in (length(), length())
            .prop_flat_map(|(rows, columns)| (numbers(rows * (1 + columns)), numbers(columns), numbers(rows))),
        skip in 0usize..4,
    ) {
        let (rows, columns) = (delta.len(), z.len());
        let mut expected_a = vec![0.0; rows];
        let mut expected_sums = vec![0.0; columns];
        let mut expected_gradient = weights.clone();
        reference::matvec(&weights, &z, &mut expected_a);
        reference::matvec_transposed(&weights, &delta, &mut expected_sums);
        reference::outer_product(&delta, &z, &mut expected_gradient);
        let padded = unaligned(&weights, skip);
        for level in Level::available() {
            let mut a = vec![f32::NAN; rows];
            kernels::matvec(level, &padded[skip..], &z, &mut a);
            assert_agrees(level, "matvec", &a, &expected_a, columns);

            let mut sums = vec![f32::NAN; columns];
            kernels::matvec_transposed(level, &padded[skip..], &delta, &mut sums);
            assert_agrees(level, "matvec_transposed", &sums, &expected_sums, rows);

            let mut gradient = padded.clone();
            kernels::outer_product(level, &delta, &z, &mut gradient[skip..]);
            assert_agrees(level, "outer_product", &gradient[skip..], &expected_gradient, 1);
        }
    }

    #[test]
    fn sgd(
        (gradient, weights, velocity) in length().prop_flat_map(|n| (numbers(n), numbers(n), numbers(n))),
        momentum in prop_oneof![Just(0.0f32), 0.0f32..1.0],
    ) {
        let sgd = Sgd { learning_rate: 0.1, momentum, scale: 1.0 / 3.0 };
        let (mut expected, mut expected_velocity) = (weights.clone(), velocity.clone());
        reference::sgd_step(sgd, &gradient, &mut expected, &mut expected_velocity);
        for level in Level::available() {
            let (mut found, mut found_velocity) = (weights.clone(), velocity.clone());
            kernels::sgd_step(level, sgd, &gradient, &mut found, &mut found_velocity);
            assert_agrees(level, "weights", &found, &expected, 2);
            assert_agrees(level, "velocity", &found_velocity, &expected_velocity, 2);
        }
    }
}

#[inline(always)]
fn vectors_of_samples<S: Simd>(
    simd: S,
    a: &[f32],
    (classes, stride): (usize, usize),
    e: &mut [f32],
    greatest: &mut [f32],
    sums: &mut [f32],
) {
    for at in (0..stride).step_by(S::LANES) {
        let (m, sum) = shifted_exponentials_lanes(simd, a, (classes, stride, at), e);
        simd.store(m, &mut greatest[at..]);
        simd.store(sum, &mut sums[at..]);
    }
}

/// Updates weights, and the numbers that a rule keeps.
type UpdateWeights<'a> = &'a dyn Fn(&mut [f32], [&mut [f32]; 2]);

/// Every rule, with numbers such as training has.
fn rule() -> impl Strategy<Value = Rule> {
    let share = || 0.5f32..0.999;
    prop_oneof![
        Just(Rule::Sgd { momentum: 0.0 }),
        share().prop_map(|momentum| Rule::Sgd { momentum }),
        share().prop_map(|momentum| Rule::Nesterov { momentum }),
        share().prop_map(|rho| Rule::RmsProp { rho, fresh: 1.0 - rho, epsilon: 1e-8 }),
        (share(), share(), 1i32..100).prop_map(|(one, two, t)| Rule::Adam {
            beta: [one, two],
            fresh: [1.0 - one, 1.0 - two],
            correction: [1.0 / (1.0 - one.powi(t)), 1.0 / (1.0 - two.powi(t))],
            epsilon: 1e-8,
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_rule(
        rule in rule(),
        keep in prop_oneof![Just(1.0f32), 0.9f32..1.0],
        (gradient, weights, kept) in length().prop_flat_map(|n| {
            (numbers(n), numbers(n), prop::collection::vec(0.01f32..2.0, 2 * n))
        }),
    ) {
        let step = Step { rule, learning_rate: 0.1, scale: 1.0 / 3.0, keep };
        let n = weights.len();
        let update = |update: UpdateWeights<'_>| {
            let (mut weights, mut kept) = (weights.clone(), kept.clone());
            let (first, second) = kept.split_at_mut(n);
            update(&mut weights, [first, second]);
            [weights, kept].concat()
        };
        let expected = update(&|weights, kept| reference::update_weights(step, &gradient, weights, kept));
        for level in Level::available() {
            let found = update(&|weights, kept| kernels::update_weights(level, step, &gradient, weights, kept));
            assert_agrees(level, "update_weights", &found, &expected, 8);
        }
        if let Rule::Sgd { momentum } = rule && keep == 1.0 {
            let sgd = Sgd { learning_rate: 0.1, momentum, scale: 1.0 / 3.0 };
            let same = update(&|weights, [velocity, _]| reference::sgd_step(sgd, &gradient, weights, velocity));
            assert_eq!(same, expected, "descent in registers and in memory");
        }
    }
}

/// Without a gradient, what is kept and weights that decay shrink to 0, and are subnormal after no step: a processor would take
/// a hundred cycles for each number, as long as training goes on.
#[test]
fn what_decays_ends_at_zero() {
    let gradient = [0.0; 37];
    let numbers: Vec<f32> = (0..37).map(|i| (2.0f32).powi(-4 * i) * if i % 3 == 0 { -1.0 } else { 1.0 }).collect();
    let (beta, fresh) = ([0.9, 0.8], [0.1, 0.2]);
    for rule in [
        Rule::Sgd { momentum: 0.0 },
        Rule::Sgd { momentum: 0.9 },
        Rule::Nesterov { momentum: 0.9 },
        Rule::RmsProp { rho: 0.9, fresh: 0.1, epsilon: 1e-8 },
        Rule::Adam { beta, fresh, correction: [1.0; 2], epsilon: 1e-8 },
    ] {
        let step = Step { rule, learning_rate: 0.1, scale: 1.0, keep: 0.9 };
        let squares: Vec<f32> = numbers.iter().map(|x| x.abs()).collect();
        let first = if matches!(rule, Rule::RmsProp { .. }) { &squares } else { &numbers };
        for level in Level::available() {
            let mut found = [numbers.clone(), first.clone(), squares.clone()];
            let mut expected = found.clone();
            for _ in 0..2000 {
                let [weights, first, second] = &mut found;
                kernels::update_weights(level, step, &gradient, weights, [first, second]);
                let [weights, first, second] = &mut expected;
                reference::update_weights(step, &gradient, weights, [first, second]);
                let used = &found[..1 + rule.slots()];
                assert!(!level.is_fused() || found == expected, "{rule:?}, {level}: {found:?}, not {expected:?}");
                assert!(used.iter().flatten().all(|x| !x.is_subnormal()), "{rule:?}, {level}: {found:?}");
            }
            assert!(found[..1 + rule.slots()].iter().flatten().all(|x| *x == 0.0), "{rule:?}, {level}: {found:?}");
        }
    }
    // Momentum, as it is applied to sums in registers.
    let sgd = Sgd { learning_rate: 0.1, momentum: 0.9, scale: 1.0 };
    for level in Level::available() {
        let (mut found, mut expected) = ([numbers.clone(), numbers.clone()], [numbers.clone(), numbers.clone()]);
        for _ in 0..2000 {
            let [weights, velocity] = &mut found;
            kernels::sgd_step(level, sgd, &gradient, weights, velocity);
            let [weights, velocity] = &mut expected;
            reference::sgd_step(sgd, &gradient, weights, velocity);
            assert!(!level.is_fused() || found == expected, "{level}: {found:?}, not {expected:?}");
            assert!(found[1].iter().all(|x| !x.is_subnormal()), "{level}: {found:?}");
        }
        assert!(found[1].iter().all(|x| *x == 0.0), "{level}: {found:?}");
    }
}

/// Four vectors in step take a shorter way where all lanes are moderate: on both sides of its bound, and with one lane of many
/// beyond it.
#[test]
fn sigmoids_of_moderate_and_other_numbers() {
    let around = |bound: f32| (-40..=40).map(move |i| f32::from_bits((bound.to_bits() as i32 + i) as u32));
    let numbers: Vec<f32> = [86.0, 87.33, 88.72, 103.97, 104.0].into_iter().flat_map(around).collect();
    let numbers = numbers.iter().flat_map(|x| [*x, -x]).chain((-500..500).map(|i| i as f32 / 4.0));
    let mut inputs: Vec<Vec<f32>> = vec![numbers.collect()];
    for odd_one in [-86.1, 86.1, -200.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, -0.0, 1e-45, -1e-45] {
        inputs
            .extend((0..64).map(|place| (0..64).map(|i| if i == place { odd_one } else { i as f32 - 31.5 }).collect()));
    }
    for input in inputs {
        let expected: Vec<f32> = input.iter().map(|a| reference::sigmoid(*a)).collect();
        for level in Level::available() {
            let mut z = vec![0.0; input.len()];
            kernels::sigmoid(level, &input, &mut z);
            assert_agrees(level, "sigmoid", &z, &expected, 16);
        }
    }
}

/// Numbers are finite at every length and with the one that is not at every place.
#[test]
fn finiteness() {
    for level in Level::available() {
        for length in [0, 1, 15, 63, 64, 65, 130] {
            let mut numbers = vec![f32::MAX; length];
            assert!(kernels::are_finite(level, &numbers));
            for at in 0..length {
                for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    numbers[at] = bad;
                    assert!(!kernels::are_finite(level, &numbers), "{bad} at {at} of {length} at level {level}");
                }
                numbers[at] = f32::MIN;
            }
        }
    }
}

/// Names the levels that were exercised; with BACKPROP_EXPECT_LEVELS=avx2,avx512 a missing one fails, so that CI cannot
/// pass by leaving a tier out.
#[test]
fn expected_levels_are_there() {
    let available: Vec<String> = Level::available().iter().map(ToString::to_string).collect();
    println!("levels exercised: {}", available.join(", "));
    let expected = std::env::var("BACKPROP_EXPECT_LEVELS").unwrap_or_default();
    for level in expected.split(',').filter(|level| !level.is_empty()) {
        assert!(available.iter().any(|available| available == level), "level {level} was not exercised");
    }
}

/// Layers of so few units that they fill no more than half of a vector are computed at a narrower level, where there is one.
#[test]
fn a_level_for_few_units() {
    for level in Level::available() {
        for units in [1, 8, 9, 1000] {
            let expected = match (level.to_string().as_str(), units) {
                ("avx512", 1 | 8) => "avx2".parse().unwrap_or(level),
                _ => level,
            };
            assert_eq!(level.for_units(units), expected, "{units} units at level {level}");
        }
    }
}

/// Or the bits of a level would be compared with a tolerance.
#[test]
fn all_levels_but_the_portable_one_fuse() {
    for level in Level::available() {
        assert!(level.is_fused() || level.to_string() == "portable", "{level}");
    }
}
