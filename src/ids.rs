//! The only source of chance: reference numbers, tokens and secrets.
//!
//! Chance comes from the operating system. A seed replaces it in tests, so that the same run gives
//! the same numbers; JOSE encryption draws from OpenSSL and stays random.

use std::sync::{Mutex, PoisonError};

use rand::rngs::{StdRng, SysRng};
use rand::{Rng as _, SeedableRng as _, TryRng as _};

/// Draws identifiers and secrets.
#[derive(Debug)]
pub struct Ids {
    source: Source,
}

#[derive(Debug)]
enum Source {
    System,
    Seeded(Box<Mutex<StdRng>>),
}

impl Ids {
    /// Chance from the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self {
            source: Source::System,
        }
    }

    /// A reproducible stream for tests. It starts from the journal's stored sequence so that a
    /// second run on one data folder does not repeat the first one's numbers.
    #[must_use]
    pub fn seeded(seed: u64, sequence: u64) -> Self {
        let mixed = seed ^ sequence.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self {
            source: Source::Seeded(Box::new(Mutex::new(StdRng::seed_from_u64(mixed)))),
        }
    }

    /// `N` bytes of chance.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&self, bytes: &mut [u8]) {
        match &self.source {
            Source::System => SysRng
                .try_fill_bytes(bytes)
                .expect("the operating system always gives random bytes"),
            Source::Seeded(rng) => {
                rng.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
            }
        }
    }

    /// 32 lower-case hex digits: 128 bits.
    #[must_use]
    pub fn hex_128(&self) -> String {
        hex(&self.bytes::<16>())
    }

    /// A random UUID (RFC 9562, version 4).
    #[must_use]
    pub fn uuid(&self) -> String {
        let mut bytes = self.bytes::<16>();
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let digits = hex(&bytes);
        format!(
            "{}-{}-{}-{}-{}",
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..]
        )
    }

    /// A number of exactly `count` decimal digits, leading zeros included.
    #[must_use]
    pub fn digits(&self, count: usize) -> String {
        // A byte modulo ten is a little uneven; these numbers are references, not secrets.
        let mut drawn = vec![0; count];
        self.fill(&mut drawn);
        drawn.iter().map(|byte| char::from(b'0' + byte % 10)).collect()
    }

    /// A short lower-case tag of letters and digits that are hard to confuse.
    #[must_use]
    pub fn tag(&self, length: usize) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        (0..length).map(|_| char::from(LETTERS[usize::from(self.bytes::<1>()[0] % 32)])).collect()
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)]);
        text.push(DIGITS[usize::from(byte & 0x0f)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_sequence_give_the_same_ids() {
        let first = Ids::seeded(7, 0);
        let second = Ids::seeded(7, 0);
        let later = Ids::seeded(7, 12);

        let drawn = first.uuid();

        assert_eq!(drawn, second.uuid());
        assert_ne!(drawn, later.uuid());
        assert_ne!(drawn, first.uuid());
    }

    #[test]
    fn ids_have_their_documented_shapes() {
        let ids = Ids::system();

        let uuid = ids.uuid();

        assert_eq!(ids.hex_128().len(), 32);
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(ids.digits(6).bytes().all(|digit| digit.is_ascii_digit()));
        assert_eq!(ids.tag(3).len(), 3);
    }
}
