//! How many tokens a text has: byte-pair encoding with the o200k and cl100k vocabularies, in time linear in the text.
//!
//! # Source
//! The crate `bpe-openai` carries both vocabularies; equality with tiktoken's `encode_ordinary` is a test.

mod models;
mod whole;

pub use models::vocabulary_of;

use whole::WholeTokens;

/// The vocabularies that are inside the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Vocabulary {
    /// About 200,000 tokens: gpt-4o, gpt-4.1, gpt-5, the o series, gpt-oss.
    O200k,
    /// About 100,000 tokens: gpt-4, gpt-3.5, text-embedding-3.
    Cl100k,
}

impl Vocabulary {
    /// The tables, built at the first use in a process (tens of milliseconds) and shared from then on.
    fn tables(self) -> &'static bpe_openai::Tokenizer {
        match self {
            Self::O200k => bpe_openai::o200k_base(),
            Self::Cl100k => bpe_openai::cl100k_base(),
        }
    }
}

/// Counts the tokens of a text. Text that looks like a special token (`<|endoftext|>`) counts as ordinary text.
///
/// ```
/// use tierkit_core::tokens::{Vocabulary, count};
/// assert_eq!(count("hello world", Vocabulary::O200k), 2);
/// ```
pub fn count(text: &str, vocabulary: Vocabulary) -> usize {
    let tables = vocabulary.tables();
    let whole = WholeTokens::of(vocabulary);
    let tokens = |piece: &str| if whole.contains(piece.as_bytes()) { 1 } else { tables.bpe.count(piece.as_bytes()) };
    tables.split(text).map(tokens).sum()
}

/// The bytes of every token of a vocabulary; the position is the rank. For tests against another implementation.
pub fn ranks(vocabulary: Vocabulary) -> Vec<&'static [u8]> {
    let bpe = &vocabulary.tables().bpe;
    (0..u32::try_from(bpe.num_tokens()).unwrap_or(u32::MAX)).map(|rank| bpe.token_bytes(rank)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_counts() {
        assert_eq!(count("", Vocabulary::O200k), 0);
        assert_eq!(count("tiktoken is great!", Vocabulary::Cl100k), 6);
        assert_eq!(count("<|endoftext|>", Vocabulary::Cl100k), 7);
        assert_eq!(ranks(Vocabulary::Cl100k).len(), 100_256);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// A token is at least one byte, and two texts joined never cost more than a token per byte.
        #[test]
        fn never_more_than_bytes(text in "\\PC{0,200}") {
            for vocabulary in [Vocabulary::O200k, Vocabulary::Cl100k] {
                let tokens = count(&text, vocabulary);
                prop_assert!(tokens <= text.len());
                prop_assert_eq!(tokens == 0, text.is_empty());
            }
        }
    }
}
