//! How far exp, ln, sigmoid, tanh, softplus, SiLU and GELU lie from the correctly rounded value, and that all levels that
//! fuse give the same bits: a sweep over some two million floats in every run, and over all 2^32 in an ignored test.

use std::ops::Range;

use kernels::{Activation, Level, reference};

struct Function {
    name: &'static str,
    kernel: fn(Level, &[f32], &mut [f32]),
    exact: fn(f64) -> f64,
    bound: f64,
    /// Whether the error is counted in units of 2^-24, rather than in the last place of the value.
    is_absolute: bool,
}

const FUNCTIONS: [Function; 9] = [
    Function {
        name: "exp",
        kernel: kernels::exp,
        exact: f64::exp,
        bound: kernels::exp::MAX_EXP_ERROR_ULPS,
        is_absolute: false,
    },
    Function {
        name: "sigmoid",
        kernel: kernels::sigmoid,
        exact: |a| {
            let e = (-a.abs()).exp();
            if a < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
        },
        bound: kernels::sigmoid::MAX_SIGMOID_ERROR_ULPS,
        is_absolute: false,
    },
    Function {
        name: "tanh",
        kernel: kernels::tanh,
        exact: f64::tanh,
        bound: kernels::tanh::MAX_TANH_ERROR_ULPS,
        is_absolute: false,
    },
    Function {
        name: "softplus",
        kernel: kernels::softplus,
        exact: |a| a.max(0.0) + (-a.abs()).exp().ln_1p(),
        bound: kernels::softplus::MAX_SOFTPLUS_ERROR_ULPS,
        is_absolute: false,
    },
    Function {
        name: "ln",
        kernel: kernels::ln,
        exact: f64::ln,
        bound: kernels::ln::MAX_LN_ERROR_ULPS,
        is_absolute: false,
    },
    Function {
        name: "silu",
        kernel: |level, a, z| kernels::activate(level, Activation::Silu, a, z),
        exact: |a| if a == f64::NEG_INFINITY { -0.0 } else { a / (1.0 + (-a).exp()) },
        bound: kernels::silu::MAX_SILU_ERROR_ULPS,
        is_absolute: false,
    },
    Function {
        name: "gelu",
        kernel: |level, a, z| kernels::activate(level, Activation::Gelu, a, z),
        exact: |a| reference::activate(Activation::Gelu, a),
        bound: kernels::gelu::MAX_GELU_ERROR_ULPS,
        is_absolute: false,
    },
    Function {
        name: "derivative of silu",
        kernel: |level, a, slopes| kernels::derivative(level, Activation::Silu, a, slopes),
        exact: |a| {
            let e = (-a.abs()).exp();
            let (sigma, rest) =
                if a < 0.0 { (e / (1.0 + e), 1.0 / (1.0 + e)) } else { (1.0 / (1.0 + e), e / (1.0 + e)) };
            sigma + a.clamp(-1e3, 1e3) * sigma * rest
        },
        bound: kernels::silu::MAX_SILU_DERIVATIVE_ERROR,
        is_absolute: true,
    },
    Function {
        name: "derivative of gelu",
        kernel: |level, a, slopes| kernels::derivative(level, Activation::Gelu, a, slopes),
        exact: |a| reference::derivative(Activation::Gelu, a),
        bound: kernels::gelu::MAX_GELU_DERIVATIVE_ERROR,
        is_absolute: true,
    },
];

/// The values of GELU in f64 that serve as exact, against ones from 40 digits (mpmath: x erfc(-x / sqrt(2)) / 2).
#[test]
fn gelu_in_double_precision() {
    for (x, z, slope) in GELU {
        let (found, found_slope) =
            (reference::activate(Activation::Gelu, x), reference::derivative(Activation::Gelu, x));
        assert!((found - z).abs() <= 1e-13 * z.abs(), "gelu({x}) is {found:e}, not {z:e}");
        assert!((found_slope - slope).abs() <= 1e-14, "its slope is {found_slope:e}, not {slope:e}");
    }
}

const GELU: [(f64, f64, f64); 13] = [
    (-14.0, -1.091095154686992e-43, -1.527455646325367e-42),
    (-9.5, -9.969789321594476e-21, -9.469093473831384e-20),
    (-5.0, -1.4332578593959695e-06, -7.146946001792295e-06),
    (-3.0, -0.0040496940948902835, -0.011945647204183927),
    (-2.999, -0.004061655264647591, -0.011976703398180685),
    (-1.5, -0.1002108019032871, -0.12746919222997952),
    (-0.75, -0.16997051428265114, 0.0007742782607648957),
    (-0.001, -0.000499601057786089, 0.4992021157051586),
    (0.25, 0.14967658142073093, 0.695373354883636),
    (1.0, 0.8413447460685429, 1.0833154705876864),
    (2.5, 2.4844758366855597, 1.037611085908145),
    (3.5, 3.4991857982233756, 1.0028217603536247),
    (8.0, 7.999999999999995, 1.0000000000000397),
];

/// The largest error, in units in the last place of the correctly rounded value, and where it lies.
#[derive(Clone, Copy, Default)]
struct Worst {
    ulps: f64,
    at: f32,
    found: f32,
}

/// The error of `found` in units in the last place of the float nearest to `exact`.
fn error_ulps(found: f32, exact: f64) -> f64 {
    if exact.is_nan() {
        return if found.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let rounded = exact as f32;
    if rounded.to_bits() == found.to_bits() {
        // Less than half a unit, and no unit at an infinity.
        return if rounded.is_finite() { (f64::from(found) - exact).abs() / ulp(rounded) } else { 0.0 };
    }
    if found.is_infinite() {
        // As far as the float that would come after the largest one.
        return (2f64.powi(128) - exact).abs() / ulp(f32::MAX);
    }
    (f64::from(found) - exact).abs() / ulp(rounded)
}

fn ulp(x: f32) -> f64 {
    let exponent = (x.to_bits() >> 23 & 0xff).clamp(1, 254);
    2f64.powi(exponent as i32 - 150)
}

/// Checks the floats with these bits at every level.
fn check(function: &Function, bits: impl Iterator<Item = u32>, levels: &[Level], worst: &mut Worst) {
    let input: Vec<f32> = bits.map(f32::from_bits).collect();
    let outputs: Vec<Vec<f32>> = levels
        .iter()
        .map(|level| {
            let mut output = vec![0.0; input.len()];
            (function.kernel)(*level, &input, &mut output);
            output
        })
        .collect();
    for (i, x) in input.iter().enumerate() {
        let found = outputs[0][i];
        for (output, level) in outputs.iter().zip(levels).skip(1) {
            let agrees = output[i].to_bits() == found.to_bits() || (output[i].is_nan() && found.is_nan());
            assert!(agrees, "{}({x:e}): {found:e} at level {}, {:e} at {level}", function.name, levels[0], output[i]);
        }
        if x.is_nan() {
            assert!(found.is_nan(), "{} of a NaN is {found}", function.name);
            continue;
        }
        let exact = (function.exact)(f64::from(*x));
        let ulps = match function.is_absolute {
            true => (f64::from(found) - exact).abs() * 2f64.powi(24),
            false => error_ulps(found, exact),
        };
        if ulps > worst.ulps {
            *worst = Worst { ulps, at: *x, found };
        }
    }
}

fn fused_levels() -> Vec<Level> {
    Level::available().into_iter().filter(|level| level.is_fused()).collect()
}

fn sweep(function: &Function, range: Range<u64>, step: u64, levels: &[Level]) -> Worst {
    let mut worst = Worst::default();
    let mut from = range.start;
    while from < range.end {
        let to = (from + (step << 16)).min(range.end);
        check(function, (from..to).step_by(step as usize).map(|bits| bits as u32), levels, &mut worst);
        from = to;
    }
    worst
}

fn report_and_assert(function: &Function, worst: Worst) {
    let unit = if function.is_absolute { "x 2^-24" } else { "ULP" };
    println!(
        "{}: at most {:.4} {unit}, at {:e} ({:#010x}), where it gives {:e}",
        function.name,
        worst.ulps,
        worst.at,
        worst.at.to_bits(),
        worst.found
    );
    assert!(worst.ulps <= function.bound, "{}: {} {unit}, more than {}", function.name, worst.ulps, function.bound);
}

#[test]
fn quick_sweep() {
    for function in &FUNCTIONS {
        // A step that is prime, so that all fractions turn up.
        report_and_assert(function, sweep(function, 0..1 << 32, 8191, &fused_levels()));
    }
}

#[test]
#[ignore = "all 2^32 floats take minutes: cargo test --release --test accuracy -- --ignored --nocapture"]
fn exhaustive_sweep() {
    let levels: Vec<Level> = fused_levels();
    for function in &FUNCTIONS {
        let halves = [0..1 << 31, 1 << 31..1 << 32];
        let worst = std::thread::scope(|scope| {
            let running = halves.map(|half| scope.spawn(|| sweep(function, half, 1, &levels)));
            running
                .map(|half| half.join().expect("a sweep panicked"))
                .into_iter()
                .max_by(|a, b| a.ulps.total_cmp(&b.ulps))
        });
        report_and_assert(function, worst.expect("two halves"));
    }
}

/// The portable level rounds products of its polynomials twice: a unit more is its bound.
#[test]
fn quick_sweep_of_the_portable_level() {
    for function in &FUNCTIONS {
        let level = "portable".parse().expect("the portable level is on every machine");
        let worst = sweep(function, 0..1 << 32, 8191, &[level]);
        report_and_assert(&Function { bound: function.bound + 1.0, ..*function }, worst);
    }
}

#[test]
fn special_values_are_exact() {
    let input = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY];
    for level in Level::available() {
        for (function, expected) in FUNCTIONS.iter().zip([
            [1.0, 1.0, f32::INFINITY, 0.0],
            [0.5, 0.5, 1.0, 0.0],
            [0.0, -0.0, 1.0, -1.0],
            [std::f32::consts::LN_2, std::f32::consts::LN_2, f32::INFINITY, 0.0],
            [f32::NEG_INFINITY, f32::NEG_INFINITY, f32::INFINITY, f32::NAN],
            [0.0, -0.0, f32::INFINITY, -0.0],
            [0.0, -0.0, f32::INFINITY, 0.0],
            [0.5, 0.5, 1.0, 0.0],
            [0.5, 0.5, 1.0, -0.0],
        ]) {
            let mut output = [f32::NAN; 4];
            (function.kernel)(level, &input, &mut output);
            assert_eq!(output.map(f32::to_bits), expected.map(f32::to_bits), "{} at level {level}", function.name);
        }
    }
}

/// Neighbouring floats never step down by more than twice the error bound allows.
#[test]
fn sigmoid_rises_within_its_bound() {
    let level = Level::best();
    for start in (0..0x7f80_0000u32 - 4096).step_by(1 << 16) {
        for sign in [0, 1 << 31] {
            let input: Vec<f32> = (start..start + 4096).map(|bits| f32::from_bits(bits | sign)).collect();
            let mut output = vec![0.0; input.len()];
            kernels::sigmoid(level, &input, &mut output);
            for (pair, x) in output.windows(2).zip(&input) {
                let (low, high) = if sign == 0 { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
                let down = (f64::from(low) - f64::from(high)) / ulp(low);
                assert!(down <= 2.0 * kernels::sigmoid::MAX_SIGMOID_ERROR_ULPS, "sigmoid falls by {down} ULP at {x:e}");
            }
        }
    }
}
