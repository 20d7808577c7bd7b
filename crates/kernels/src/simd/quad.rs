//! Four vectors in step.

use super::{Splat, Vector};

/// Makes constants for [`QuadVector`]s.
#[derive(Clone, Copy)]
pub(crate) struct Quad<S>(pub S);

/// Four vectors in step. A sigmoid is one long chain of dependent operations, and a core that meets four of them one after
/// the other must look far ahead to overlap them; side by side they overlap by themselves.
#[derive(Clone, Copy)]
pub(crate) struct QuadVector<V>(pub [V; 4]);

impl<S: Splat> Splat for Quad<S> {
    type Vector = QuadVector<S::Vector>;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::Vector {
        QuadVector([self.0.splat(x); 4])
    }
}

/// An operation on each of the four: plain text, since `array::map` may stay outlined.
macro_rules! each {
    ($i:ident => $operation:expr) => {
        QuadVector([
            {
                const $i: usize = 0;
                $operation
            },
            {
                const $i: usize = 1;
                $operation
            },
            {
                const $i: usize = 2;
                $operation
            },
            {
                const $i: usize = 3;
                $operation
            },
        ])
    };
}

impl<V: Vector> Vector for QuadVector<V> {
    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        each!(I => self.0[I].mul_add(factor.0[I], addend.0[I]))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        each!(I => self.0[I].abs())
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        each!(I => self.0[I].sqrt())
    }

    #[inline(always)]
    fn at_least(self, low: Self) -> Self {
        each!(I => self.0[I].at_least(low.0[I]))
    }

    #[inline(always)]
    fn at_most(self, high: Self) -> Self {
        each!(I => self.0[I].at_most(high.0[I]))
    }

    #[inline(always)]
    fn if_less(self, bound: Self, then: Self, otherwise: Self) -> Self {
        each!(I => self.0[I].if_less(bound.0[I], then.0[I], otherwise.0[I]))
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        each!(I => self.0[I].with_sign_of(sign.0[I]))
    }

    #[inline(always)]
    fn scale_by_power_of_two(self, n: Self) -> Self {
        each!(I => self.0[I].scale_by_power_of_two(n.0[I]))
    }

    #[inline(always)]
    fn shrink_by_power_of_two(self, n: Self) -> Self {
        each!(I => self.0[I].shrink_by_power_of_two(n.0[I]))
    }

    #[inline(always)]
    fn raise_exponent(self, whole: Self) -> Self {
        each!(I => self.0[I].raise_exponent(whole.0[I]))
    }

    #[inline(always)]
    fn if_negative(self, then: Self, otherwise: Self) -> Self {
        each!(I => self.0[I].if_negative(then.0[I], otherwise.0[I]))
    }

    #[inline(always)]
    fn binary_exponent(self) -> Self {
        each!(I => self.0[I].binary_exponent())
    }

    #[inline(always)]
    fn fraction(self) -> Self {
        each!(I => self.0[I].fraction())
    }
}

impl<V: Vector> core::ops::Neg for QuadVector<V> {
    type Output = Self;

    #[inline(always)]
    fn neg(self) -> Self {
        each!(I => -self.0[I])
    }
}

macro_rules! operator {
    ($operator:ident, $method:ident) => {
        impl<V: Vector> core::ops::$operator for QuadVector<V> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                each!(I => self.0[I].$method(other.0[I]))
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);
