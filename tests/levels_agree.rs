//! One arithmetic: every kernel at every level against the specification in `kernels::reference`, by bits at the levels
//! that fuse multiply and add, within stated bounds at the portable level.

use kernels::matrix::{
    self, BACKWARD_BLOCK, BlockGradient, BlockMut, Blocks, FORWARD_BLOCK, GRADIENT, LayerShape, PANEL, Panels,
    PanelsMut, ROW_MULTIPLE, Row, RowMut, Table, WayBack,
};
use kernels::simd::Simd;
use kernels::softmax::shifted_exponentials_lanes;
use kernels::{Activation, Dropout, Level, Rule, Sgd, Slope, Step, dispatch, reference};
use proptest::prelude::*;

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
    fn panels_and_columns((units, samples, z) in (width(), 1usize..=50).prop_flat_map(|(units, samples)| {
        (Just(units), Just(samples), numbers(units * samples))
    })) {
        let rows = samples.next_multiple_of(ROW_MULTIPLE);
        let panels = in_panels(&z, units, rows);
        for level in Level::available() {
            let mut columns = vec![f32::NAN; panels.len()];
            let from = Panels::new(&panels, units, rows);
            dispatch!(level, simd => matrix::panels_to_columns(simd, from, samples, &mut columns));
            for (sample, row) in z.chunks(units).enumerate() {
                for (unit, z) in row.iter().enumerate() {
                    assert_eq!(columns[unit * rows + sample], *z, "unit {unit} of sample {sample} at level {level}");
                }
            }
            let mut back = vec![f32::NAN; panels.len()];
            let to = PanelsMut::new(&mut back, units, rows);
            dispatch!(level, simd => matrix::columns_to_panels(simd, &columns, samples, to));
            assert_eq!(from_panels(&back, units, rows, samples), z, "back again at level {level}");
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

/// A layer, and a minibatch cut into groups of samples, as the matrix kernels read them.
#[derive(Clone, Debug)]
struct Layer {
    shape: LayerShape,
    samples: usize,
    group_samples: usize,
    activation: Activation,
    weights: Vec<f32>,
    z: Vec<f32>,
    delta: Vec<f32>,
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

fn layer() -> impl Strategy<Value = Layer> {
    let small = (width(), width(), 1usize..=50, 1usize..=50);
    // Chains that are computed in stretches: along inputs, outputs, and samples.
    let (few, many) = (1usize..=9, 97usize..=290);
    let sizes = prop_oneof![
        3 => small,
        1 => (many.clone(), width(), few.clone(), few.clone()),
        1 => (width(), many.clone(), few.clone(), few.clone()),
        1 => (width(), few, many.clone(), many),
    ];
    let activation = prop::sample::select(Activation::ALL.to_vec());
    (sizes, activation).prop_flat_map(|((inputs, outputs, samples, group_samples), activation)| {
        let parts = (numbers(outputs * (1 + inputs)), numbers(samples * inputs), numbers(samples * outputs));
        parts.prop_map(move |(weights, z, delta)| Layer {
            shape: LayerShape { inputs, outputs },
            samples,
            group_samples,
            activation,
            weights,
            z,
            delta,
        })
    })
}

fn in_panels(rows_of_units: &[f32], units: usize, rows: usize) -> Vec<f32> {
    let mut numbers = vec![0.0; Panels::len(units, rows)];
    let panels = PanelsMut::new(&mut numbers, units, rows);
    let samples = rows_of_units.len() / units;
    let table = Table::new(rows_of_units, units);
    dispatch!(Level::best(), simd => matrix::gather_rows(simd, table, samples, |row| row, panels));
    numbers
}

fn from_panels(numbers: &[f32], units: usize, rows: usize, samples: usize) -> Vec<f32> {
    let at = |sample: usize, unit: usize| numbers[(unit / PANEL * rows + sample) * PANEL + unit % PANEL];
    (0..samples).flat_map(|sample| (0..units).map(move |unit| at(sample, unit))).collect()
}

/// The kernels at a level, each in one place: every place where a kernel is dispatched compiles it for all levels.
fn forward_at(
    level: Level,
    weights: Blocks<'_>,
    z: Panels<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: PanelsMut<'_>,
) {
    dispatch!(level, simd => matrix::forward(simd, weights, z, samples, activation, z_out));
}

fn forward_table_at(
    level: Level,
    weights: Blocks<'_>,
    table: Table<'_>,
    samples: usize,
    activation: Option<Activation>,
    z_out: PanelsMut<'_>,
) {
    dispatch!(level, simd => matrix::forward_table(simd, weights, table, samples, activation, z_out));
}

fn backward_at(
    level: Level,
    weights: Blocks<'_>,
    delta: Panels<'_>,
    samples: usize,
    slope: Slope,
    z: Panels<'_>,
    delta_in: PanelsMut<'_>,
) {
    dispatch!(level, simd => matrix::backward(simd, weights, delta, samples, slope, z, (delta_in, 0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_minibatch(layer in layer()) {
        let Layer { shape, samples, group_samples, activation, weights, z, delta } = layer;
        let LayerShape { inputs, outputs } = shape;

        // The specification, one plain loop after the other.
        let mut a = vec![0.0; samples * outputs];
        reference::forward(&weights, inputs, &z, &mut a);
        let expected_z: Vec<f32> = a.iter().map(|a| reference::activate(activation, *a)).collect();
        let dropout = (samples % 2 == 0).then(|| Dropout::new(0.4, 3, 8).of_layer(1, 5));
        let factors: Vec<f32> = (0..samples * outputs)
            .map(|at| dropout.map_or(1.0, |dropout| dropout.of_sample(at / outputs).of_unit(at % outputs)))
            .collect();
        let expected_kept_z: Vec<f32> = expected_z.iter().zip(&factors).map(|(z, factor)| z * factor).collect();
        let expected_slopes: Vec<f32> =
            a.iter().zip(&factors).map(|(a, factor)| reference::derivative(activation, *a) * factor).collect();
        let mut expected_delta = vec![0.0; samples * inputs];
        reference::backward(&weights, inputs, &delta, &mut expected_delta);
        for (delta, z) in expected_delta.iter_mut().zip(&z) {
            *delta *= reference::derivative_from(activation.slope(), *z);
        }
        let mut expected_gradient = vec![0.0; weights.len()];
        reference::gradient(inputs, &delta, &z, &mut expected_gradient);
        let steps = [0.0, 0.5].map(|momentum| Sgd { learning_rate: 0.5, momentum, scale: 1.0 / samples as f32 });
        let expected_weights = steps.map(|sgd| {
            let (mut weights, mut velocity) = (weights.clone(), vec![0.0; weights.len()]);
            for _step in 0..2 {
                reference::sgd_step(sgd, &expected_gradient, &mut weights, &mut velocity);
            }
            weights
        });

        let mut forward = vec![0.0; shape.blocks() * FORWARD_BLOCK];
        let mut backward = vec![0.0; shape.blocks() * BACKWARD_BLOCK];
        matrix::write_blocks(shape, &weights, &mut forward, &mut backward);
        let blocks = Blocks::new(&forward, &backward, shape);
        let rows = samples.next_multiple_of(ROW_MULTIPLE);
        let (z_panels, delta_panels) = (in_panels(&z, inputs, rows), in_panels(&delta, outputs, rows));
        let group_rows = group_samples.next_multiple_of(ROW_MULTIPLE);
        let groups: Vec<[Vec<f32>; 2]> = z
            .chunks(group_samples * inputs)
            .zip(delta.chunks(group_samples * outputs))
            .map(|(z, delta)| [in_panels(z, inputs, group_rows), in_panels(delta, outputs, group_rows)])
            .collect();
        let gradient_of = |group: usize, block| {
            let [z, delta] = &groups[group];
            let (z, delta) = (Panels::new(z, inputs, group_rows), Panels::new(delta, outputs, group_rows));
            BlockGradient { shape, block, z, delta, samples: group_samples.min(samples - group * group_samples) }
        };

        for level in Level::available() {
            let mut z_out = vec![f32::NAN; Panels::len(outputs, rows)];
            let (z_panels, panels) = (Panels::new(&z_panels, inputs, rows), PanelsMut::new(&mut z_out, outputs, rows));
            forward_at(level, blocks, z_panels, samples, Some(activation), panels);
            assert_agrees(level, "forward", &from_panels(&z_out, outputs, rows, samples), &expected_z, inputs);

            z_out.fill(f32::NAN);
            let panels = PanelsMut::new(&mut z_out, outputs, rows);
            forward_table_at(level, blocks, Table::new(&z, inputs), samples, Some(activation), panels);
            assert_agrees(level, "forward_table", &from_panels(&z_out, outputs, rows, samples), &expected_z, inputs);

            for (z, expected_z) in z.chunks(inputs).zip(expected_z.chunks(outputs)).take(3) {
                let mut z_out = vec![f32::NAN; outputs.next_multiple_of(PANEL)];
                dispatch!(level, simd => matrix::forward_row(
                    simd, blocks, Row::new(z), Some(activation), RowMut::new(&mut z_out, outputs),
                ));
                assert_agrees(level, "forward_row", &z_out[..outputs], expected_z, inputs);
            }

            let (mut kept_z, mut slopes) = (in_panels(&a, outputs, rows), vec![f32::NAN; Panels::len(outputs, rows)]);
            dispatch!(level, simd => matrix::activate_with_slopes(
                simd, activation, dropout, samples, 0,
                [PanelsMut::new(&mut kept_z, outputs, rows), PanelsMut::new(&mut slopes, outputs, rows)],
            ));
            let (kept_z, slopes) = (&from_panels(&kept_z, outputs, rows, samples), &from_panels(&slopes, outputs, rows, samples));
            assert_agrees(level, "z of activate_with_slopes", kept_z, &expected_kept_z, 1);
            assert_agrees(level, "slopes of activate_with_slopes", slopes, &expected_slopes, 1);

            if shape.is_narrow() {
                let mut units = vec![f32::NAN; outputs * rows];
                dispatch!(level, simd => matrix::forward_narrow(
                    simd, blocks, z_panels, samples, Some(activation), &mut units,
                ));
                let found: Vec<f32> =
                    (0..samples).flat_map(|s| units.chunks(rows).map(move |unit| unit[s])).collect();
                assert_agrees(level, "forward_narrow", &found, &expected_z, inputs);
            }

            let mut delta_in = vec![f32::NAN; Panels::len(inputs, rows)];
            let delta_panels = Panels::new(&delta_panels, outputs, rows);
            let panels = PanelsMut::new(&mut delta_in, inputs, rows);
            backward_at(level, blocks, delta_panels, samples, activation.slope(), z_panels, panels);
            assert_agrees(level, "backward", &from_panels(&delta_in, inputs, rows, samples), &expected_delta, outputs);

            // The sums go from group to group; those over all but the last one are what descent begins with.
            let places = || (0..shape.blocks()).map(|block| (block / shape.input_panels(), block % shape.input_panels()));
            let last = groups.len() - 1;
            let mut found_gradient = vec![f32::NAN; weights.len()];
            let sums_before: Vec<Option<Vec<f32>>> = places()
                .map(|block| {
                    let mut sums = vec![f32::NAN; GRADIENT];
                    for group in 0..last {
                        dispatch!(level, simd => gradient_of(group, block).sum(simd, &mut sums, group > 0));
                    }
                    let before = (last > 0).then(|| sums.clone());
                    dispatch!(level, simd => gradient_of(last, block).sum(simd, &mut sums, before.is_some()));
                    matrix::write_gradient(shape, block, &sums, &mut found_gradient);
                    before
                })
                .collect();
            assert_agrees(level, "gradient", &found_gradient, &expected_gradient, samples);

            for (sgd, expected_weights) in steps.iter().zip(&expected_weights) {
                let (mut found_forward, mut found_backward) = (forward.clone(), backward.clone());
                let copies =
                    found_forward.chunks_exact_mut(FORWARD_BLOCK).zip(found_backward.chunks_exact_mut(BACKWARD_BLOCK));
                for ((block, before), (forward, backward)) in places().zip(&sums_before).zip(copies) {
                    let gradient = gradient_of(last, block);
                    let mut velocity = vec![0.0; GRADIENT];
                    for _step in 0..2 {
                        let block = BlockMut { forward: &mut *forward, backward: &mut *backward };
                        let before = before.as_deref();
                        dispatch!(level, simd => gradient.descend(simd, *sgd, false, before, block, &mut velocity));
                    }
                }
                let mut found_weights = vec![f32::NAN; weights.len()];
                matrix::read_blocks(shape, &found_forward, &mut found_weights);
                assert_agrees(level, "descend", &found_weights, expected_weights, samples);

                // Both copies agree, and nothing was written outside the layer.
                let (forward_before, backward_before) = (&forward, &backward);
                let (mut forward, mut backward) = (vec![f32::NAN; forward.len()], vec![f32::NAN; backward.len()]);
                matrix::write_blocks(shape, &found_weights, &mut forward, &mut backward);
                assert!((&forward, &backward) == (&found_forward, &found_backward), "the two copies of the weights at level {level}");

                if shape.is_narrow() {
                    let (mut forward, mut backward) = (forward_before.clone(), backward_before.clone());
                    let [z, _] = &groups[last];
                    let mut velocities = vec![0.0; shape.blocks() * GRADIENT];
                    for step in 0..2 {
                        let mut delta_in = vec![f32::NAN; Panels::len(inputs, group_rows)];
                        let mut way_back = WayBack {
                            slope: activation.slope(),
                            derivatives: Panels::new(z, inputs, group_rows),
                            delta_in: PanelsMut::new(&mut delta_in, inputs, group_rows),
                        };
                        let copies = forward.chunks_exact_mut(FORWARD_BLOCK).zip(backward.chunks_exact_mut(BACKWARD_BLOCK));
                        let blocks = places().zip(&sums_before).zip(copies).zip(velocities.chunks_exact_mut(GRADIENT));
                        for (((block, before), (forward, backward)), velocity) in blocks {
                            let (gradient, before) = (gradient_of(last, block), before.as_deref());
                            let block = BlockMut { forward, backward };
                            dispatch!(level, simd => matrix::backward_and_descend(
                                simd, gradient, &mut way_back, *sgd, before, block, velocity,
                            ));
                        }
                        if step == 0 {
                            let expected = &expected_delta[last * group_samples * inputs..];
                            let found = from_panels(&delta_in, inputs, group_rows, expected.len() / inputs);
                            assert_agrees(level, "the way back of backward_and_descend", &found, expected, outputs);
                        }
                    }
                    let same = (forward, backward) == (found_forward, found_backward);
                    assert!(same, "backward_and_descend and descend at level {level}");
                }
            }
        }
    }
}

/// Layers of so many weights that they are fetched ahead: samples in several turns, and in several chunks where a core's
/// second-level cache has 4 MiB or less; chains in several stretches.
#[test]
fn layers_of_a_megabyte() {
    let numbers = |length: usize, key: u32| -> Vec<f32> {
        (0..length as u32).map(|i| reference::uniform([key, 0], i) - 0.5).collect()
    };
    for (inputs, outputs) in [(2053, 130), (130, 2053)] {
        for samples in [2, 29, 1100] {
            let shape = LayerShape { inputs, outputs };
            let (weights, z, delta) =
                (numbers(outputs * (1 + inputs), 1), numbers(samples * inputs, 2), numbers(samples * outputs, 3));
            let (mut expected_a, mut expected_delta) = (vec![0.0; samples * outputs], vec![0.0; samples * inputs]);
            reference::forward(&weights, inputs, &z, &mut expected_a);
            reference::backward(&weights, inputs, &delta, &mut expected_delta);
            let slopes = z.iter().map(|z| reference::derivative_from(Slope::OfSigmoid, *z));
            expected_delta.iter_mut().zip(slopes).for_each(|(delta, slope)| *delta *= slope);

            let (mut forward, mut backward) =
                (vec![0.0; shape.blocks() * FORWARD_BLOCK], vec![0.0; shape.blocks() * BACKWARD_BLOCK]);
            matrix::write_blocks(shape, &weights, &mut forward, &mut backward);
            let blocks = Blocks::new(&forward, &backward, shape);
            let rows = samples.next_multiple_of(ROW_MULTIPLE);
            let table = Table::new(&z, inputs);
            let (z, delta) = (in_panels(&z, inputs, rows), in_panels(&delta, outputs, rows));
            let (z, delta) = (Panels::new(&z, inputs, rows), Panels::new(&delta, outputs, rows));
            for level in Level::available() {
                let mut a = vec![f32::NAN; Panels::len(outputs, rows)];
                let panels = PanelsMut::new(&mut a, outputs, rows);
                forward_at(level, blocks, z, samples, None, panels);
                assert_agrees(level, "forward", &from_panels(&a, outputs, rows, samples), &expected_a, inputs);
                a.fill(f32::NAN);
                let panels = PanelsMut::new(&mut a, outputs, rows);
                forward_table_at(level, blocks, table, samples, None, panels);
                assert_agrees(level, "forward_table", &from_panels(&a, outputs, rows, samples), &expected_a, inputs);
                let mut delta_in = vec![f32::NAN; Panels::len(inputs, rows)];
                let panels = PanelsMut::new(&mut delta_in, inputs, rows);
                backward_at(level, blocks, delta, samples, Slope::OfSigmoid, z, panels);
                let found = from_panels(&delta_in, inputs, rows, samples);
                assert_agrees(level, "backward", &found, &expected_delta, outputs);
            }
        }
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
