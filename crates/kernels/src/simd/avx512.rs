//! The AVX-512 tier: sixteen lanes, with the foundation instructions (AVX-512F) alone.

use core::arch::x86_64::*;

use super::vector::{FRACTION_BITS, FRACTION_START, operators};
use super::{Simd, Splat, Vector, sealed};
use crate::dropout::{FIRST_MULTIPLIER, SECOND_MULTIPLIER, UNIT};

/// Token of the AVX-512 tier: exists only where the machine has AVX-512F.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The token, if the machine has AVX-512F.
    pub fn detect() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx512f").then_some(Avx512(()))
    }
}

/// Sixteen single-precision numbers of the AVX-512 tier.
#[derive(Clone, Copy, Debug)]
pub struct Avx512Vector(__m512);

impl Splat for Avx512 {
    type Vector = Avx512Vector;

    #[inline(always)]
    fn splat(self, x: f32) -> Avx512Vector {
        // SAFETY: the token proves AVX-512F.
        Avx512Vector(unsafe { _mm512_set1_ps(x) })
    }
}

impl sealed::Tier for Avx512 {}

impl Simd for Avx512 {
    const LANES: usize = 16;
    // 28 of the 32 registers accumulate; two hold a row of B, one a broadcast number of A.
    const TILE_ROWS: usize = 14;
    const TILE_VECTORS: usize = 2;
    // In large layers alone: see below.
    const STRETCH: usize = 128;
    const SAMPLE_STRETCH: usize = 128;
    // It costs more than it gains.
    const FETCHES_AHEAD: bool = false;

    // `are_within` says no: to ask costs more than the shorter way saves where one instruction scales (docs/experiments.md).

    #[inline(always)]
    fn long_stretch(is_large: bool, second_level_bytes: usize) -> usize {
        if !is_large {
            // Out-of-order execution hides the second-level cache, but not what lies behind it: docs/experiments.md.
            usize::MAX
        } else if second_level_bytes == 1 << 20 {
            // It is fast enough for the tiles to read weights from it, and holds those of a longer stretch; a smaller one is not,
            // nor is one of 2 MiB: docs/experiments.md.
            512
        } else {
            Self::STRETCH
        }
    }

    #[inline(always)]
    fn vectorize<R>(self, body: impl FnOnce() -> R) -> R {
        #[inline(never)]
        #[target_feature(enable = "avx512f")]
        fn with_avx512<R>(body: impl FnOnce() -> R) -> R {
            body()
        }
        // SAFETY: the token proves AVX-512F.
        unsafe { with_avx512(body) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> Avx512Vector {
        // SAFETY: the slice has sixteen numbers, or the index panics.
        unsafe { self.load_from(from[..16].as_ptr()) }
    }

    #[inline(always)]
    fn load_partial(self, from: &[f32]) -> Avx512Vector {
        // SAFETY: the token proves AVX-512F; the mask selects as many lanes as the slice has numbers.
        Avx512Vector(unsafe { _mm512_maskz_loadu_ps(first_lanes(from.len()), from.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, vector: Avx512Vector, to: &mut [f32]) {
        // SAFETY: the slice has sixteen places, or the index panics.
        unsafe { self.store_to(vector, to[..16].as_mut_ptr()) }
    }

    #[inline(always)]
    fn store_partial(self, vector: Avx512Vector, to: &mut [f32]) {
        // SAFETY: the token proves AVX-512F; the mask selects as many lanes as the slice has places.
        unsafe { _mm512_mask_storeu_ps(to.as_mut_ptr(), first_lanes(to.len()), vector.0) }
    }

    #[inline(always)]
    unsafe fn load_from(self, from: *const f32) -> Avx512Vector {
        // SAFETY: the token proves AVX-512F, the caller that sixteen numbers are readable.
        Avx512Vector(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store_to(self, vector: Avx512Vector, to: *mut f32) {
        // SAFETY: the token proves AVX-512F, the caller that sixteen numbers are writable.
        unsafe { _mm512_storeu_ps(to, vector.0) }
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
    fn uniform(self, [before, between]: [u32; 2], first: u32) -> Avx512Vector {
        // SAFETY: the token proves AVX-512F.
        Avx512Vector(unsafe {
            let splat = |word: u32| _mm512_set1_epi32(word as i32);
            let lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let x = _mm512_xor_si512(_mm512_add_epi32(splat(first), lane), splat(before));
            let x = _mm512_mullo_epi32(_mm512_xor_si512(x, _mm512_srli_epi32::<16>(x)), splat(FIRST_MULTIPLIER));
            let x = _mm512_xor_si512(_mm512_xor_si512(x, _mm512_srli_epi32::<15>(x)), splat(between));
            let x = _mm512_mullo_epi32(x, splat(SECOND_MULTIPLIER));
            let x = _mm512_xor_si512(x, _mm512_srli_epi32::<16>(x));
            _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_srli_epi32::<8>(x)), _mm512_set1_ps(UNIT))
        })
    }

    #[inline(always)]
    unsafe fn four_columns(self, from: *const f32, stride: usize) -> [Avx512Vector; 4] {
        // SAFETY: the token proves AVX-512F, and the caller that four numbers of sixteen rows are readable.
        unsafe {
            // Quarter q of a register is four numbers of row 4 q + r, as they come from memory: half of the work of
            // exchanging is done by loads, for which a core has more room than for shuffles; and half of the rest on halves,
            // of which many a core exchanges two in the time of a whole register.
            let quarter = |row: usize| _mm_loadu_ps(from.add(row * stride));
            let half = |row: usize| {
                _mm512_castps256_ps512(_mm256_insertf128_ps::<1>(
                    _mm256_castps128_ps256(quarter(row)),
                    quarter(4 + row),
                ))
            };
            let quarters = |r: usize| _mm512_shuffle_f32x4::<0x44>(half(r), half(8 + r));
            // Then squares of four by four, each in one quarter of four registers.
            let rows = [quarters(0), quarters(1), quarters(2), quarters(3)];
            let (low01, high01) = (_mm512_unpacklo_ps(rows[0], rows[1]), _mm512_unpackhi_ps(rows[0], rows[1]));
            let (low23, high23) = (_mm512_unpacklo_ps(rows[2], rows[3]), _mm512_unpackhi_ps(rows[2], rows[3]));
            [
                Avx512Vector(_mm512_shuffle_ps::<0x44>(low01, low23)),
                Avx512Vector(_mm512_shuffle_ps::<0xee>(low01, low23)),
                Avx512Vector(_mm512_shuffle_ps::<0x44>(high01, high23)),
                Avx512Vector(_mm512_shuffle_ps::<0xee>(high01, high23)),
            ]
        }
    }
}

/// A mask of the first `count` lanes. Panics if there are more than sixteen.
#[inline(always)]
fn first_lanes(count: usize) -> __mmask16 {
    assert!(count <= 16);
    ((1u32 << count) - 1) as __mmask16
}

impl Vector for Avx512Vector {
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: a token made the vectors, and proves AVX-512F; so in every method below.
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, addend.0) })
    }

    #[inline(always)]
    fn abs(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_abs_ps(self.0) })
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_sqrt_ps(self.0) })
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        // MAXPS and MINPS give their second operand where one is NaN: `self` stands there.
        // SAFETY: as above.
        Self(unsafe { _mm512_max_ps(low.0, self.0) })
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_min_ps(high.0, self.0) })
    }

    #[inline(always)]
    fn if_less(self, bound: Self, then: Self, otherwise: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, bound.0), otherwise.0, then.0) })
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        // Of each bit: `self` where the mask of the magnitude is set, `sign` elsewhere (AVX-512F has the bitwise
        // operations for integers only).
        // SAFETY: as above.
        Self(unsafe {
            let magnitude = _mm512_set1_epi32(i32::MAX);
            _mm512_castsi512_ps(_mm512_ternarylogic_epi32::<0xca>(
                magnitude,
                _mm512_castps_si512(self.0),
                _mm512_castps_si512(sign.0),
            ))
        })
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, n: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_scalef_ps(self.0, n.0) })
    }

    #[inline(always)]
    fn raise_exponent(self, whole: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let n = _mm512_slli_epi32::<FRACTION_BITS>(_mm512_castps_si512(whole.0));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(self.0), n))
        })
    }

    #[inline(always)]
    fn if_negative(self, then: Self, otherwise: Self) -> Self {
        // Of each bit: `then` where the sign is set, `otherwise` elsewhere. A comparison would take a multiply-add's place.
        // SAFETY: as above.
        Self(unsafe {
            let signs = _mm512_srai_epi32::<31>(_mm512_castps_si512(self.0));
            _mm512_castsi512_ps(_mm512_ternarylogic_epi32::<0xca>(
                signs,
                _mm512_castps_si512(then.0),
                _mm512_castps_si512(otherwise.0),
            ))
        })
    }

    #[inline(always)]
    fn binary_exponent(self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_cvtepi32_ps(_mm512_srai_epi32::<FRACTION_BITS>(exponent_bits(self.0))) })
    }

    #[inline(always)]
    fn fraction(self) -> Self {
        // SAFETY: as above.
        Self(unsafe {
            let exponent = _mm512_srai_epi32::<FRACTION_BITS>(exponent_bits(self.0));
            let exponent = _mm512_slli_epi32::<FRACTION_BITS>(exponent);
            _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_castps_si512(self.0), exponent))
        })
    }
}

#[inline(always)]
unsafe fn exponent_bits(x: __m512) -> __m512i {
    // SAFETY: the caller holds a vector of this tier.
    unsafe { _mm512_sub_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(FRACTION_START)) }
}

#[inline(always)]
unsafe fn negate(x: __m512) -> __m512 {
    // SAFETY: the caller holds a vector of this tier.
    unsafe { _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(x), _mm512_set1_epi32(i32::MIN))) }
}

operators!(Avx512Vector, _mm512_add_ps, _mm512_sub_ps, _mm512_mul_ps, _mm512_div_ps, negate);
