//! Ids that sort by time: UUID version 7 (RFC 9562).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::segment::fork;

/// A source of ids, seeded by the operating system.
#[derive(Debug)]
pub struct Ids {
    seed: u64,
    count: AtomicU64,
    /// The process number as of so many forks, in the high half: asking the system for it takes as long as all the rest.
    process: AtomicU64,
}

/// A random number from the operating system, by way of the standard library's hash keys.
pub fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl Default for Ids {
    fn default() -> Self {
        Self { seed: random(), count: AtomicU64::new(random()), process: AtomicU64::new(u64::MAX) }
    }
}

impl Ids {
    /// The next id for an instant in nanoseconds since 1970.
    pub fn next(&self, wall_ns: i64) -> String {
        let millis = u64::try_from(wall_ns / 1_000_000).unwrap_or(0) & 0xFFFF_FFFF_FFFF;
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        // The process number keeps a forked child, which inherits seed and count, from repeating its parent.
        let own = self.seed ^ u64::from(self.process()).rotate_left(32);
        let (high, low) = (mix(own ^ count), mix(own.wrapping_add(count).rotate_left(17)));
        let head = millis << 16 | 0x7000 | high & 0xFFF;
        let tail = 1 << 63 | ((high >> 12) & 0x3FFF) << 48 | low & 0xFFFF_FFFF_FFFF;
        written(u128::from(head) << 64 | u128::from(tail))
    }

    fn process(&self) -> u32 {
        let (known, forks) = (self.process.load(Ordering::Relaxed), fork::forks() << 32);
        if known >> 32 << 32 != forks {
            self.process.store(forks | u64::from(std::process::id()), Ordering::Relaxed);
            return std::process::id();
        }
        u32::try_from(known & u64::from(u32::MAX)).unwrap_or_default()
    }
}

/// An id in groups of 8, 4, 4, 4 and 12 digits. By hand: every reservation makes one, and the formatter takes three times as long.
fn written(id: u128) -> String {
    let mut text = String::with_capacity(36);
    for (at, byte) in id.to_be_bytes().into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 0xF].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0')));
    }
    text
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuid_7_and_differ() {
        let ids = Ids::default();
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            let id = ids.next(1_767_225_600_123_000_000);
            assert!(id.len() == 36 && id.starts_with("019b76da-") && id.as_bytes().get(14) == Some(&b'7'), "{id}");
            assert!(seen.insert(id));
        }
    }
}
