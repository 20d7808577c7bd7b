//! Memory that is laid out as the networks of `net` keep theirs.

use std::ops::{Deref, DerefMut};

/// Numbers that start at a cache line.
pub struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    length: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn zeros(length: usize) -> Self {
        const LINE_BYTES: usize = 64;
        let numbers = vec![0.0; length + LINE_BYTES / size_of::<f32>()];
        Aligned { start: numbers.as_ptr().align_offset(LINE_BYTES), numbers, length }
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..][..self.length]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.length]
    }
}
