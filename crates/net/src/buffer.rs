//! Memory for numbers that starts at a cache line.

use std::ops::{Deref, DerefMut};

/// A slice of numbers, zero at first, that starts at a multiple of 64 bytes, so that no vector straddles a cache line.
#[derive(Debug)]
pub(crate) struct Buffer {
    numbers: Vec<f32>,
    start: usize,
    length: usize,
}

const LINE_BYTES: usize = 64;
const LINE_NUMBERS: usize = LINE_BYTES / size_of::<f32>();

impl Buffer {
    pub(crate) fn zeros(length: usize) -> Self {
        let numbers = vec![0.0; length + LINE_NUMBERS - 1];
        // If the offset cannot be told, any start serves: alignment is for speed alone.
        let start = numbers.as_ptr().align_offset(LINE_BYTES).min(LINE_NUMBERS - 1);
        Buffer { numbers, start, length }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        let mut buffer = Buffer::zeros(self.length);
        buffer.copy_from_slice(self);
        buffer
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers[self.start..][..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.length]
    }
}
