//! Which SIMD tier to use: detected at run time, chosen by the caller.

use std::fmt;
use std::str::FromStr;

#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512, Simd};
use crate::simd::{Portable, Scalar};

/// The environment variable that [`Level::from_environment`] reads.
pub const LEVEL_VARIABLE: &str = "BACKPROP_LEVEL";

/// A SIMD tier that this machine has, with the token that proves it.
///
/// A level is a plain value: an argument of every kernel and a field of whatever calls kernels, never a global.
///
/// ```
/// use kernels::Level;
///
/// let level = Level::best();
/// assert_eq!(level.to_string().parse::<Level>(), Ok(level));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// One lane: the baseline. On every machine.
    Scalar(Scalar),
    /// Eight lanes of the `wide` crate, with the instructions that the build was compiled for. On every machine.
    Portable(Portable),
    /// Eight lanes of AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// Sixteen lanes of AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Level {
    /// The names of all tiers, from the narrowest to the widest.
    pub const NAMES: [&str; 4] = ["scalar", "portable", "avx2", "avx512"];

    /// The fastest level of this machine.
    pub fn best() -> Level {
        *Level::available().last().expect("the scalar tier is on every machine")
    }

    /// The levels of this machine, from the slowest to the fastest.
    pub fn available() -> Vec<Level> {
        let levels = vec![Level::Scalar(Scalar::detect()), Level::Portable(Portable)];
        #[cfg(target_arch = "x86_64")]
        let levels = [levels, Avx2::detect().map(Level::Avx2).into_iter().collect()].concat();
        #[cfg(target_arch = "x86_64")]
        let levels = [levels, Avx512::detect().map(Level::Avx512).into_iter().collect()].concat();
        levels
    }

    /// The level that the environment variable [`LEVEL_VARIABLE`] names, or the best one where it is not set.
    ///
    /// # Errors
    /// If the variable names no level, or one that this machine does not have.
    pub fn from_environment() -> Result<Level, LevelError> {
        match std::env::var(LEVEL_VARIABLE) {
            Ok(name) => name.parse(),
            Err(std::env::VarError::NotPresent) => Ok(Level::best()),
            Err(std::env::VarError::NotUnicode(name)) => Err(LevelError::Unknown(name.to_string_lossy().into_owned())),
        }
    }

    /// Whether multiply-add rounds once, as the arithmetic contract wants. Levels that fuse agree in every bit.
    pub fn is_fused(self) -> bool {
        !matches!(self, Level::Portable(_)) || Portable::FUSED
    }

    /// The level to compute layers of at most `units` units at: AVX2 instead of AVX-512 where its vectors hold them all, since the
    /// other half of a wider one would be computed for nothing. The bits are the same.
    pub fn for_units(self, units: usize) -> Level {
        match self {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) if units <= Avx2::LANES => Avx2::detect().map_or(self, Level::Avx2),
            _ => self,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Level::Scalar(_) => Self::NAMES[0],
            Level::Portable(_) => Self::NAMES[1],
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => Self::NAMES[2],
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => Self::NAMES[3],
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(name: &str) -> Result<Level, LevelError> {
        let named = Level::available().into_iter().find(|level| level.name() == name);
        named.ok_or_else(|| match Self::NAMES.contains(&name) {
            true => LevelError::Absent(name.to_owned()),
            false => LevelError::Unknown(name.to_owned()),
        })
    }
}

/// Why a name gives no [`Level`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LevelError {
    /// There is no tier of this name.
    Unknown(String),
    /// There is such a tier, but this machine does not have it.
    Absent(String),
}

impl fmt::Display for LevelError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let available: Vec<_> = Level::available().iter().map(ToString::to_string).collect();
        let available = available.join(", ");
        match self {
            LevelError::Unknown(name) => {
                write!(formatter, "there is no SIMD level '{name}'; this machine has {available}")
            }
            LevelError::Absent(name) => write!(formatter, "this machine has no SIMD level '{name}', only {available}"),
        }
    }
}

impl std::error::Error for LevelError {}

/// Runs a kernel that is generic over [`Simd`](crate::simd::Simd) at a [`Level`]: `dispatch!(level, simd => kernel(simd,
/// ...))`.
///
/// One `match`; in each arm `simd` is the token of that tier, and the expression is compiled with the tier's
/// instructions. Every function in it that touches vectors must be `#[inline(always)]`.
#[macro_export]
macro_rules! dispatch {
    ($level:expr, $simd:ident => $body:expr) => {
        match $level {
            $crate::Level::Scalar($simd) => $crate::simd::Simd::vectorize(
                $simd,
                #[inline(always)]
                || $body,
            ),
            $crate::Level::Portable($simd) => $crate::simd::Simd::vectorize(
                $simd,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::Level::Avx2($simd) => $crate::simd::Simd::vectorize(
                $simd,
                #[inline(always)]
                || $body,
            ),
            #[cfg(target_arch = "x86_64")]
            $crate::Level::Avx512($simd) => $crate::simd::Simd::vectorize(
                $simd,
                #[inline(always)]
                || $body,
            ),
        }
    };
}
