//! Word lists: one is looked through where it is short, several at once through an index.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use ahash::RandomState;

use super::words::Words;

/// Whether a list of words between spaces has the word.
pub fn listed(list: &str, word: &str) -> bool {
    !word.is_empty() && list.as_bytes().split(|byte| *byte == b' ').any(|other| other == word.as_bytes())
}

/// A list that is looked through often: its index is made at the first look.
#[derive(Debug)]
pub struct List {
    words: &'static str,
    index: OnceLock<HashSet<&'static str, RandomState>>,
}

impl List {
    /// Words between spaces.
    pub const fn of(words: &'static str) -> Self {
        Self { words, index: OnceLock::new() }
    }

    /// Its words in order.
    pub fn all(&self) -> impl Iterator<Item = &'static str> {
        self.words.split_whitespace()
    }

    /// Whether it has the word.
    pub fn has(&self, word: &str) -> bool {
        let index = || {
            let mut all = HashSet::with_hasher(hasher());
            all.extend(self.all());
            all
        };
        self.index.get_or_init(index).contains(word)
    }
}

/// A table for words of the program's own text.
pub fn table<V>() -> HashMap<&'static str, V, RandomState> {
    HashMap::with_hasher(hasher())
}

/// Fixed seeds: nobody else chooses these words.
pub fn hasher() -> RandomState {
    RandomState::with_seeds(1, 2, 3, 4)
}

/// Up to sixteen lists; each word gives those that have it, as bits.
#[derive(Debug)]
pub struct Lists(HashMap<&'static str, u16, RandomState>);

impl Lists {
    /// The first list is bit 0.
    pub fn of(lists: impl IntoIterator<Item = &'static str>) -> Self {
        let mut all: HashMap<&'static str, u16, RandomState> = table();
        for (at, list) in lists.into_iter().enumerate() {
            for word in list.split_whitespace() {
                *all.entry(word).or_default() |= 1 << at;
            }
        }
        Self(all)
    }

    /// The lists that have a word.
    pub fn with(&self, word: &str) -> u16 {
        self.0.get(word).copied().unwrap_or_default()
    }

    /// The lists that have some word of a text.
    pub fn with_any(&self, words: &Words) -> u16 {
        words.all.iter().fold(0, |found, word| found | self.with(&word.lower))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_only() {
        for (word, has) in [("an", true), ("and", false), ("a", false), ("", false), ("an or", false), ("or", true)] {
            assert_eq!((listed(" an or ", word), List::of(" an or ").has(word)), (has, has), "{word}");
        }
    }

    #[test]
    fn a_word_may_be_in_several_lists() {
        let lists = Lists::of([" a b ", " b c "]);
        assert_eq!((lists.with("a"), lists.with("b"), lists.with("c"), lists.with("d")), (1, 3, 2, 0));
        assert_eq!(lists.with_any(&Words::of("so c it is, a")), 3);
    }
}
