//! The same words or names in another order: "from euros to dollars".

use super::words::Words;

/// Words around which two sides can change places.
const HINGES: [&str; 16] =
    ["to", "from", "into", "than", "over", "before", "after", "versus", "vs", "by", "of", "in", "for", "minus", "instead", "not"];

/// Says that equal words, or equal names, stand in another order around a word that gives the order a meaning.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let all = |words: &Words| words.all.iter().map(|word| word.lower.clone()).collect::<Vec<_>>();
    let names = |words: &Words| words.all.iter().filter(|word| word.is_name()).map(|word| word.lower.clone()).collect::<Vec<_>>();
    let hinged = HINGES.iter().any(|hinge| cached.has(hinge) && new.has(hinge));
    let turned = permuted(all(cached), all(new)) || permuted(names(cached), names(new));
    (hinged && turned).then(|| "word order differs: the same words in another direction".to_owned())
}

fn permuted(mut a: Vec<String>, mut b: Vec<String>) -> bool {
    if a.len() != b.len() || a == b {
        return false;
    }
    a.sort_unstable();
    b.sort_unstable();
    a == b
}
