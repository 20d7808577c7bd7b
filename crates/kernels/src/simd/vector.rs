//! What a kernel may do with a vector.

use core::ops::{Add, Div, Mul, Neg, Sub};

/// A vector of single-precision numbers. Every operation works lane by lane and rounds once, so that a lane's result
/// does not depend on the width of the vector or on the place of the lane. A NaN stays a NaN (its payload is not
/// specified).
pub trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// `self * factor + addend`, rounded once on every tier but the portable one without FMA hardware.
    fn mul_add(self, factor: Self, addend: Self) -> Self;

    /// The magnitude: clears the sign bit.
    fn abs(self) -> Self;

    /// The square root, correctly rounded; NaN below zero.
    fn sqrt(self) -> Self;

    /// The greater of `self` and `low`; NaN stays NaN.
    fn at_least(self, low: Self) -> Self;

    /// The lesser of `self` and `high`; NaN stays NaN.
    fn at_most(self, high: Self) -> Self;

    /// Where `self < bound`, `then`; elsewhere, and for NaN, `otherwise`.
    fn if_less(self, bound: Self, then: Self, otherwise: Self) -> Self;

    /// The magnitude of `self` with the sign of `sign`.
    fn with_sign_of(self, sign: Self) -> Self;

    /// `self * 2^n` for whole n in -252..=254, rounded once: exact, but for a subnormal result, and infinite where it
    /// overflows. `self` must lie between 1/2 and 2 in magnitude, or below 2^32 if n is not positive, or be NaN.
    fn scale_by_power_of_two(self, n: Self) -> Self;

    /// The same for n in -160..=0, where a tier may do with fewer instructions.
    #[inline(always)]
    fn shrink_by_power_of_two(self, n: Self) -> Self {
        self.scale_by_power_of_two(n)
    }

    /// `self * 2^n`, if `whole` is 1.5 x 2^23 + n and the product is a normal number: adds n to the exponent.
    fn raise_exponent(self, whole: Self) -> Self;

    /// Where the sign bit is set, `then`; elsewhere `otherwise`.
    fn if_negative(self, then: Self, otherwise: Self) -> Self;

    /// The whole number n for which a positive normal number is 2^n times its [`fraction`](Self::fraction). Of others it
    /// means nothing.
    fn binary_exponent(self) -> Self;

    /// A positive normal number divided by a power of two, so that it lies in sqrt(1/2)..sqrt(2). Of others it means
    /// nothing.
    fn fraction(self) -> Self;
}

/// The integer n as the exponent of a floating-point number: the bits of 2^n, for n in -126..=127.
pub(super) const EXPONENT_BIAS: i32 = 127;

/// Bits of the fraction, below the exponent.
pub(super) const FRACTION_BITS: u32 = 23;

/// The bits of sqrt(1/2), where the fractions start: what a positive number's bits exceed them by has its exponent in front.
pub(super) const FRACTION_START: i32 = 0x3f35_04f3;

/// The arithmetic operators of a newtype over a register, from the tier's functions for them.
macro_rules! operators {
    ($vector:ident, $add:path, $sub:path, $mul:path, $div:path, $neg:path) => {
        operators!(@binary $vector, Add, add, $add);
        operators!(@binary $vector, Sub, sub, $sub);
        operators!(@binary $vector, Mul, mul, $mul);
        operators!(@binary $vector, Div, div, $div);

        impl core::ops::Neg for $vector {
            type Output = Self;

            #[inline(always)]
            fn neg(self) -> Self {
                // SAFETY: the vector exists, so a token made it, and the token proves the tier's instructions.
                #[allow(unused_unsafe)]
                Self(unsafe { $neg(self.0) })
            }
        }
    };
    (@binary $vector:ident, $operator:ident, $method:ident, $function:path) => {
        impl core::ops::$operator for $vector {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: the vectors exist, so a token made them, and the token proves the tier's instructions.
                #[allow(unused_unsafe)]
                Self(unsafe { $function(self.0, other.0) })
            }
        }
    };
}

pub(super) use operators;
