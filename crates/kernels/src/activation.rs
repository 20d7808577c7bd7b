//! The activation functions of hidden layers, and their derivatives.
//!
//! Of sigmoid, tanh and ReLU the derivative dz/da is a function of the postactivation z, and costs nothing to keep. SiLU and
//! GELU fall and rise, so that z does not tell it: theirs is computed with z, of which it shares the exponential, and kept
//! until backpropagation comes back.

use std::fmt;
use std::str::FromStr;

use crate::dispatch;
use crate::gelu::{gelu_lanes, gelu_with_slope_lanes};
use crate::level::Level;
use crate::sigmoid::{four_sigmoids, sigmoid_lanes};
use crate::silu::{silu_lanes, silu_with_slope_lanes};
use crate::simd::{Quad, QuadVector, Simd, Splat, Vector};
use crate::slice::{for_four_vectors, map, update};
use crate::tanh::tanh_lanes;

/// The activation function of the hidden layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Activation {
    /// z = sigma(a) = 1 / (1 + exp(-a)), in 0..=1; dz/da = z (1 - z).
    #[default]
    Sigmoid,
    /// z = tanh(a), in -1..=1; dz/da = 1 - z^2.
    Tanh,
    /// z = max(a, 0); dz/da = 1 where z > 0, else 0.
    Relu,
    /// z = a sigma(a), at least -0.279; dz/da = sigma(a) + z (1 - sigma(a)). Also called swish.
    Silu,
    /// z = a Phi(a), with the distribution function Phi of the normal distribution, at least -0.170;
    /// dz/da = Phi(a) + a phi(a), with its density phi. The exact form, not the one with a tanh.
    Gelu,
}

/// How the derivative dz/da is found when backpropagation needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slope {
    /// From z, of which it is a function: z (1 - z).
    OfSigmoid,
    /// From z: 1 - z^2.
    OfTanh,
    /// From z: 1 where z > 0, else 0.
    OfRelu,
    /// The derivatives themselves were kept.
    Kept,
}

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 5] =
        [Activation::Sigmoid, Activation::Tanh, Activation::Relu, Activation::Silu, Activation::Gelu];

    /// How its derivative is found: from z, if z tells it.
    pub fn slope(self) -> Slope {
        match self {
            Activation::Sigmoid => Slope::OfSigmoid,
            Activation::Tanh => Slope::OfTanh,
            Activation::Relu => Slope::OfRelu,
            Activation::Silu | Activation::Gelu => Slope::Kept,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
            Activation::Silu => "silu",
            Activation::Gelu => "gelu",
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// A name that is no [`Activation`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownActivation(String);

impl fmt::Display for UnknownActivation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "there is no activation '{}', only sigmoid, tanh, relu, silu and gelu", self.0)
    }
}

impl std::error::Error for UnknownActivation {}

impl FromStr for Activation {
    type Err = UnknownActivation;

    fn from_str(name: &str) -> Result<Activation, UnknownActivation> {
        let named = Activation::ALL.into_iter().find(|activation| activation.name() == name);
        named.ok_or_else(|| UnknownActivation(name.to_owned()))
    }
}

/// z of each lane of a.
#[inline(always)]
fn activate_lanes<S: Splat>(simd: S, activation: Activation, a: S::Vector) -> S::Vector {
    match activation {
        Activation::Sigmoid => sigmoid_lanes(simd, a),
        Activation::Tanh => tanh_lanes(simd, a),
        Activation::Relu => a.if_less(simd.splat(0.0), simd.splat(0.0), a),
        Activation::Silu => silu_lanes(simd, a),
        Activation::Gelu => gelu_lanes(simd, a),
    }
}

/// dz/da of each lane, from z or, if they were kept, from the derivatives.
#[inline(always)]
pub(crate) fn derivative_lanes<S: Splat>(simd: S, slope: Slope, z: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    match slope {
        Slope::OfSigmoid => z * (one - z),
        Slope::OfTanh => one - z * z,
        Slope::OfRelu => simd.splat(0.0).if_less(z, one, simd.splat(0.0)),
        Slope::Kept => z,
    }
}

/// z and dz/da of each lane of a.
#[inline(always)]
fn activate_with_slope_lanes<S: Splat>(simd: S, activation: Activation, a: S::Vector) -> (S::Vector, S::Vector) {
    match activation {
        Activation::Silu => silu_with_slope_lanes(simd, a),
        Activation::Gelu => gelu_with_slope_lanes(simd, a),
        _ => {
            let z = activate_lanes(simd, activation, a);
            (z, derivative_lanes(simd, activation.slope(), z))
        }
    }
}

/// Calls a closure that takes an activation, or a slope, with a constant, so that the loop in it has no branch. Those that
/// are in the second list are in a function of their own (`vectorize` outlines it), so that they cost the code around the
/// other ones no registers.
macro_rules! with_constant {
    ($simd:expr, Activation: $activation:expr, $constant:ident => $body:expr) => {
        $crate::activation::with_constant!(
            @$simd, $activation, Activation, [Sigmoid, Tanh, Relu], [Silu, Gelu], $constant => $body
        )
    };
    ($simd:expr, Slope: $slope:expr, $constant:ident => $body:expr) => {
        $crate::activation::with_constant!(
            @$simd, $slope, Slope, [OfSigmoid, OfTanh, OfRelu], [Kept], $constant => $body
        )
    };
    (
        @$simd:expr, $value:expr, $type:ident, [$($inlined:ident),*], [$($outlined:ident),*], $constant:ident => $body:expr
    ) => {
        match $value {
            $($crate::activation::$type::$inlined => {
                const $constant: $crate::activation::$type = $crate::activation::$type::$inlined;
                $body
            })*
            $($crate::activation::$type::$outlined => {
                const $constant: $crate::activation::$type = $crate::activation::$type::$outlined;
                $simd.vectorize(
                    #[inline(always)]
                    move || $body,
                )
            })*
        }
    };
}

pub(crate) use with_constant;

/// Replaces the preactivations of rows that are `stride` apart, `width` vectors of each, by their postactivations.
#[inline(always)]
pub(crate) fn activate_rows<S: Simd>(simd: S, activation: Activation, rows: &mut [f32], stride: usize, width: usize) {
    let place = rows.as_mut_ptr();
    with_constant!(simd, Activation: activation, ACTIVATION => for_four_vectors::<S>(
        rows.len(),
        stride,
        width,
        #[inline(always)]
        |places| {
            // SAFETY: `for_four_vectors` gives places at which a whole vector lies in a slice of this length.
            unsafe {
                let a = load_four(simd, place, places);
                let z = match ACTIVATION {
                    Activation::Sigmoid => four_sigmoids(simd, a),
                    _ => activate_lanes(Quad(simd), ACTIVATION, a),
                };
                store_four(simd, z, place, places);
            }
        },
        #[inline(always)]
        |at| {
            // SAFETY: as above.
            unsafe {
                simd.store_to(activate_lanes(simd, ACTIVATION, simd.load_from(place.add(at))), place.add(at));
            }
        },
    ))
}

/// The same, and writes dz/da to the same places of `slopes`.
#[inline(always)]
pub(crate) fn activate_rows_with_slopes<S: Simd>(
    simd: S,
    activation: Activation,
    rows: &mut [f32],
    slopes: &mut [f32],
    stride: usize,
    width: usize,
) {
    assert_eq!(rows.len(), slopes.len(), "a slope for each number");
    let (place, slopes) = (rows.as_mut_ptr(), slopes.as_mut_ptr());
    with_constant!(simd, Activation: activation, ACTIVATION => for_four_vectors::<S>(
        rows.len(),
        stride,
        width,
        #[inline(always)]
        |places| {
            // SAFETY: `for_four_vectors` gives places at which a whole vector lies in slices of this length.
            unsafe {
                let a = load_four(simd, place, places);
                let (z, slope) = activate_with_slope_lanes(Quad(simd), ACTIVATION, a);
                store_four(simd, z, place, places);
                store_four(simd, slope, slopes, places);
            }
        },
        #[inline(always)]
        |at| {
            // SAFETY: as above.
            unsafe {
                let (z, slope) = activate_with_slope_lanes(simd, ACTIVATION, simd.load_from(place.add(at)));
                simd.store_to(z, place.add(at));
                simd.store_to(slope, slopes.add(at));
            }
        },
    ))
}

/// # Safety
/// At each place there must be a vector to be read.
#[inline(always)]
unsafe fn load_four<S: Simd>(simd: S, from: *const f32, [a, b, c, d]: [usize; 4]) -> QuadVector<S::Vector> {
    // SAFETY: the caller's.
    unsafe {
        QuadVector([
            simd.load_from(from.add(a)),
            simd.load_from(from.add(b)),
            simd.load_from(from.add(c)),
            simd.load_from(from.add(d)),
        ])
    }
}

/// # Safety
/// At each place there must be room for a vector.
#[inline(always)]
unsafe fn store_four<S: Simd>(simd: S, vectors: QuadVector<S::Vector>, to: *mut f32, places: [usize; 4]) {
    let mut i = 0;
    while i < 4 {
        // SAFETY: the caller's.
        unsafe { simd.store_to(vectors.0[i], to.add(places[i])) };
        i += 1;
    }
}

/// `z[i]` = the activation of `a[i]`.
///
/// # Panics
/// If the slices differ in length.
pub fn activate(level: Level, activation: Activation, a: &[f32], z: &mut [f32]) {
    dispatch!(level, simd => with_constant!(simd, Activation: activation, ACTIVATION => map(simd, a, z, #[inline(always)] |a| {
        activate_lanes(simd, ACTIVATION, a)
    })))
}

/// `slopes[i]` = dz/da at the preactivation `a[i]`, for step 3 of backpropagation.
///
/// # Panics
/// If the slices differ in length.
pub fn derivative(level: Level, activation: Activation, a: &[f32], slopes: &mut [f32]) {
    dispatch!(level, simd => with_constant!(simd, Activation: activation, ACTIVATION => map(
        simd,
        a,
        slopes,
        #[inline(always)]
        |a| activate_with_slope_lanes(simd, ACTIVATION, a).1,
    )))
}

/// `delta[i] *= dz/da`, found from `z[i]` as `slope` says: step 3 of backpropagation, after the sum over the next layer.
///
/// # Panics
/// If the slices differ in length.
pub fn multiply_by_derivative(level: Level, slope: Slope, z: &[f32], delta: &mut [f32]) {
    dispatch!(level, simd => with_constant!(simd, Slope: slope, SLOPE => update(simd, delta, z, #[inline(always)] |delta, z| {
        delta * derivative_lanes(simd, SLOPE, z)
    })))
}
