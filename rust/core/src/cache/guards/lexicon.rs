//! English words by what they mean: forms of one word, words for the same, words for the opposite.
//!
//! # Source
//! `lexicon.txt`, written by `training/lexicon.py` from WordNet 3.0 and all-MiniLM-L6-v2: one word a line, sorted by bytes, with
//! its synonyms and its opposites. It stays as it lies; the first look-up builds an index of places, 256 KiB in about a millisecond.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::lists::listed;

const TABLE: &str = include_str!("lexicon.txt");
/// Endings and what takes their place in the base form.
const ENDINGS: [(&str, &str); 12] = [
    ("ily", "y"),
    ("ly", ""),
    ("'s", ""),
    ("ies", "y"),
    ("ied", "y"),
    ("es", ""),
    ("s", ""),
    ("ed", ""),
    ("ed", "e"),
    ("ing", ""),
    ("ing", "e"),
    ("lled", "l"),
];
/// Comparative and superlative endings; words compare only within one degree.
const DEGREES: [(&str, &str); 6] = [("iest", "y"), ("est", ""), ("est", "e"), ("ier", "y"), ("er", ""), ("er", "e")];
const SHORTEST: usize = 3;

/// What the table knows of one word, looked up once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forms {
    /// The word and the known words that it may be a form of, with what means the same and what the opposite.
    bases: Vec<Base>,
    /// The same for the positive of a comparative, then of a superlative.
    degrees: [Vec<Base>; 2],
    /// Whether the word or a base of it is in the table.
    pub known: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    word: Cow<'static, str>,
    same: &'static str,
    opposite: &'static str,
}

impl Forms {
    /// Looks a word up, in lower case.
    pub fn of(word: &str) -> Self {
        let bases = bases(word);
        // A base that is not borrowed from the table is not in it.
        let known = bases.iter().any(|base| matches!(base.word, Cow::Borrowed(_)));
        Self { known, bases, degrees: ["er", "est"].map(|degree| positives(word, degree)) }
    }

    /// Bytes beside the struct itself.
    pub fn bytes(&self) -> usize {
        let all = [&self.bases, &self.degrees[0], &self.degrees[1]];
        let own = |base: &Base| if let Cow::Owned(word) = &base.word { word.capacity() } else { 0 };
        all.into_iter().map(|bases| bases.capacity() * size_of::<Base>() + bases.iter().map(own).sum::<usize>()).sum()
    }

    /// Whether two words are forms of one word, or mean the same.
    pub fn same(&self, other: &Self) -> bool {
        self.related(other, |a, b| a.word == b.word || listed(a.same, &b.word))
    }

    /// Whether two words mean the opposite, directly or by a word that means the same as one of them.
    pub fn opposite(&self, other: &Self) -> bool {
        let against = |a: &Base, b: &Base| a.opposite.split_whitespace().any(|word| word == b.word || listed(b.same, word));
        self.related(other, |a, b| against(a, b) || against(b, a))
    }

    /// The word and the known words that it may be a form of.
    pub fn bases(&self) -> impl Iterator<Item = &str> {
        self.bases.iter().map(|base| base.word.as_ref())
    }

    /// Whether one of the words is a form of the given one.
    pub fn is_form(&self, word: &str) -> bool {
        self.bases.iter().any(|base| base.word == word)
    }

    /// Whether two words are forms of one word.
    pub fn shares(&self, other: &Self) -> bool {
        self.bases.iter().any(|base| other.is_form(&base.word))
    }

    /// Whether it holds for any base forms of two words, or for their positives if both have the same degree.
    fn related(&self, other: &Self, holds: impl Fn(&Base, &Base) -> bool) -> bool {
        let any = |left: &[Base], right: &[Base]| left.iter().any(|a| right.iter().any(|b| holds(a, b)));
        any(&self.bases, &other.bases) || self.degrees.iter().zip(&other.degrees).any(|(left, right)| any(left, right))
    }
}

/// A word of the table.
fn found(word: &str) -> Option<Base> {
    row(word).map(|(word, same, opposite)| Base { word: Cow::Borrowed(word), same, opposite })
}

/// Whether the table has the word as it is written.
pub fn known(word: &str) -> bool {
    row(word).is_some()
}

fn bases(word: &str) -> Vec<Base> {
    let unknown = || Base { word: Cow::Owned(word.to_owned()), same: "", opposite: "" };
    let mut all = vec![found(word).unwrap_or_else(unknown)];
    for (ending, instead) in ENDINGS {
        let Some(rest) = word.strip_suffix(ending) else { continue };
        if rest.len() + instead.len() >= SHORTEST {
            all.extend(joined(rest, instead));
        }
        if ending == "ed" || ending == "ing" {
            all.extend(undoubled(rest));
        }
    }
    all
}

fn positives(word: &str, degree: &str) -> Vec<Base> {
    if !word.ends_with(degree) {
        return Vec::new();
    }
    let endings = DEGREES.iter().filter(|(ending, _)| ending.ends_with(degree));
    let rests = endings.filter_map(|(ending, instead)| word.strip_suffix(ending).map(|rest| (rest, instead)));
    rests.flat_map(|(rest, instead)| joined(rest, instead).into_iter().chain(undoubled(rest))).collect()
}

/// The word of a stem and an ending, if the table has it.
fn joined(rest: &str, ending: &str) -> Option<Base> {
    if ending.is_empty() { found(rest) } else { found(&format!("{rest}{ending}")) }
}

/// "stopp" of "stopping" is "stop".
fn undoubled(rest: &str) -> Option<Base> {
    let mut ends = rest.chars().rev();
    let doubled = ends.next().is_some_and(|last| last.is_ascii_alphabetic() && ends.next() == Some(last));
    rest.get(..rest.len().saturating_sub(1)).filter(|_| doubled).and_then(found)
}

/// Places in the index; twice the lines of the table, so that a probe seldom meets another word.
const SLOTS: usize = 1 << 16;

/// The start of each line by its word: 1 more than the place in the table, 0 where there is none.
static INDEX: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let (mut index, mut at) = (vec![0; SLOTS], 0_u32);
    for line in TABLE.split_inclusive('\n') {
        let mut slot = slot(line.trim_end_matches('\n').split('\t').next().unwrap_or(line));
        while index[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        index[slot] = at + 1;
        at += u32::try_from(line.len()).unwrap_or(0);
    }
    index
});

/// Where the search for a word begins.
///
/// # Source
/// FNV-1a (Fowler, Noll, Vo 1991), folded.
fn slot(word: &str) -> usize {
    let hash = word.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 16 ^ hash) as usize % SLOTS
}

/// A word as it stands in the table, its synonyms and its opposites.
fn row(word: &str) -> Option<(&'static str, &'static str, &'static str)> {
    if word.is_empty() {
        return None;
    }
    let mut slot = slot(word);
    while let Some(start) = INDEX[slot].checked_sub(1) {
        let rest = TABLE.get(start as usize..)?;
        let behind = rest.as_bytes().get(word.len()).copied().unwrap_or(b'\n');
        if rest.starts_with(word) && matches!(behind, b'\t' | b'\n') {
            let line = rest.split('\n').next().unwrap_or(rest);
            let mut parts = line.splitn(3, '\t');
            return Some((parts.next()?, parts.next().unwrap_or(""), parts.next().unwrap_or("")));
        }
        slot = (slot + 1) % SLOTS;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_word_is_found() {
        let words: Vec<&str> = TABLE.lines().map(|line| line.split('\t').next().unwrap_or("")).collect();
        assert!(words.is_sorted() && words.len() > 20_000);
        assert!(words.iter().all(|word| known(word)));
        assert!(!known("") && !known("aaaaaa") && !known("zzzzzz") && !known("qwertyish"));
    }

    #[test]
    fn relations() {
        for (a, b, alike, opposed) in [
            ("repaired", "fixing", true, false),
            ("photo", "photographs", true, false),
            ("cancelled", "canceled", true, false),
            ("stopping", "stop", true, false),
            ("quickest", "fastest", true, false),
            ("quicker", "fastest", false, false),
            ("bought", "sells", false, true),
            ("largest", "smallest", false, true),
            ("arrives", "departed", false, true),
            ("monday", "tuesday", false, false),
            ("salmon", "chicken", false, false),
        ] {
            let (a, b) = (Forms::of(a), Forms::of(b));
            assert_eq!((a.same(&b), a.opposite(&b)), (alike, opposed), "{a:?} {b:?}");
            assert_eq!((b.same(&a), b.opposite(&a)), (alike, opposed), "{b:?} {a:?}");
        }
    }
}
