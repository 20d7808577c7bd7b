//! The vector layer: the [`Simd`] token of a tier and the [`Vector`] of numbers it computes with.
//!
//! A token is a proof. `Avx2` and `Avx512` have private contents and are made by run-time detection alone, so whoever
//! holds one may use the tier's instructions; and since a `Vector` is only ever made through a token, its operators
//! are safe as well. All `unsafe` of the vector layer stays in the tier files of this folder.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
mod quad;
mod scalar;
mod vector;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use portable::Portable;
pub(crate) use quad::{Quad, QuadVector};
pub use scalar::Scalar;
pub use vector::Vector;

mod sealed {
    /// Only this crate can implement it, and so [`Simd`](super::Simd).
    pub trait Tier {}
}

/// What an elementwise formula needs of a token: constants.
pub trait Splat: Copy {
    /// The numbers that the formula is computed for.
    type Vector: Vector;

    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::Vector;
}

/// The token of a SIMD tier: makes vectors, moves them to and from memory, and opens a function that is compiled with
/// the tier's instructions.
///
/// Its vectors are `LANES` single-precision numbers in one register (in two, for the portable tier on SSE2). The tiers of this
/// crate are all that there are: the unsafe code of the kernels relies on their constants.
pub trait Simd: sealed::Tier + Splat + Send + Sync + 'static {
    /// Numbers in one vector; divides [`PANEL`](crate::matrix::PANEL).
    const LANES: usize;

    /// Rows of the register tile: with [`TILE_VECTORS`](Self::TILE_VECTORS) it fills the register file, less the
    /// registers that hold the operands.
    const TILE_ROWS: usize;

    /// Rows of a tile of single vectors, where a row has no more of them.
    const SINGLE_TILE_ROWS: usize = Self::TILE_ROWS;

    /// Vectors in one row of the register tile.
    const TILE_VECTORS: usize;

    /// Rows, at most, of a tile as wide as a panel, which full tiles leave over. 0 if there is none.
    const WIDE_TILE_ROWS: usize = 0;

    /// Steps of a chain along units after which a tile puts its sums down, and goes on with them later, where chains are long: what
    /// it reads in so many steps stays in the first-level cache while all tiles of a column read it.
    const STRETCH: usize;

    /// The same for longer chains, in a layer that is large (too large for the second-level cache beside all else) or not, on a
    /// machine with so many bytes of second-level cache (0 if that is not known).
    #[inline(always)]
    fn long_stretch(_is_large: bool, _second_level_bytes: usize) -> usize {
        Self::STRETCH
    }

    /// In how many steps a tile will read the row of B that it asks for now, in a chain along units; 0 if it does not ask, but
    /// leaves it to the core to foresee what it will read.
    const STEPS_AHEAD: usize = 0;

    /// Whether the loop of a tile takes four steps between two branches, so that a core has fewer instructions to fetch.
    const FOUR_STEPS: bool = false;

    /// The stretches of chains along samples, that are more than twice as long.
    const SAMPLE_STRETCH: usize;

    /// Whether the weights of the next stretch are fetched by instructions in large layers, not by the core alone.
    const FETCHES_AHEAD: bool;

    /// Runs `body` in a function of its own that has the tier's target features. `body` and every kernel below it must
    /// be `#[inline(always)]`, or it is compiled without them (see the essay in the crate's documentation).
    ///
    /// Where the caller has the features as well, a small `body` may be inlined all the same: rustc 1.95 drops
    /// `inline(never)` from functions with target features.
    fn vectorize<R>(self, body: impl FnOnce() -> R) -> R;

    /// The first `LANES` numbers of a slice. Panics if it is shorter.
    fn load(self, from: &[f32]) -> Self::Vector;

    /// The numbers of a slice shorter than a vector, then zeros. Panics if it is longer than `LANES`.
    fn load_partial(self, from: &[f32]) -> Self::Vector;

    /// Writes the vector to the first `LANES` places of a slice. Panics if it is shorter.
    fn store(self, vector: Self::Vector, to: &mut [f32]);

    /// Writes as many lanes as the slice has places. Panics if it is longer than `LANES`.
    fn store_partial(self, vector: Self::Vector, to: &mut [f32]);

    /// `LANES` numbers from `from` on.
    ///
    /// # Safety
    /// They must be readable.
    unsafe fn load_from(self, from: *const f32) -> Self::Vector;

    /// Writes `LANES` numbers from `to` on.
    ///
    /// # Safety
    /// They must be writable.
    unsafe fn store_to(self, vector: Self::Vector, to: *mut f32);

    /// Whether all lanes of four vectors lie in -bound..=bound; not if one is NaN. A tier to which the answer is worth less than
    /// it costs says no.
    #[inline(always)]
    fn are_within(self, _four: [Self::Vector; 4], _bound: f32) -> bool {
        false
    }

    /// Random numbers in 0..1, multiples of 2^-24: in lane i a hash of the key and of the number `first + i`, rounds of
    /// exclusive or with the word's own high bits and of multiplication (by C. Wellons's constants, 2018), with half of the
    /// key before each multiplication. [`reference::uniform`](crate::reference::uniform) has the formula.
    fn uniform(self, key: [u32; 2], first: u32) -> Self::Vector;

    /// Asks for the cache line of `place` in advance, which need not be valid.
    #[inline(always)]
    fn prefetch(self, _place: *const f32) {}

    /// Has the core ask for the cache line of `place` in advance, to write it: writes 0 there. A core must ask for each line that
    /// another core has read, one after the other, and can go on meanwhile as long as few of them wait; a hint does not help.
    ///
    /// # Safety
    /// `place` must be writable.
    #[inline(always)]
    unsafe fn claim(self, _place: *mut f32) {}

    /// The first four numbers of `LANES` rows, `stride` apart, as four columns: lane i belongs to row i.
    ///
    /// # Safety
    /// Four numbers of each row must be readable.
    unsafe fn four_columns(self, from: *const f32, stride: usize) -> [Self::Vector; 4];

    /// Transposes a square of `LANES` by `LANES` numbers: row i of `from` becomes column i of `to`. The strides are
    /// the distances between rows.
    ///
    /// # Safety
    /// `from` must be readable, and `to` writable, for `LANES` rows at their strides; they must not overlap.
    #[inline(always)]
    unsafe fn transpose(self, from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        let mut column = 0;
        while column < Self::LANES {
            // SAFETY: the caller vouches for the rows of both squares; LANES is a multiple of four, but for a tier of one lane,
            // which has a method of its own.
            unsafe {
                let columns = self.four_columns(from.add(column), from_stride);
                let mut of_four = 0;
                while of_four < 4 {
                    self.store_to(columns[of_four], to.add((column + of_four) * to_stride));
                    of_four += 1;
                }
            }
            column += 4;
        }
    }
}
