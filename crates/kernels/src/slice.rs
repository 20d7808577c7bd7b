//! Elementwise kernels over slices: whole vectors, then one partial vector.

use crate::simd::Simd;

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

/// Calls `body` with the place of each of the first `width` vectors of rows that are `stride` apart, in a slice of `length`
/// numbers that ends with a whole row. Every place has room for a vector.
#[inline(always)]
pub(crate) fn for_each_vector<S: Simd>(length: usize, stride: usize, width: usize, mut body: impl FnMut(usize)) {
    assert!(width * S::LANES <= stride && length.is_multiple_of(stride), "the rows hold the vectors");
    // Plain loops: iterator adapters now and then stay outlined. Full rows follow each other without a gap.
    let (run, stride) = if width * S::LANES == stride { (length, length) } else { (width * S::LANES, stride) };
    let mut row = 0;
    while row < length {
        let mut at = row;
        while at < row + run {
            body(at);
            at += S::LANES;
        }
        row += stride;
    }
}
