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
