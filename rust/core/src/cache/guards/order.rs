//! The same words in another order: "from euros to dollars".

use super::words::Words;

/// Words around which two sides can change places.
const HINGES: [&str; 16] =
    ["to", "from", "into", "than", "over", "before", "after", "versus", "vs", "by", "of", "in", "for", "minus", "instead", "not"];

/// Says that equal words stand in another order around a word that gives the order a meaning.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let list = |words: &Words| words.all.iter().map(|word| word.lower.clone()).collect::<Vec<_>>();
    let (mut a, mut b) = (list(cached), list(new));
    if a.len() != b.len() || a == b || !a.iter().any(|word| HINGES.contains(&word.as_str())) {
        return None;
    }
    a.sort_unstable();
    b.sort_unstable();
    (a == b).then(|| "word order differs: the same words around another direction".to_owned())
}
