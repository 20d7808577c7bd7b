//! Dropout: in training, each unit of a hidden layer is kept with probability 1 - rate and then multiplied by
//! 1 / (1 - rate), or else is 0 (N. Srivastava and others 2014, "inverted", so that predictions need no change).
//!
//! Whether a unit is kept is a function of the seed, the step, the sample's position in its minibatch, the layer and the
//! unit, and of nothing else: whoever computes a sample finds the same units. A generator of a stream, such as ChaCha8, would
//! make its numbers in blocks, most of which a small layer would throw away; so they are the hash of a counter.
//!
//! - `scramble`, the last steps of SplitMix64 (G. Steele, D. Lea and C. Flood 2014), makes a key of 64 bits for each seed,
//!   step, layer and position.
//! - [`Simd::uniform`] makes a number in 0..1 of a key and a unit, in each lane. The unit is kept
//!   if that is not below the rate.

use crate::simd::{Simd, Vector};

/// Multiplier of the first round of [`Simd::uniform`].
pub(crate) const FIRST_MULTIPLIER: u32 = 0x7feb_352d;
/// Multiplier of its second round.
pub(crate) const SECOND_MULTIPLIER: u32 = 0x846c_a68b;
/// What its words, less their last 8 bits, are multiplied by.
pub(crate) const UNIT: f32 = 1.0 / (1 << 24) as f32;

/// What makes the key of the next counter: 2^64 divided by the golden ratio, an odd number.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Which units the samples of one step keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    rate: f32,
    /// What units that are kept are multiplied by.
    scale: f32,
    key: u64,
}

impl Dropout {
    /// The dropout of step `step` in a training with this seed. `rate` is the probability that a unit is dropped.
    ///
    /// # Panics
    /// If `rate` is not in 0..1.
    pub fn new(rate: f32, seed: u64, step: u64) -> Self {
        assert!((0.0..1.0).contains(&rate), "a rate of dropout is at least 0 and less than 1");
        let scale = (1.0 / (1.0 - f64::from(rate))) as f32;
        Dropout { rate, scale, key: keyed(scramble(seed), step) }
    }

    /// The dropout in hidden layer `layer`, counted from 1, of the samples from position `first` in the minibatch on.
    #[inline(always)]
    pub fn of_layer(self, layer: usize, first: usize) -> LayerDropout {
        LayerDropout { dropout: Dropout { key: keyed(self.key, layer as u64), ..self }, first }
    }
}

/// Which units of one layer some samples keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerDropout {
    /// With the key of the layer.
    dropout: Dropout,
    first: usize,
}

impl LayerDropout {
    /// What the units are multiplied by for sample `sample`, counted from 0 for the first one.
    #[inline(always)]
    pub fn of_sample(self, sample: usize) -> UnitFactors {
        let Dropout { rate, scale, key } = self.dropout;
        let key = keyed(key, (self.first + sample) as u64);
        UnitFactors { rate, scale, key: [key as u32, (key >> 32) as u32] }
    }
}

/// What each unit of one layer is multiplied by, for one sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitFactors {
    rate: f32,
    scale: f32,
    key: [u32; 2],
}

impl UnitFactors {
    /// The factors of as many units, from `first` (counted from 0) on, as a vector has lanes.
    #[inline(always)]
    pub fn lanes<S: Simd>(self, simd: S, first: usize) -> S::Vector {
        let uniform = simd.uniform(self.key, first as u32);
        uniform.if_less(simd.splat(self.rate), simd.splat(0.0), simd.splat(self.scale))
    }

    /// The factor of unit `unit`, counted from 0.
    pub fn of_unit(self, unit: usize) -> f32 {
        if crate::reference::uniform(self.key, unit as u32) < self.rate { 0.0 } else { self.scale }
    }
}

/// The key with number `number` among those that a key makes.
#[inline(always)]
fn keyed(key: u64, number: u64) -> u64 {
    scramble(key.wrapping_add(number.wrapping_add(1).wrapping_mul(GOLDEN)))
}

/// A bijection of the numbers of 64 bits in which every bit of the result depends on all bits.
#[inline(always)]
fn scramble(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Level, dispatch};

    /// The masks are part of what a seed means: these figures must never change.
    #[test]
    fn masks_are_fixed() {
        let mask = |dropout: Dropout, layer, position| -> String {
            let factors = dropout.of_layer(layer, 0).of_sample(position);
            (0..32).map(|unit| if factors.of_unit(unit) == 0.0 { '.' } else { '#' }).collect()
        };
        let of_seed_7 = Dropout::new(0.5, 7, 3);
        assert_eq!([mask(of_seed_7, 1, 0), mask(of_seed_7, 1, 1), mask(of_seed_7, 2, 0)], MASKS_OF_SEED_7);
        assert_eq!(of_seed_7.of_layer(1, 0).of_sample(0).key, KEY_OF_SEED_7);
        assert_eq!(Dropout::new(0.2, 0, 0).of_layer(1, 0).of_sample(0).of_unit(0), FACTOR_OF_SEED_0);
    }

    const MASKS_OF_SEED_7: [&str; 3] =
        ["###....#.###..##.#####.#########", "#######.##..##..#.#..###.##..###", "..##.#.#.#.###...##.#..#..##.##."];
    const FACTOR_OF_SEED_0: f32 = 1.25;
    const KEY_OF_SEED_7: [u32; 2] = [1_274_025_005, 2_317_914_682];

    #[test]
    fn every_level_has_the_same_masks() {
        let factors = Dropout::new(0.3, 9, 5).of_layer(2, 70).of_sample(7);
        // A unit whose number is the rate itself is kept: below the rate, a unit is dropped.
        let factors = UnitFactors { rate: crate::reference::uniform(factors.key, 41), ..factors };
        assert!(factors.of_unit(41) == factors.scale && factors.rate < 1.0);
        let expected: Vec<f32> = (0..96).map(|unit| factors.of_unit(unit)).collect();
        for level in Level::available() {
            let mut found = vec![0.0; 96];
            dispatch!(level, simd => every_lane(simd, factors, &mut found));
            assert_eq!(found, expected, "level {level}");
        }
    }

    #[inline(always)]
    fn every_lane<S: Simd>(simd: S, factors: UnitFactors, found: &mut [f32]) {
        for (chunk, lanes) in found.chunks_exact_mut(S::LANES).enumerate() {
            simd.store(factors.lanes(simd, chunk * S::LANES), lanes);
        }
    }

    /// Units are dropped at the rate, and independently of each other, of other samples, layers, steps and seeds: within four
    /// standard deviations.
    #[test]
    fn units_are_dropped_independently() {
        let (rate, units, samples) = (0.25, 64, 2000);
        let is_dropped = |[seed, step, layer, position, unit]: [usize; 5]| {
            let dropout = Dropout::new(rate, seed as u64, step as u64);
            dropout.of_layer(layer, 0).of_sample(position).of_unit(unit) == 0.0
        };
        // How far the partner of a unit is away, in the same order. Both are dropped with a probability of 1/16.
        let partners: [(&str, [usize; 5]); 6] = [
            ("unit", [0, 0, 0, 0, 1]),
            ("distant unit", [0, 0, 0, 0, 64]),
            ("sample", [0, 0, 0, 1, 0]),
            ("layer", [0, 0, 1, 0, 0]),
            ("step", [0, 1, 0, 0, 0]),
            ("seed", [1, 0, 0, 0, 0]),
        ];
        let cells = || (0..samples).flat_map(|sample| (0..units).map(move |unit| (sample, unit)));
        let count = (units * samples) as f64;
        let dropped = cells().filter(|(sample, unit)| is_dropped([1, 1, 1, *sample, *unit])).count() as f64;
        assert!((dropped / count - 0.25).abs() < 4.0 * (0.25 * 0.75 / count).sqrt(), "{dropped} of {count}");
        for (what, [seed, step, layer, sample, unit]) in partners {
            let both = cells().filter(|(s, u)| {
                is_dropped([1, 1, 1, *s, *u]) && is_dropped([1 + seed, 1 + step, 1 + layer, s + sample, u + unit])
            });
            let dropped = both.count() as f64;
            let deviation = (1.0 / 16.0 * 15.0 / 16.0 / count).sqrt();
            // Neighbouring pairs overlap: their count varies by somewhat more.
            assert!((dropped / count - 1.0 / 16.0).abs() < 6.0 * deviation, "{what}: {dropped} of {count}");
        }
    }
}
