//! Which words are common: those that a vocabulary learned from text in many languages holds as one token.
//!
//! # Source
//! A set of bits with two places per word (Bloom 1970, "Space/time trade-offs in hash coding with allowable errors"): 256 KiB stay in
//! the caches, where the vocabulary itself would not; some 1 % of rare words are taken for common ones.

use std::sync::LazyLock;

use crate::tokens::{Vocabulary, ranks};

/// Bits of the set, as a power of two.
const SIZE: u32 = 21;

static COMMON: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let mut bits = vec![0; 1 << (SIZE - 6)];
    for word in ranks(Vocabulary::O200k).into_iter().filter_map(|token| token.strip_prefix(b" ")) {
        for (block, bit) in places(hash(word)) {
            bits[block] |= bit;
        }
    }
    bits
});

/// The common words, read once in a process (some 10 ms).
pub fn words() -> &'static [u64] {
    &COMMON
}

/// Whether the word with this hash is common.
pub fn holds(words: &[u64], hash: u64) -> bool {
    places(hash).into_iter().all(|(block, bit)| words[block] & bit != 0)
}

/// Two blocks and bits: the upper bits of the mixed hash, and the bits below them.
fn places(hash: u64) -> [(usize, u64); 2] {
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    [mixed >> (64 - SIZE), mixed >> (64 - 2 * SIZE)].map(|place| {
        #[allow(clippy::cast_possible_truncation)] // masked to 21 bits
        let place = (place & ((1 << SIZE) - 1)) as usize;
        (place >> 6, 1 << (place & 63))
    })
}

/// FNV-1a of the bytes, ASCII letters folded.
pub fn hash(word: &[u8]) -> u64 {
    word.iter()
        .fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_everyday_text_are_common() {
        for word in ["people", "question", "responsibilities", "Straße", "люди"] {
            assert!(holds(words(), hash(word.as_bytes())), "{word}");
        }
        for word in ["perspicuity", "xylitolate", "zqwv", "supererogatory"] {
            assert!(!holds(words(), hash(word.as_bytes())), "{word}");
        }
    }

    #[test]
    fn few_rare_words_pass_for_common() {
        let passed = (0..10_000_u32).filter(|number| holds(words(), hash(format!("qz{number:05}").as_bytes()))).count();
        assert!(passed < 300, "{passed}");
    }
}
