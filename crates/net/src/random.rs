//! Random numbers whose stream is fixed for ever: ChaCha8, and the project's own mapping from its integers to floats and
//! permutations, so that a new version of a dependency changes no result.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A stream of random numbers: a function of a seed and of the number of the stream, and of nothing else.
#[derive(Clone, Debug)]
pub struct Random {
    generator: ChaCha8Rng,
    /// The next words of the stream, drawn at once: that is several times as fast as one by one.
    words: [u8; 4 * WORDS],
    /// How many of them are used up.
    used: usize,
}

/// Words drawn at once: four blocks of ChaCha, which the generator computes side by side.
const WORDS: usize = 64;

impl Random {
    /// Stream `stream` of `seed`. Different streams of one seed are independent.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(key);
        generator.set_stream(stream);
        Random { generator, words: [0; 4 * WORDS], used: WORDS }
    }

    /// The next word of the stream.
    #[inline]
    fn word(&mut self) -> u32 {
        if self.used == WORDS {
            self.refill();
        }
        let at = 4 * self.used;
        self.used += 1;
        u32::from_le_bytes([self.words[at], self.words[at + 1], self.words[at + 2], self.words[at + 3]])
    }

    /// Not inlined, so that a shuffle is a small loop.
    #[inline(never)]
    fn refill(&mut self) {
        self.generator.fill_bytes(&mut self.words);
        self.used = 0;
    }

    /// A number in 0..1, a multiple of 2^-24.
    pub fn unit(&mut self) -> f32 {
        (self.word() >> 8) as f32 * (1.0 / (1 << 24) as f32)
    }

    /// A whole number in 0..n, each with the same probability (D. Lemire 2019: the high half of a product with n, drawn
    /// again in the few cases that would favour some numbers).
    ///
    /// # Panics
    /// If n is 0.
    #[inline]
    pub fn below(&mut self, n: u32) -> u32 {
        assert!(n > 0, "no number is below 0");
        let mut product = u64::from(self.word()) * u64::from(n);
        if (product as u32) < n {
            let excess = n.wrapping_neg() % n;
            while (product as u32) < excess {
                product = u64::from(self.word()) * u64::from(n);
            }
        }
        (product >> 32) as u32
    }

    /// A permutation, each with the same probability (R. A. Fisher and F. Yates; R. Durstenfeld 1964).
    ///
    /// # Panics
    /// If there are 2^32 items or more.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        let count = u32::try_from(items.len()).expect("fewer than 2^32 items");
        for last in (1..count).rev() {
            items.swap(last as usize, self.below(last + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The streams are part of what a seed means: these figures must never change.
    #[test]
    fn streams_are_fixed() {
        let mut random = Random::new(7, 1);
        let drawn: Vec<u32> = (0..6).map(|_| random.below(1000)).collect();
        assert_eq!(drawn, STREAM_OF_SEED_7);
        let mut order: Vec<u8> = (0..8).collect();
        Random::new(7, 2).shuffle(&mut order);
        assert_eq!(order, SHUFFLE_OF_SEED_7);
        assert_eq!(Random::new(0, 0).unit(), UNIT_OF_SEED_0);
    }

    const STREAM_OF_SEED_7: [u32; 6] = [158, 934, 673, 281, 112, 963];
    const SHUFFLE_OF_SEED_7: [u8; 8] = [4, 3, 2, 1, 6, 7, 0, 5];
    const UNIT_OF_SEED_0: f32 = 0.187_240_6;

    #[test]
    fn below_is_even() {
        let mut counts = [0; 5];
        let mut random = Random::new(3, 0);
        for _ in 0..50_000 {
            counts[random.below(5) as usize] += 1;
        }
        // Four standard deviations of a count are 4 sqrt(50000 x 0.2 x 0.8) = 358.
        assert!(counts.iter().all(|count: &i32| (count - 10_000).abs() < 358), "{counts:?}");
        assert_eq!(random.below(1), 0);
    }
}
