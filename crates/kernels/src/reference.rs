//! The specification: every kernel as plain loops, in the order of additions that the arithmetic contract fixes.
//!
//! The fast kernels are compared with these functions by bits. They are generic over [`Real`], so that the same text
//! serves in f64 as the yardstick of the gradient check. Matrices are in book order: row i of `weights` belongs to unit
//! i, and holds the bias w_i0 and then w_i1, w_i2, ...

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::activation::{Activation, Slope};
use crate::optimizer::{Rule, Sgd, Step};

/// f32, computed as the contract says, or f64, with the platform's functions.
pub trait Real:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + From<f32>
{
    /// `self * factor + addend`, rounded once.
    fn mul_add(self, factor: Self, addend: Self) -> Self;
    /// The exponential function.
    fn exp(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + e), for e in 0..=1.
    fn ln_one_plus(self) -> Self;
    /// `factor * exp(self)`, for `self` in -110..=0, with the digits that exp(self) alone has lost to underflow.
    fn exp_times(self, factor: Self) -> Self;
    /// exp(-t^2 / 2), for t in 0..=14.5.
    fn gaussian(self) -> Self;
    /// exp(t^2 / 2) (1 - Phi(t)), for t in 0..=14.5, with the distribution function Phi of the normal distribution.
    fn tail_ratio(self) -> Self;
    /// 1 / sqrt(2 pi).
    const DENSITY_AT_0: Self;

    /// The magnitude.
    fn magnitude(self) -> Self;
}

impl Real for f64 {
    const DENSITY_AT_0: f64 = 0.398_942_280_401_432_7;

    fn mul_add(self, factor: f64, addend: f64) -> f64 {
        self.mul_add(factor, addend)
    }

    fn magnitude(self) -> f64 {
        self.abs()
    }

    fn exp(self) -> f64 {
        self.exp()
    }

    fn tanh(self) -> f64 {
        self.tanh()
    }

    fn ln(self) -> f64 {
        self.ln()
    }

    fn ln_one_plus(self) -> f64 {
        self.ln_1p()
    }

    fn exp_times(self, factor: f64) -> f64 {
        factor * self.exp()
    }

    fn gaussian(self) -> f64 {
        (self * self / -2.0).exp()
    }

    /// By the series t + t^3 / 3 + t^5 / (3 5) + ... near 0, and by Laplace's continued fraction 1 / (t + 1 / (t + 2 / (t +
    /// ...))) beyond: both are sqrt(2 pi) times a part of it.
    fn tail_ratio(self) -> f64 {
        let t = self;
        if t < 1.5 {
            let (mut term, mut sum, mut n) = (t, t, 3.0);
            while term > f64::EPSILON / 4.0 * sum {
                term *= t * t / n;
                (sum, n) = (sum + term, n + 2.0);
            }
            return (t * t / 2.0).exp() / 2.0 - sum * f64::DENSITY_AT_0;
        }
        // It converges the faster, the greater t is: so many terms are enough.
        let terms = 20 + (300.0 / (t * t)) as u32;
        let fraction = (1..terms).rev().fold(t, |below, n| t + f64::from(n) / below);
        f64::DENSITY_AT_0 / fraction
    }
}

/// The formulas and their sources stand in `exp.rs`, `tanh.rs`, `ln.rs`, `softplus.rs`, `silu.rs` and `gelu.rs`.
impl Real for f32 {
    const DENSITY_AT_0: f32 = crate::gelu::DENSITY_AT_0;

    fn mul_add(self, factor: f32, addend: f32) -> f32 {
        self.mul_add(factor, addend)
    }

    fn magnitude(self) -> f32 {
        self.abs()
    }

    fn exp(self) -> f32 {
        use crate::exp::{HIGH, LOW};
        let (p, n) = exp_parts(self.clamp(LOW, HIGH), 0.0);
        scaled(p, n)
    }

    fn tanh(self) -> f32 {
        use crate::tanh::{COEFFICIENTS, POLYNOMIAL_BELOW};
        let magnitude = self.abs();
        if magnitude < POLYNOMIAL_BELOW {
            let u = self * self;
            return (polynomial(COEFFICIENTS, u) * u).mul_add(magnitude, magnitude).copysign(self);
        }
        let e = Real::exp(magnitude * -2.0);
        ((1.0 - e) / (1.0 + e)).copysign(self)
    }

    fn ln(self) -> f32 {
        use crate::exp::{LN_2_HIGH, LN_2_LOW};
        use crate::ln::COEFFICIENTS;
        if self.is_nan() || self < 0.0 {
            return f32::NAN;
        }
        if self == 0.0 {
            return f32::NEG_INFINITY;
        }
        if self.is_infinite() {
            return self;
        }
        let (mut fraction, mut n) = (self, 0);
        while fraction >= std::f32::consts::SQRT_2 {
            (fraction, n) = (fraction / 2.0, n + 1);
        }
        while fraction < std::f32::consts::FRAC_1_SQRT_2 {
            (fraction, n) = (fraction * 2.0, n - 1);
        }
        let (f, n) = (fraction - 1.0, n as f32);
        let s = f / (2.0 + f);
        let u = s * s;
        let small = n.mul_add(LN_2_LOW, -(s * (f - polynomial(COEFFICIENTS, u) * u)));
        n.mul_add(LN_2_HIGH, f + small)
    }

    fn ln_one_plus(self) -> f32 {
        use crate::softplus::COEFFICIENTS;
        let s = self / (2.0 + self);
        let u = s * s;
        2.0 * (polynomial(COEFFICIENTS, u) * u).mul_add(s, s)
    }

    fn exp_times(self, factor: f32) -> f32 {
        let (p, n) = exp_parts(self, 0.0);
        scaled(p * factor, n)
    }

    fn gaussian(self) -> f32 {
        use crate::gelu::ROUND_TO_256THS;
        let h = (self + ROUND_TO_256THS) - ROUND_TO_256THS;
        let (p, n) = exp_parts(-0.5 * (h * h), (self - h) * (self + h));
        scaled(p, n)
    }

    fn tail_ratio(self) -> f32 {
        use crate::gelu::{CENTRE, COEFFICIENTS};
        let r = 1.0 / (self + CENTRE);
        polynomial(COEFFICIENTS, (self - CENTRE) * r) * r
    }
}

/// p and n with exp(x - y / 2) = 2^n p.
fn exp_parts(x: f32, y: f32) -> (f32, f32) {
    use crate::exp::{COEFFICIENTS, LN_2_HIGH, LN_2_LOW, ROUND_TO_WHOLE};
    let n = x.mul_add(std::f32::consts::LOG2_E, ROUND_TO_WHOLE) - ROUND_TO_WHOLE;
    let r = n.mul_add(-LN_2_HIGH, x);
    let r = n.mul_add(-LN_2_LOW, r);
    let r = y.mul_add(-0.5, r);
    let [c2, c3, c4, c5, c6] = COEFFICIENTS;
    (polynomial([1.0, 1.0, c2, c3, c4, c5, c6], r), n)
}

/// 2^n p.
fn scaled(p: f32, n: f32) -> f32 {
    let power = |n: i32| f32::from_bits(((n + 127) << 23) as u32);
    let half = n as i32 >> 1;
    p * power(half) * power(n as i32 - half)
}

/// c_0 + c_1 x + c_2 x^2 + ..., by Horner's rule.
fn polynomial<const N: usize>(coefficients: [f32; N], x: f32) -> f32 {
    coefficients.into_iter().rev().reduce(|sum, c| sum.mul_add(x, c)).expect("a polynomial has coefficients")
}

/// sigma(a) = 1 / (1 + exp(-a)).
pub fn sigmoid<T: Real>(a: T) -> T {
    let one = T::from(1.0);
    let e = (-a.magnitude()).exp();
    let numerator = if a < T::from(0.0) { e } else { one };
    numerator / (one + e)
}

/// softplus(a) = ln(1 + exp(a)).
pub fn softplus<T: Real>(a: T) -> T {
    let zero = T::from(0.0);
    (-a.magnitude()).exp().ln_one_plus() + if a < zero { zero } else { a }
}

/// `e_k = exp(a_k - m)` with the greatest preactivation m. Returns m and the sum of all e, added up in the order of k.
pub fn shifted_exponentials<T: Real>(a: &[T], e: &mut [T]) -> (T, T) {
    let mut greatest = T::from(f32::NEG_INFINITY);
    for a in a {
        greatest = if *a < greatest { greatest } else { *a };
    }
    let mut sum = T::from(0.0);
    for (a, e) in a.iter().zip(e) {
        *e = (*a - greatest).exp();
        sum = sum + *e;
    }
    (greatest, sum)
}

/// Softmax: `p_k = exp(a_k) / (sum over j of exp(a_j))`.
pub fn softmax<T: Real>(a: &[T], p: &mut [T]) {
    let (_, sum) = shifted_exponentials(a, p);
    for p in p {
        *p = *p / sum;
    }
}

/// a sigma(a), and its derivative sigma(a) + a sigma(a) (1 - sigma(a)).
fn silu<T: Real>(a: T) -> (T, T) {
    use crate::silu::LOWEST;
    let (zero, one, lowest) = (T::from(0.0), T::from(1.0), T::from(LOWEST));
    let x = -a.magnitude();
    let x = if x < lowest { lowest } else { x };
    let e = x.exp_times(one);
    let r = one / (one + e);
    let numerator = if a < zero { x.exp_times(x) } else { a };
    let (of_sigma, of_rest) = if a < zero { (e, one) } else { (one, e) };
    let z = numerator * r;
    let bounded = if z > -lowest { -lowest } else { z };
    (z, bounded.mul_add(of_rest * r, of_sigma * r))
}

/// a Phi(a), and its derivative Phi(a) + a phi(a), from the upper tail of the normal distribution.
fn gelu<T: Real>(a: T) -> (T, T) {
    use crate::gelu::MOST;
    let (zero, one, most) = (T::from(0.0), T::from(1.0), T::from(MOST));
    let t = a.magnitude();
    let t = if t > most { most } else { t };
    let (e, ratio) = (t.gaussian(), t.tail_ratio());
    let z = (-e).mul_add(t * ratio, if a < zero { zero } else { a });
    let below = e * t.mul_add(-T::DENSITY_AT_0, ratio);
    (z, if a < zero { below } else { one - below })
}

/// The postactivation of the preactivation `a`.
pub fn activate<T: Real>(activation: Activation, a: T) -> T {
    let zero = T::from(0.0);
    match activation {
        Activation::Sigmoid => sigmoid(a),
        Activation::Tanh => a.tanh(),
        Activation::Relu => {
            if a < zero {
                zero
            } else {
                a
            }
        }
        Activation::Silu => silu(a).0,
        Activation::Gelu => gelu(a).0,
    }
}

/// dz/da at the preactivation `a`.
pub fn derivative<T: Real>(activation: Activation, a: T) -> T {
    match activation {
        Activation::Silu => silu(a).1,
        Activation::Gelu => gelu(a).1,
        _ => derivative_from(activation.slope(), activate(activation, a)),
    }
}

/// dz/da from the postactivation `z`, or the kept derivative itself.
pub fn derivative_from<T: Real>(slope: Slope, z: T) -> T {
    let one = T::from(1.0);
    match slope {
        Slope::OfSigmoid => z * (one - z),
        Slope::OfTanh => one - z * z,
        Slope::OfRelu => T::from(if z > T::from(0.0) { 1.0 } else { 0.0 }),
        Slope::Kept => z,
    }
}

/// A random number in 0..1 for the number `counter`, see [`Simd::uniform`](crate::simd::Simd::uniform).
pub fn uniform(key: [u32; 2], counter: u32) -> f32 {
    use crate::dropout::{FIRST_MULTIPLIER, SECOND_MULTIPLIER};
    let mut word = counter ^ key[0];
    word ^= word >> 16;
    word = word.wrapping_mul(FIRST_MULTIPLIER);
    word ^= word >> 15;
    word ^= key[1];
    word = word.wrapping_mul(SECOND_MULTIPLIER);
    word ^= word >> 16;
    (word / 256) as f32 / 16_777_216.0
}

/// `a_i = w_i0 + sum over j of w_ij z_j`. `weights` is (a.len(), 1 + z.len()).
pub fn matvec<T: Real>(weights: &[T], z: &[T], a: &mut [T]) {
    for (row, a) in weights.chunks_exact(1 + z.len()).zip(a) {
        *a = row[0];
        for (weight, z) in row[1..].iter().zip(z) {
            *a = weight.mul_add(*z, *a);
        }
    }
}

/// `sums_j = sum over i of delta_i w_ij`, without the bias column. `weights` is (delta.len(), 1 + sums.len()).
pub fn matvec_transposed<T: Real>(weights: &[T], delta: &[T], sums: &mut [T]) {
    let columns = 1 + sums.len();
    for (j, sum) in sums.iter_mut().enumerate() {
        *sum = T::from(0.0);
        for (row, delta) in weights.chunks_exact(columns).zip(delta) {
            *sum = row[1 + j].mul_add(*delta, *sum);
        }
    }
}

/// `gradient_ij += delta_i z_j` and `gradient_i0 += delta_i`. `gradient` is (delta.len(), 1 + z.len()).
pub fn outer_product<T: Real>(delta: &[T], z: &[T], gradient: &mut [T]) {
    for (row, delta) in gradient.chunks_exact_mut(1 + z.len()).zip(delta) {
        row[0] = row[0] + *delta;
        for (sum, z) in row[1..].iter_mut().zip(z) {
            *sum = delta.mul_add(*z, *sum);
        }
    }
}

/// [`matvec`] of each sample: `z` is (samples, inputs), `a` is (samples, outputs).
pub fn forward<T: Real>(weights: &[T], inputs: usize, z: &[T], a: &mut [T]) {
    let outputs = weights.len() / (1 + inputs);
    for (z, a) in z.chunks_exact(inputs).zip(a.chunks_exact_mut(outputs)) {
        matvec(weights, z, a);
    }
}

/// [`matvec_transposed`] of each sample: `delta` is (samples, outputs), `sums` is (samples, inputs).
pub fn backward<T: Real>(weights: &[T], inputs: usize, delta: &[T], sums: &mut [T]) {
    let outputs = weights.len() / (1 + inputs);
    for (delta, sums) in delta.chunks_exact(outputs).zip(sums.chunks_exact_mut(inputs)) {
        matvec_transposed(weights, delta, sums);
    }
}

/// [`outer_product`] summed over the samples, in their order: `delta` is (samples, outputs), `z` is (samples, inputs),
/// `gradient` is (outputs, 1 + inputs).
pub fn gradient<T: Real>(inputs: usize, delta: &[T], z: &[T], gradient: &mut [T]) {
    let outputs = gradient.len() / (1 + inputs);
    gradient.fill(T::from(0.0));
    for (delta, z) in delta.chunks_exact(outputs).zip(z.chunks_exact(inputs)) {
        outer_product(delta, z, gradient);
    }
}

/// The number, or 0 if it is subnormal.
fn normal_or_zero(x: f32) -> f32 {
    if x.is_subnormal() { 0.0 } else { x }
}

/// One step of gradient descent, see [`Sgd`].
pub fn sgd_step(sgd: Sgd, gradient_sum: &[f32], weights: &mut [f32], velocity: &mut [f32]) {
    for (i, (weight, sum)) in weights.iter_mut().zip(gradient_sum).enumerate() {
        let mut step = sum * sgd.scale;
        if sgd.momentum != 0.0 {
            velocity[i] = normal_or_zero(velocity[i].mul_add(sgd.momentum, step));
            step = velocity[i];
        }
        *weight = step.mul_add(-sgd.learning_rate, *weight);
    }
}

/// One step of an optimiser, see [`Step`]; `kept` are the numbers of each slot of its rule.
pub fn update_weights(step: Step, gradient_sum: &[f32], weights: &mut [f32], kept: [&mut [f32]; 2]) {
    let [first, second] = kept;
    for (i, (weight, sum)) in weights.iter_mut().zip(gradient_sum).enumerate() {
        let g = sum * step.scale;
        let direction = match step.rule {
            Rule::Sgd { momentum: 0.0 } => g,
            Rule::Sgd { momentum } => {
                first[i] = normal_or_zero(first[i].mul_add(momentum, g));
                first[i]
            }
            Rule::Nesterov { momentum } => {
                first[i] = normal_or_zero(first[i].mul_add(momentum, g));
                first[i].mul_add(momentum, g)
            }
            Rule::RmsProp { rho, fresh, epsilon } => {
                first[i] = normal_or_zero(first[i].mul_add(rho, fresh * g * g));
                g / (first[i].sqrt() + epsilon)
            }
            Rule::Adam { beta, fresh, correction, epsilon } => {
                first[i] = normal_or_zero(first[i].mul_add(beta[0], fresh[0] * g));
                second[i] = normal_or_zero(second[i].mul_add(beta[1], fresh[1] * g * g));
                first[i] * correction[0] / ((second[i] * correction[1]).sqrt() + epsilon)
            }
        };
        *weight = direction.mul_add(-step.learning_rate, *weight * step.keep);
        if step.keep != 1.0 {
            *weight = normal_or_zero(*weight);
        }
    }
}
