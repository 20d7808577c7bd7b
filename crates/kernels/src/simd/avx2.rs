//! The AVX2 and FMA tier: eight lanes.

use core::arch::x86_64::*;

use super::vector::{EXPONENT_BIAS, FRACTION_BITS, FRACTION_START, operators};
use super::{Simd, Splat, Vector, sealed};
use crate::dropout::{FIRST_MULTIPLIER, SECOND_MULTIPLIER, UNIT};

/// Token of the AVX2 tier: exists only where the machine has AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The token, if the machine has AVX2 and FMA.
    pub fn detect() -> Option<Self> {
        (std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")).then_some(Avx2(()))
    }
}

/// Eight single-precision numbers of the AVX2 tier.
#[derive(Clone, Copy, Debug)]
pub struct Avx2Vector(__m256);

impl Splat for Avx2 {
    type Vector = Avx2Vector;

    #[inline(always)]
    fn splat(self, x: f32) -> Avx2Vector {
        // SAFETY: the token proves AVX2.
        Avx2Vector(unsafe { _mm256_set1_ps(x) })
    }
}

impl sealed::Tier for Avx2 {}

impl Simd for Avx2 {
    const LANES: usize = 8;
    // 12 of the 16 registers accumulate; two hold a row of B, one a broadcast number of A.
    const TILE_ROWS: usize = 6;
    // Eight chains keep two multiply-add units busy at a latency of four.
    const SINGLE_TILE_ROWS: usize = 8;
    const TILE_VECTORS: usize = 2;
    // Again 12 registers that accumulate; three hold broadcast numbers of A, one a vector of B.
    const WIDE_TILE_ROWS: usize = 3;
    // A line for each step (two in large layers, whose columns take turns), of the 512 lines of a cache of 32 KiB, as processors
    // without AVX-512 mostly have.
    const STRETCH: usize = 128;
    // Both operands take a line in each step.
    const SAMPLE_STRETCH: usize = 64;
    const FETCHES_AHEAD: bool = true;
    // 72 cycles of multiply-adds: docs/experiments.md.
    const STEPS_AHEAD: usize = 12;
    const FOUR_STEPS: bool = true;

    #[inline(always)]
    fn long_stretch(is_large: bool, second_level_bytes: usize) -> usize {
        // Rows that were asked for come from a second-level cache of 1 MiB in time: docs/experiments.md. Beside one of 512 KiB both are
        // level, and smaller ones, which were not measured, hold fewer rows.
        if is_large || second_level_bytes < 1 << 20 { Self::STRETCH } else { usize::MAX }
    }

    #[inline(always)]
    fn vectorize<R>(self, body: impl FnOnce() -> R) -> R {
        #[inline(never)]
        #[target_feature(enable = "avx2,fma")]
        fn with_avx2<R>(body: impl FnOnce() -> R) -> R {
            body()
        }
        // SAFETY: the token proves AVX2 and FMA.
        unsafe { with_avx2(body) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Avx2Vector {
        // SAFETY: the slice has eight numbers, or the index panics.
        unsafe { self.load_from(from[..8].as_ptr()) }
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> Avx2Vector {
        // SAFETY: the token proves AVX2; the mask selects as many lanes as the slice has numbers.
        Avx2Vector(unsafe { _mm256_maskload_ps(from.as_ptr(), first_lanes(from.len())) })
    }

    #[inline(always)]
    fn store(self, vector: Avx2Vector, to: &mut [f32]) {
        // SAFETY: the slice has eight places, or the index panics.
        unsafe { self.store_to(vector, to[..8].as_mut_ptr()) }
    }

    #[inline(always)]
    fn store_partial(self, vector: Avx2Vector, to: &mut [f32]) {
        // SAFETY: the token proves AVX2; the mask selects as many lanes as the slice has places.
        unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), first_lanes(to.len()), vector.0) }
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> Avx2Vector {
        // SAFETY: the token proves AVX2, the caller that eight numbers are readable.
        Avx2Vector(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store_to(self, vector: Avx2Vector, to: *mut f32) {
        // SAFETY: the token proves AVX2, the caller that eight numbers are writable.
        unsafe { _mm256_storeu_ps(to, vector.0) }
    }

    #[inline(always)]
    fn prefetch(self, place: *const f32) {
        // SAFETY: a hint, for any address; SSE is part of the tier.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(place.cast()) }
    }

    #[inline(always)]
    unsafe fn claim(self, place: *mut f32) {
        // SAFETY: passed on to the caller. Volatile, or the compiler might leave it out.
        unsafe { place.write_volatile(0.0) }
    }

    #[inline(always)]
    fn are_within(self, [a, b, c, d]: [Avx2Vector; 4], bound: f32) -> bool {
        // Of two negative numbers, that of the greater magnitude is the greater integer; a NaN is greater than all.
        // SAFETY: the token proves AVX2.
        unsafe {
            let negative = |x: Avx2Vector| _mm256_castps_si256(_mm256_or_ps(x.0, _mm256_set1_ps(-0.0)));
            let greatest = _mm256_max_epi32(
                _mm256_max_epi32(negative(a), negative(b)),
                _mm256_max_epi32(negative(c), negative(d)),
            );
            let beyond = _mm256_cmpgt_epi32(greatest, _mm256_castps_si256(_mm256_set1_ps(-bound)));
            _mm256_movemask_ps(_mm256_castsi256_ps(beyond)) == 0
        }
    }

    #[inline(always)]
    fn uniform(self, [before, between]: [u32; 2], first: u32) -> Avx2Vector {
        // SAFETY: the token proves AVX2.
        Avx2Vector(unsafe {
            let splat = |word: u32| _mm256_set1_epi32(word as i32);
            let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            let x = _mm256_xor_si256(_mm256_add_epi32(splat(first), lane), splat(before));
            let x = _mm256_mullo_epi32(_mm256_xor_si256(x, _mm256_srli_epi32::<16>(x)), splat(FIRST_MULTIPLIER));
            let x = _mm256_xor_si256(_mm256_xor_si256(x, _mm256_srli_epi32::<15>(x)), splat(between));
            let x = _mm256_mullo_epi32(x, splat(SECOND_MULTIPLIER));
            let x = _mm256_xor_si256(x, _mm256_srli_epi32::<16>(x));
            _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_srli_epi32::<8>(x)), _mm256_set1_ps(UNIT))
        })
    }

    #[inline(always)]
    unsafe fn four_columns(self, from: *const f32, stride: usize) -> [Avx2Vector; 4] {
        // SAFETY: the token proves AVX2, and the caller that four numbers of eight rows are readable.
        unsafe {
            // The halves of a register are four numbers of rows r and 4 + r, as they come from memory: a part of the work of
            // exchanging is done by loads, for which a core has more room than for shuffles.
            let half = |row: usize| _mm_loadu_ps(from.add(row * stride));
            let halves = |r: usize| _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(half(r)), half(4 + r));
            // Then squares of four by four, each in one half of four registers.
            let rows = [halves(0), halves(1), halves(2), halves(3)];
            let (low01, high01) = (_mm256_unpacklo_ps(rows[0], rows[1]), _mm256_unpackhi_ps(rows[0], rows[1]));
            let (low23, high23) = (_mm256_unpacklo_ps(rows[2], rows[3]), _mm256_unpackhi_ps(rows[2], rows[3]));
            [
                Avx2Vector(_mm256_shuffle_ps::<0x44>(low01, low23)),
                Avx2Vector(_mm256_shuffle_ps::<0xee>(low01, low23)),
                Avx2Vector(_mm256_shuffle_ps::<0x44>(high01, high23)),
                Avx2Vector(_mm256_shuffle_ps::<0xee>(high01, high23)),
            ]
        }
    }
}

/// A mask of the first `count` lanes. Panics if there are more than eight.
#[inline(always)]
fn first_lanes(count: usize) -> __m256i {
    const MASKS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
    let mask = &MASKS[8 - count..][..8];
    // SAFETY: the mask has eight numbers; a caller in this file has the token, which proves AVX2.
    unsafe { _mm256_loadu_si256(mask.as_ptr().cast()) }
}

impl Vector for Avx2Vector {
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: a token made the vectors, and proves AVX2 and FMA; so in every method below.
        Self(unsafe { _mm256_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0) })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_sqrt_ps(self.0) })
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        // MAXPS and MINPS give their second operand where one is NaN: `self` stands there.
        // SAFETY: as above.
        Self(unsafe { _mm256_max_ps(low.0, self.0) })
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_min_ps(high.0, self.0) })
    }

    #[inline(always)]
    fn if_less(self, bound: Self, then: Self, otherwise: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_blendv_ps(otherwise.0, then.0, _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, bound.0)) })
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let sign_bit = _mm256_set1_ps(-0.0);
            _mm256_or_ps(_mm256_andnot_ps(sign_bit, self.0), _mm256_and_ps(sign_bit, sign.0))
        })
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, n: Self) -> Self {
        // Two factors: the first product is exact, so that a subnormal result is rounded once.
        // SAFETY: as above.
        Self(unsafe {
            let n = _mm256_cvtps_epi32(n.0);
            let half = _mm256_srai_epi32::<1>(n);
            let product = _mm256_mul_ps(self.0, power_of_two::<0>(half));
            _mm256_mul_ps(product, power_of_two::<0>(_mm256_sub_epi32(n, half)))
        })
    }

    #[inline(always)]
    fn shrink_by_power_of_two(self, n: Self) -> Self {
        // Two factors as above, one of them a constant: 2^(n + 64) is a normal number.
        // SAFETY: as above.
        Self(unsafe {
            let product = _mm256_mul_ps(self.0, power_of_two::<64>(_mm256_cvtps_epi32(n.0)));
            _mm256_mul_ps(product, _mm256_set1_ps(1.0 / (1u128 << 64) as f32))
        })
    }

    #[inline(always)]
    fn raise_exponent(self, whole: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let n = _mm256_slli_epi32::<{ FRACTION_BITS as i32 }>(_mm256_castps_si256(whole.0));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self.0), n))
        })
    }

    #[inline(always)]
    fn if_negative(self, then: Self, otherwise: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_blendv_ps(otherwise.0, then.0, self.0) })
    }

    #[inline(always)]
    fn binary_exponent(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_cvtepi32_ps(_mm256_srai_epi32::<{ FRACTION_BITS as i32 }>(exponent_bits(self.0))) })
    }

    #[inline(always)]
    fn fraction(self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let exponent = _mm256_srai_epi32::<{ FRACTION_BITS as i32 }>(exponent_bits(self.0));
            let exponent = _mm256_slli_epi32::<{ FRACTION_BITS as i32 }>(exponent);
            _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_castps_si256(self.0), exponent))
        })
    }
}

#[inline(always)]
unsafe fn exponent_bits(x: __m256) -> __m256i {
    // SAFETY: the caller holds a vector of this tier.
    unsafe { _mm256_sub_epi32(_mm256_castps_si256(x), _mm256_set1_epi32(FRACTION_START)) }
}

/// 2^(n + MORE), which must be a normal number.
#[inline(always)]
unsafe fn power_of_two<const MORE: i32>(n: __m256i) -> __m256 {
    // SAFETY: the caller holds a vector of this tier.
    unsafe {
        let biased = _mm256_add_epi32(n, _mm256_set1_epi32(EXPONENT_BIAS + MORE));
        _mm256_castsi256_ps(_mm256_slli_epi32::<{ FRACTION_BITS as i32 }>(biased))
    }
}

#[inline(always)]
unsafe fn negate(x: __m256) -> __m256 {
    // SAFETY: the caller holds a vector of this tier.
    unsafe { _mm256_xor_ps(x, _mm256_set1_ps(-0.0)) }
}

operators!(Avx2Vector, _mm256_add_ps, _mm256_sub_ps, _mm256_mul_ps, _mm256_div_ps, negate);
