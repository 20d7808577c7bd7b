//! Elementwise kernels over slices: whole vectors, then one partial vector.

use crate::dispatch;
use crate::level::Level;
use crate::simd::{QuadVector, Simd, Vector};

/// Whether no number is infinite or NaN.
pub fn are_finite(level: Level, numbers: &[f32]) -> bool {
    dispatch!(level, simd => are_finite_lanes(simd, numbers))
}

#[inline(always)]
fn are_finite_lanes<S: Simd>(simd: S, numbers: &[f32]) -> bool {
    // 0 x + y is y for finite x, and NaN for others, once and for all.
    let zero = simd.splat(0.0);
    let mut sums = [zero; 4];
    let whole = numbers.len() - numbers.len() % (4 * S::LANES);
    let mut at = 0;
    while at < whole {
        let mut i = 0;
        while i < 4 {
            sums[i] = zero.mul_add(simd.load(&numbers[at..]), sums[i]);
            at += S::LANES;
            i += 1;
        }
    }
    let mut lanes = [0.0; 16];
    simd.store(sums[0] + sums[1] + (sums[2] + sums[3]), &mut lanes);
    lanes.iter().chain(&numbers[whole..]).all(|number| number.is_finite())
}

/// `output[i] = f(input[i])`. Panics if the slices differ in length.
#[inline(always)]
pub(crate) fn map<S: Simd>(simd: S, input: &[f32], output: &mut [f32], f: impl Fn(S::Vector) -> S::Vector) {
    assert_eq!(input.len(), output.len(), "input and output differ in length");
    let whole = input.len() - input.len() % S::LANES;
    let (input, input_rest) = input.split_at(whole);
    let (output, output_rest) = output.split_at_mut(whole);
    for (from, to) in input.chunks_exact(S::LANES).zip(output.chunks_exact_mut(S::LANES)) {
        simd.store(f(simd.load(from)), to);
    }
    if !input_rest.is_empty() {
        simd.store_partial(f(simd.load_partial(input_rest)), output_rest);
    }
}

/// The same, four vectors in step as long as there are so many. Panics as [`map`].
#[inline(always)]
pub(crate) fn map_fours<S: Simd>(
    simd: S,
    input: &[f32],
    output: &mut [f32],
    of_four: impl Fn(QuadVector<S::Vector>) -> QuadVector<S::Vector>,
    of_one: impl Fn(S::Vector) -> S::Vector,
) {
    assert_eq!(input.len(), output.len(), "input and output differ in length");
    let fours = input.len() - input.len() % (4 * S::LANES);
    let (input, input_rest) = input.split_at(fours);
    let (output, output_rest) = output.split_at_mut(fours);
    for (from, to) in input.chunks_exact(4 * S::LANES).zip(output.chunks_exact_mut(4 * S::LANES)) {
        let load = |vector: usize| simd.load(&from[vector * S::LANES..]);
        let [a, b, c, d] = of_four(QuadVector([load(0), load(1), load(2), load(3)])).0;
        let mut store = |vector: usize, numbers| simd.store(numbers, &mut to[vector * S::LANES..]);
        store(0, a);
        store(1, b);
        store(2, c);
        store(3, d);
    }
    map(simd, input_rest, output_rest, of_one);
}

/// `place[i] = f(place[i], other[i])`. Panics if the slices differ in length.
#[inline(always)]
pub(crate) fn update<S: Simd>(
    simd: S,
    place: &mut [f32],
    other: &[f32],
    f: impl Fn(S::Vector, S::Vector) -> S::Vector,
) {
    assert_eq!(place.len(), other.len(), "the slices differ in length");
    let whole = place.len() - place.len() % S::LANES;
    let (place, place_rest) = place.split_at_mut(whole);
    let (other, other_rest) = other.split_at(whole);
    for (to, from) in place.chunks_exact_mut(S::LANES).zip(other.chunks_exact(S::LANES)) {
        let vector = f(simd.load(to), simd.load(from));
        simd.store(vector, to);
    }
    if !place_rest.is_empty() {
        let vector = f(simd.load_partial(place_rest), simd.load_partial(other_rest));
        simd.store_partial(vector, place_rest);
    }
}

/// Goes through the first `width` vectors of rows that are `stride` apart, in a slice of `length` numbers that ends with a
/// whole row: calls `four` with the places of four vectors at a time, and `one` with those that are left over. Every place
/// has room for a vector.
#[inline(always)]
pub(crate) fn for_four_vectors<S: Simd>(
    length: usize,
    stride: usize,
    width: usize,
    mut four: impl FnMut([usize; 4]),
    mut one: impl FnMut(usize),
) {
    assert!(width * S::LANES <= stride && length.is_multiple_of(stride), "the rows hold the vectors");
    // Full rows follow each other without a gap; otherwise, column by column.
    let is_full = width * S::LANES == stride;
    let (columns, step) = if is_full { (1, S::LANES) } else { (width, stride) };
    let mut column = 0;
    while column < columns {
        let mut at = column * S::LANES;
        while at + 3 * step < length {
            four([at, at + step, at + 2 * step, at + 3 * step]);
            at += 4 * step;
        }
        while at < length {
            one(at);
            at += step;
        }
        column += 1;
    }
}
