//! English words by what they mean: forms of one word, words for the same, words for the opposite.
//!
//! # Source
//! `lexicon.txt`, written by `training/lexicon.py` from WordNet 3.0 and all-MiniLM-L6-v2: one word a line, sorted by bytes, with
//! its synonyms and its opposites. It is searched as it lies; nothing is built at start.

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
    word: String,
    same: &'static str,
    opposite: &'static str,
}

impl Forms {
    /// Looks a word up, in lower case.
    pub fn of(word: &str) -> Self {
        let bases = bases(word);
        let degrees = ["er", "est"].map(|degree| positives(word, degree).into_iter().map(based).collect());
        Self { known: bases.iter().any(|base| known(base)), bases: bases.into_iter().map(based).collect(), degrees }
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

fn based(word: String) -> Base {
    let (same, opposite) = row(&word).unwrap_or_default();
    Base { word, same, opposite }
}

/// Whether the table has the word as it is written.
pub fn known(word: &str) -> bool {
    row(word).is_some()
}

fn bases(word: &str) -> Vec<String> {
    let mut found = vec![word.to_owned()];
    for (ending, instead) in ENDINGS {
        let Some(rest) = word.strip_suffix(ending) else { continue };
        found.extend(Some(format!("{rest}{instead}")).filter(|base| base.len() >= SHORTEST && known(base)));
        found.extend(undoubled(rest).filter(|_| ending == "ed" || ending == "ing"));
    }
    found
}

fn positives(word: &str, degree: &str) -> Vec<String> {
    let endings = DEGREES.iter().filter(|(ending, _)| ending.ends_with(degree));
    let rests = endings.filter_map(|(ending, instead)| word.strip_suffix(ending).map(|rest| (rest, instead)));
    let all = rests.flat_map(|(rest, instead)| Some(format!("{rest}{instead}")).into_iter().chain(undoubled(rest)));
    all.filter(|positive| known(positive)).collect()
}

/// "stopp" of "stopping" is "stop".
fn undoubled(rest: &str) -> Option<String> {
    let mut ends = rest.chars().rev();
    let doubled = ends.next().is_some_and(|last| last.is_ascii_alphabetic() && ends.next() == Some(last));
    let short = rest.get(..rest.len().saturating_sub(1)).filter(|short| doubled && known(short))?;
    Some(short.to_owned())
}

fn listed(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|other| other == word)
}

/// Synonyms and opposites of a word, by halving the table.
fn row(word: &str) -> Option<(&'static str, &'static str)> {
    if word.is_empty() {
        return None;
    }
    let (mut low, mut high) = (0, TABLE.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let start = TABLE.as_bytes()[low..middle].iter().rposition(|byte| *byte == b'\n').map_or(low, |at| low + at + 1);
        let end = TABLE.as_bytes()[start..].iter().position(|byte| *byte == b'\n').map_or(TABLE.len(), |at| start + at);
        let line = TABLE.get(start..end)?;
        let (head, rest) = line.split_once('\t').unwrap_or((line, ""));
        match head.cmp(word) {
            std::cmp::Ordering::Equal => return Some(rest.split_once('\t').unwrap_or((rest, ""))),
            std::cmp::Ordering::Less => low = end + 1,
            std::cmp::Ordering::Greater => high = start,
        }
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
