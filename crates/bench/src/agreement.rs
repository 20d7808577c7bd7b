//! Results against the specification.

use kernels::Level;

/// Panics, naming the level and the place, unless `found` is what `level` promises: the bits of `expected` where it fuses,
/// and else at most 16 rounding errors away for each of the `steps` of the longest chain.
pub fn assert_agrees(level: Level, what: &str, found: &[f32], expected: &[f32], steps: usize) {
    assert_eq!(found.len(), expected.len(), "{what} at level {level}");
    let tolerance = if level.is_fused() { 0.0 } else { 16.0 * f32::EPSILON * (steps + 8) as f32 };
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let agrees = found.to_bits() == expected.to_bits()
            || (found - expected).abs() <= tolerance * expected.abs().max(1.0) && !level.is_fused();
        assert!(agrees, "{what} at level {level}, place {place}: {found:e}, but the specification says {expected:e}");
    }
}
