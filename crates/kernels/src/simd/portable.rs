//! The portable tier: eight lanes of the `wide` crate, which chooses its instructions at compile time. In a plain
//! x86-64 build that is SSE2, without fused multiply-add: there, and only there, [`Vector::mul_add`] rounds twice.

use std::ops::{Add, Div, Mul, Neg, Sub};

use wide::{f32x4, f32x8, i32x8, u32x8};

use super::vector::{EXPONENT_BIAS, FRACTION_BITS, FRACTION_START, operators};
use super::{Simd, Splat, Vector, sealed};
use crate::dropout::{FIRST_MULTIPLIER, SECOND_MULTIPLIER, UNIT};

/// Token of the portable tier, on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portable;

impl Portable {
    /// Whether this build fuses multiply and add in the portable tier, and so gives the bits of the other tiers.
    pub const FUSED: bool = cfg!(any(target_feature = "fma", all(target_arch = "aarch64", target_feature = "neon")));
}

/// Eight single-precision numbers of the portable tier.
#[derive(Clone, Copy, Debug)]
pub struct PortableVector(f32x8);

impl Splat for Portable {
    type Vector = PortableVector;

    #[inline(always)]
    fn splat(self, x: f32) -> PortableVector {
        PortableVector(f32x8::splat(x))
    }
}

impl sealed::Tier for Portable {}

impl Simd for Portable {
    const LANES: usize = 8;
    // A vector is two SSE2 registers: 4 x 1 x 2 of the 16 accumulate.
    const TILE_ROWS: usize = 4;
    const TILE_VECTORS: usize = 1;
    const STRETCH: usize = usize::MAX;
    const SAMPLE_STRETCH: usize = usize::MAX;
    const FETCHES_AHEAD: bool = false;

    #[inline(always)]
    fn vectorize<R>(self, body: impl FnOnce() -> R) -> R {
        #[inline(never)]
        fn outlined<R>(body: impl FnOnce() -> R) -> R {
            body()
        }
        outlined(body)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> PortableVector {
        let lanes: [f32; 8] = from[..8].try_into().expect("eight numbers");
        PortableVector(f32x8::new(lanes))
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> PortableVector {
        let mut lanes = [0.0; 8];
        lanes[..from.len()].copy_from_slice(from);
        PortableVector(f32x8::new(lanes))
    }

    #[inline(always)]
    fn store(self, vector: PortableVector, to: &mut [f32]) {
        to[..8].copy_from_slice(vector.0.as_array());
    }

    #[inline(always)]
    fn store_partial(self, vector: PortableVector, to: &mut [f32]) {
        to.copy_from_slice(&vector.0.as_array()[..to.len()]);
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> PortableVector {
        // SAFETY: the caller says that eight numbers are readable; an array needs no more alignment than they do.
        PortableVector(f32x8::new(unsafe { from.cast::<[f32; 8]>().read() }))
    }

    #[inline(always)]
    unsafe fn store_to(self, vector: PortableVector, to: *mut f32) {
        // SAFETY: the caller says that eight numbers are writable; an array needs no more alignment than they do.
        unsafe { to.cast::<[f32; 8]>().write(vector.0.to_array()) }
    }

    #[inline(always)]
    fn are_within(self, four: [PortableVector; 4], bound: f32) -> bool {
        four.into_iter().all(|x| x.0.abs().simd_le(f32x8::splat(bound)).all())
    }

    #[inline(always)]
    fn uniform(self, [before, between]: [u32; 2], first: u32) -> PortableVector {
        let first = u32x8::splat(first) + u32x8::new([0, 1, 2, 3, 4, 5, 6, 7]);
        let mut x = first ^ u32x8::splat(before);
        x = (x ^ (x >> 16)) * u32x8::splat(FIRST_MULTIPLIER);
        x = ((x ^ (x >> 15)) ^ u32x8::splat(between)) * u32x8::splat(SECOND_MULTIPLIER);
        let word: u32x8 = (x ^ (x >> 16)) >> 8;
        PortableVector(f32x8::from_i32x8(i32x8::from_ne_bytes(word.to_ne_bytes())) * f32x8::splat(UNIT))
    }

    #[inline(always)]
    unsafe fn four_columns(self, from: *const f32, stride: usize) -> [PortableVector; 4] {
        // SAFETY: the caller says that four numbers of eight rows are readable.
        let row = |i: usize| f32x4::new(unsafe { from.add(i * stride).cast::<[f32; 4]>().read() });
        let upper = f32x4::transpose([row(0), row(1), row(2), row(3)]);
        let lower = f32x4::transpose([row(4), row(5), row(6), row(7)]);
        let column = |c: usize| {
            let ([a, b, c, d], [e, f, g, h]) = (upper[c].to_array(), lower[c].to_array());
            PortableVector(f32x8::new([a, b, c, d, e, f, g, h]))
        };
        [column(0), column(1), column(2), column(3)]
    }
}

impl Vector for PortableVector {
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        Self(self.0.mul_add(factor.0, addend.0))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs())
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        Self(self.0.simd_lt(low.0).select(low.0, self.0))
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        Self(self.0.simd_gt(high.0).select(high.0, self.0))
    }

    #[inline(always)]
    fn if_less(self, bound: Self, then: Self, otherwise: Self) -> Self {
        Self(self.0.simd_lt(bound.0).select(then.0, otherwise.0))
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        let sign_bit = f32x8::splat(-0.0);
        Self(sign_bit.bitselect(sign.0, self.0))
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, n: Self) -> Self {
        // Two factors: the first product is exact, so that a subnormal result is rounded once.
        let n = n.0.fast_round_int();
        let half: i32x8 = n >> 1;
        Self(self.0 * power_of_two(half) * power_of_two(n - half))
    }

    #[inline(always)]
    fn raise_exponent(self, whole: Self) -> Self {
        let n: i32x8 = i32x8::from_ne_bytes(whole.0.to_ne_bytes()) << FRACTION_BITS as i32;
        Self(f32x8::from_ne_bytes((i32x8::from_ne_bytes(self.0.to_ne_bytes()) + n).to_ne_bytes()))
    }

    #[inline(always)]
    fn if_negative(self, then: Self, otherwise: Self) -> Self {
        let signs: i32x8 = i32x8::from_ne_bytes(self.0.to_ne_bytes()) >> 31;
        Self(f32x8::from_ne_bytes(signs.to_ne_bytes()).bitselect(then.0, otherwise.0))
    }

    #[inline(always)]
    fn binary_exponent(self) -> Self {
        Self(f32x8::from_i32x8(exponent_bits(self.0) >> FRACTION_BITS as i32))
    }

    #[inline(always)]
    fn fraction(self) -> Self {
        let exponent: i32x8 = (exponent_bits(self.0) >> FRACTION_BITS as i32) << FRACTION_BITS as i32;
        Self(f32x8::from_ne_bytes((i32x8::from_ne_bytes(self.0.to_ne_bytes()) - exponent).to_ne_bytes()))
    }
}

#[inline(always)]
fn exponent_bits(x: f32x8) -> i32x8 {
    i32x8::from_ne_bytes(x.to_ne_bytes()) - i32x8::splat(FRACTION_START)
}

#[inline(always)]
fn power_of_two(n: i32x8) -> f32x8 {
    let bits: i32x8 = (n + i32x8::splat(EXPONENT_BIAS)) << FRACTION_BITS as i32;
    // The same bits, read as floating point.
    f32x8::from_ne_bytes(bits.to_ne_bytes())
}

operators!(PortableVector, Add::add, Sub::sub, Mul::mul, Div::div, Neg::neg);
