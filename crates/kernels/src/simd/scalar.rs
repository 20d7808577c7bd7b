//! The scalar tier: the same kernels with one lane, as plain loops compile. It is the baseline that speed-ups are
//! measured against, and is compiled with the scalar FMA instruction where the machine has one: without it, each
//! `f32::mul_add` is a call into the platform's `fma`, exact but ten times slower.

use super::vector::{EXPONENT_BIAS, FRACTION_BITS, FRACTION_START};
use super::{Simd, Splat, Vector, sealed};
use crate::dropout::{FIRST_MULTIPLIER, SECOND_MULTIPLIER, UNIT};

/// Token of the scalar tier, on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar(Fma);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fma {
    Library,
    #[cfg(target_arch = "x86_64")]
    Hardware,
}

impl Scalar {
    /// The scalar tier, with hardware FMA if the machine has it.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("fma") {
            return Scalar(Fma::Hardware);
        }
        Scalar(Fma::Library)
    }
}

impl Splat for Scalar {
    type Vector = f32;

    #[inline(always)]
    fn splat(self, x: f32) -> f32 {
        x
    }
}

impl sealed::Tier for Scalar {}

impl Simd for Scalar {
    const LANES: usize = 1;
    // Eight independent chains keep two FMA units busy at a latency of four.
    const TILE_ROWS: usize = 4;
    const TILE_VECTORS: usize = 2;
    const STRETCH: usize = usize::MAX;
    const SAMPLE_STRETCH: usize = usize::MAX;
    const FETCHES_AHEAD: bool = false;

    #[inline(always)]
    fn vectorize<R>(self, body: impl FnOnce() -> R) -> R {
        #[cfg(target_arch = "x86_64")]
        #[inline(never)]
        #[target_feature(enable = "fma")]
        fn with_fma<R>(body: impl FnOnce() -> R) -> R {
            body()
        }
        #[inline(never)]
        fn plain<R>(body: impl FnOnce() -> R) -> R {
            body()
        }
        match self.0 {
            Fma::Library => plain(body),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `Fma::Hardware` is only made where the machine has FMA.
            Fma::Hardware => unsafe { with_fma(body) },
        }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> f32 {
        from[0]
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> f32 {
        assert!(from.len() <= Self::LANES);
        from.first().copied().unwrap_or(0.0)
    }

    #[inline(always)]
    fn store(self, vector: f32, to: &mut [f32]) {
        to[0] = vector;
    }

    #[inline(always)]
    fn store_partial(self, vector: f32, to: &mut [f32]) {
        assert!(to.len() <= Self::LANES);
        to.fill(vector);
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> f32 {
        // SAFETY: the caller says that it is readable.
        unsafe { from.read() }
    }

    #[inline(always)]
    unsafe fn store_to(self, vector: f32, to: *mut f32) {
        // SAFETY: the caller says that it is writable.
        unsafe { to.write(vector) }
    }

    #[inline(always)]
    fn are_within(self, four: [f32; 4], bound: f32) -> bool {
        four.into_iter().all(|x| x.abs() <= bound)
    }

    #[inline(always)]
    fn uniform(self, [before, between]: [u32; 2], first: u32) -> f32 {
        let mut x = first ^ before;
        x = (x ^ (x >> 16)).wrapping_mul(FIRST_MULTIPLIER);
        x = ((x ^ (x >> 15)) ^ between).wrapping_mul(SECOND_MULTIPLIER);
        ((x ^ (x >> 16)) >> 8) as f32 * UNIT
    }

    #[inline(always)]
    unsafe fn four_columns(self, from: *const f32, _stride: usize) -> [f32; 4] {
        // SAFETY: the caller says that four numbers of the one row are readable.
        unsafe { from.cast::<[f32; 4]>().read() }
    }

    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, _from_stride: usize, to: *mut f32, _to_stride: usize) {
        // SAFETY: the caller says that the one number is readable and its place writable.
        unsafe { to.write(from.read()) }
    }
}

impl Vector for f32 {
    #[inline(always)]
    fn mul_add(self, factor: f32, addend: f32) -> f32 {
        self.mul_add(factor, addend)
    }

    #[inline(always)]
    fn abs(self) -> f32 {
        self.abs()
    }

    #[inline(always)]
    fn sqrt(self) -> f32 {
        self.sqrt()
    }

    #[inline(always)]
    fn at_least(self, low: f32) -> f32 {
        if self < low { low } else { self }
    }

    #[inline(always)]
    fn at_most(self, high: f32) -> f32 {
        if self > high { high } else { self }
    }

    #[inline(always)]
    fn if_less(self, bound: f32, then: f32, otherwise: f32) -> f32 {
        if self < bound { then } else { otherwise }
    }

    #[inline(always)]
    fn with_sign_of(self, sign: f32) -> f32 {
        self.copysign(sign)
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, n: f32) -> f32 {
        // Two factors: the first product is exact, so that a subnormal result is rounded once.
        let n = n as i32;
        let half = n >> 1;
        let power = |n: i32| f32::from_bits(((n + EXPONENT_BIAS) << FRACTION_BITS) as u32);
        self * power(half) * power(n - half)
    }

    #[inline(always)]
    fn raise_exponent(self, whole: f32) -> f32 {
        // Whatever is above the last nine bits of n goes beyond the word.
        f32::from_bits(self.to_bits().wrapping_add(whole.to_bits() << FRACTION_BITS))
    }

    #[inline(always)]
    fn if_negative(self, then: f32, otherwise: f32) -> f32 {
        if self.is_sign_negative() { then } else { otherwise }
    }

    #[inline(always)]
    fn binary_exponent(self) -> f32 {
        (exponent_bits(self) >> FRACTION_BITS) as f32
    }

    #[inline(always)]
    fn fraction(self) -> f32 {
        let exponent = exponent_bits(self) >> FRACTION_BITS << FRACTION_BITS;
        f32::from_bits((self.to_bits() as i32).wrapping_sub(exponent) as u32)
    }
}

#[inline(always)]
fn exponent_bits(x: f32) -> i32 {
    (x.to_bits() as i32).wrapping_sub(FRACTION_START)
}
