//! The activation functions of hidden layers, and their derivatives as functions of the postactivation z.

use std::fmt;
use std::str::FromStr;

use crate::dispatch;
use crate::level::Level;
use crate::sigmoid::sigmoid_lanes;
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
}

impl Activation {
    /// All of them.
    pub const ALL: [Activation; 3] = [Activation::Sigmoid, Activation::Tanh, Activation::Relu];

    fn name(self) -> &'static str {
        match self {
            Activation::Sigmoid => "sigmoid",
            Activation::Tanh => "tanh",
            Activation::Relu => "relu",
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
        write!(formatter, "there is no activation '{}', only sigmoid, tanh and relu", self.0)
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
    }
}

/// dz/da of each lane, from z.
#[inline(always)]
pub(crate) fn derivative_lanes<S: Splat>(simd: S, activation: Activation, z: S::Vector) -> S::Vector {
    let one = simd.splat(1.0);
    match activation {
        Activation::Sigmoid => z * (one - z),
        Activation::Tanh => one - z * z,
        Activation::Relu => simd.splat(0.0).if_less(z, one, simd.splat(0.0)),
    }
}

/// Calls a closure that takes the activation with a constant, so that the loop in it has no branch.
macro_rules! with_constant {
    ($activation:expr, $constant:ident => $body:expr) => {
        match $activation {
            $crate::Activation::Sigmoid => {
                const $constant: $crate::Activation = $crate::Activation::Sigmoid;
                $body
            }
            $crate::Activation::Tanh => {
                const $constant: $crate::Activation = $crate::Activation::Tanh;
                $body
            }
            $crate::Activation::Relu => {
                const $constant: $crate::Activation = $crate::Activation::Relu;
                $body
            }
        }
    };
}

pub(crate) use with_constant;

/// Replaces the preactivations of rows that are `stride` apart, `width` vectors of each, by their postactivations.
#[inline(always)]
pub(crate) fn activate_rows<S: Simd>(simd: S, activation: Activation, rows: &mut [f32], stride: usize, width: usize) {
    let place = rows.as_mut_ptr();
    with_constant!(activation, ACTIVATION => for_four_vectors::<S>(
        rows.len(),
        stride,
        width,
        #[inline(always)]
        |[a, b, c, d]| {
            // SAFETY: `for_four_vectors` gives places at which a whole vector lies in a slice of this length.
            unsafe {
                let load = [
                    simd.load_from(place.add(a)),
                    simd.load_from(place.add(b)),
                    simd.load_from(place.add(c)),
                    simd.load_from(place.add(d)),
                ];
                let [z_a, z_b, z_c, z_d] = activate_lanes(Quad(simd), ACTIVATION, QuadVector(load)).0;
                simd.store_to(z_a, place.add(a));
                simd.store_to(z_b, place.add(b));
                simd.store_to(z_c, place.add(c));
                simd.store_to(z_d, place.add(d));
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

/// `z[i]` = the activation of `a[i]`.
///
/// # Panics
/// If the slices differ in length.
pub fn activate(level: Level, activation: Activation, a: &[f32], z: &mut [f32]) {
    dispatch!(level, simd => with_constant!(activation, ACTIVATION => map(simd, a, z, #[inline(always)] |a| {
        activate_lanes(simd, ACTIVATION, a)
    })))
}

/// `delta[i] *= dz/da` at the postactivation `z[i]`: step 3 of backpropagation, after the sum over the next layer.
///
/// # Panics
/// If the slices differ in length.
pub fn multiply_by_derivative(level: Level, activation: Activation, z: &[f32], delta: &mut [f32]) {
    dispatch!(level, simd => with_constant!(activation, ACTIVATION => update(simd, delta, z, #[inline(always)] |delta, z| {
        delta * derivative_lanes(simd, ACTIVATION, z)
    })))
}
