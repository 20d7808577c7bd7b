//! What one core does with vectors: the kernels under `net`.
//!
//! # One arithmetic
//!
//! Every number is one chain of fused multiply-adds in index order, rounded once per step. Vectors run across outputs,
//! inputs or samples, never along a sum; tiles, tiers and threads decide who computes a number and when, never the order
//! of the additions inside it. So the scalar tier, AVX2 and AVX-512 give identical bits, and a minibatch gives the bits
//! of its samples taken one at a time. [`reference`](mod@reference) is the specification, in plain loops. The one
//! exception is the portable tier in a build without FMA ([`Level::is_fused`]).
//!
//! # One algorithm, four tiers
//!
//! A kernel is written once, generic over a token [`simd::Simd`] and its [`simd::Vector`]. A [`Level`] is such a token
//! chosen at run time; [`dispatch!`] is one `match` over it, and each arm runs the kernel in a function that has the
//! tier's target features.
//!
//! Why `#[inline(always)]` stands on every generic kernel and closure: a function that is *not* inlined into the one
//! with the features is compiled without them, and becomes ten times slower without a word. For the same reason kernels
//! use plain loops where an adapter such as `array::map` might stay outlined. `.ci/inlining` looks at the built code.
//!
//! # Where things live
//!
//! - [`level`]: which tiers the machine has. [`simd`]: the tokens and vectors; all `unsafe` of the vector layer.
//! - Elementwise: [`exp`](fn@exp), [`ln`](fn@ln), [`sigmoid`](fn@sigmoid), [`tanh`](fn@tanh), [`softplus`](fn@softplus),
//!   [`activation`], [`dropout`], [`optimizer`]. Over the units of an output: [`softmax`].
//! - One sample, weights in book order: [`matvec`](fn@matvec), [`matvec_transposed`](fn@matvec_transposed),
//!   [`outer_product`](fn@outer_product).
//! - A minibatch: [`matrix`].

#[allow(unsafe_code)]
pub mod activation;
mod cache;
pub mod dropout;
pub mod exp;
pub mod gelu;
pub mod level;
pub mod ln;
#[allow(unsafe_code)]
pub mod matrix;
#[allow(unsafe_code)]
pub mod matvec;
pub mod matvec_transposed;
pub mod optimizer;
pub mod outer_product;
pub mod reference;
pub mod sigmoid;
pub mod silu;
#[allow(unsafe_code)]
pub mod simd;
mod slice;
pub mod softmax;
pub mod softplus;
pub mod tanh;

pub use activation::{Activation, Slope, activate, derivative, multiply_by_derivative};
pub use dropout::{Dropout, LayerDropout};
pub use exp::exp;
pub use level::{LEVEL_VARIABLE, Level, LevelError};
pub use ln::ln;
pub use matvec::matvec;
pub use matvec_transposed::matvec_transposed;
pub use optimizer::{Rule, Sgd, Step, sgd_step, update_weights};
pub use outer_product::outer_product;
pub use sigmoid::sigmoid;
pub use slice::are_finite;
pub use softmax::shifted_exponentials;
pub use softplus::softplus;
pub use tanh::tanh;
