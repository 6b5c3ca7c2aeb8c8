//! An odd number of negations against an even one.

use super::words::Words;

const NEGATIONS: [&str; 28] = [
    "not", "no", "never", "none", "nobody", "nothing", "nowhere", "neither", "nor", "without", "cannot", "cant", "dont",
    "doesnt", "isnt", "wont", "wouldnt", "shouldnt", "except", "unless", "nicht", "kein", "keine", "ohne", "nie", "pas",
    "jamais", "nunca",
];

/// Says that one text denies what the other states.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (count(cached), count(new));
    (a % 2 != b % 2).then(|| format!("negation differs: {a} against {b} negating words"))
}

fn count(words: &Words) -> usize {
    words.all.iter().filter(|word| NEGATIONS.contains(&word.lower.as_str()) || word.lower.ends_with("n't")).count()
}
