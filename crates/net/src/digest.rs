//! Digests: numbers that tell whether bytes are still the same.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of some bytes (FIPS 180-4). Displayed as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Hexadecimal digits of a digest.
    pub const DIGITS: usize = 64;

    /// The digest of these pieces, one after the other as if they were one.
    pub fn of<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Digest {
        let mut digester = Digester::default();
        pieces.into_iter().for_each(|piece| digester.bytes(piece));
        digester.digest()
    }
}

/// Makes a digest of bytes and numbers that come one after the other.
#[derive(Clone, Debug, Default)]
pub struct Digester(Sha256);

impl Digester {
    /// Takes bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Takes the bits of numbers, four bytes for each, the lowest one first.
    pub fn numbers(&mut self, numbers: &[f32]) {
        const AT_ONCE: usize = 1024;
        let mut bytes = [[0; 4]; AT_ONCE];
        for numbers in numbers.chunks(AT_ONCE) {
            bytes.iter_mut().zip(numbers).for_each(|(bytes, number)| *bytes = number.to_le_bytes());
            self.0.update(bytes[..numbers.len()].as_flattened());
        }
    }

    /// The digest of all that came.
    pub fn digest(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-4, the second in pieces.
    #[test]
    fn known_digests() {
        assert_eq!(
            Digest::of([&b"abc"[..]]).to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            Digest::of([&b"abcdbcdecdefdefgefgh"[..], b"", b"fghighijhijkijkljklmklmnlmnomnopnopq"]).to_string(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
    }
}
