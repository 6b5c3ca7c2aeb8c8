//! Words whose exchange turns a question round.

use super::words::Words;

const PAIRS: [(&str, &str); 85] = [
    ("enable", "disable"),
    ("on", "off"),
    ("open", "close"),
    ("opening", "closing"),
    ("start", "stop"),
    ("start", "end"),
    ("increase", "decrease"),
    ("increase", "reduce"),
    ("raise", "lower"),
    ("up", "down"),
    ("add", "remove"),
    ("add", "subtract"),
    ("add", "delete"),
    ("create", "delete"),
    ("insert", "delete"),
    ("install", "uninstall"),
    ("lock", "unlock"),
    ("buy", "sell"),
    ("buying", "selling"),
    ("max", "min"),
    ("maximum", "minimum"),
    ("maximize", "minimize"),
    ("most", "least"),
    ("more", "less"),
    ("more", "fewer"),
    ("best", "worst"),
    ("better", "worse"),
    ("good", "bad"),
    ("high", "low"),
    ("higher", "lower"),
    ("highest", "lowest"),
    ("large", "small"),
    ("largest", "smallest"),
    ("biggest", "smallest"),
    ("long", "short"),
    ("longest", "shortest"),
    ("fast", "slow"),
    ("fastest", "slowest"),
    ("hot", "cold"),
    ("old", "new"),
    ("oldest", "newest"),
    ("first", "last"),
    ("before", "after"),
    ("early", "late"),
    ("earliest", "latest"),
    ("above", "below"),
    ("over", "under"),
    ("inside", "outside"),
    ("with", "without"),
    ("safe", "dangerous"),
    ("allow", "deny"),
    ("allow", "block"),
    ("accept", "reject"),
    ("encrypt", "decrypt"),
    ("encode", "decode"),
    ("import", "export"),
    ("upload", "download"),
    ("true", "false"),
    ("advantages", "disadvantages"),
    ("pros", "cons"),
    ("include", "exclude"),
    ("including", "excluding"),
    ("all", "some"),
    ("even", "odd"),
    ("ascending", "descending"),
    ("accept", "decline"),
    ("accepting", "declining"),
    ("children", "adults"),
    ("lend", "borrow"),
    ("teach", "learn"),
    ("today", "tomorrow"),
    ("today", "yesterday"),
    ("now", "tomorrow"),
    ("arrival", "departure"),
    ("arrive", "depart"),
    ("deposit", "withdraw"),
    ("send", "receive"),
    ("sent", "received"),
    ("public", "private"),
    ("left", "right"),
    ("north", "south"),
    ("win", "lose"),
    ("push", "pull"),
    ("cheap", "expensive"),
    ("cheapest", "dearest"),
];

/// Says which word stands against its opposite.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let only = |word: &str, here: &Words, there: &Words| here.has(word) && !there.has(word);
    let turned = |a: &str, b: &str| only(a, cached, new) && only(b, new, cached);
    let listed = PAIRS.iter().find_map(|(a, b)| {
        let (seen, wanted) = if turned(a, b) {
            (a, b)
        } else if turned(b, a) {
            (b, a)
        } else {
            return None;
        };
        Some(format!("opposite words: '{seen}' against '{wanted}'"))
    });
    listed.or_else(|| prefixed(cached, new)).or_else(|| prefixed(new, cached))
}

/// Prefixes that turn a word into its opposite, and the shortest word that each is believed of: "side" is no opposite of "inside".
const PREFIXES: [(&str, usize); 8] = [("un", 4), ("in", 6), ("im", 6), ("il", 5), ("ir", 5), ("dis", 4), ("non", 5), ("non-", 3)];

/// A word of one text alone that the other has with such a prefix, and alone.
fn prefixed(plain: &Words, other: &Words) -> Option<String> {
    let words = plain.all.iter().map(|word| &word.lower).filter(|word| !other.has(word));
    let turned = words.filter_map(|word| {
        let believed = PREFIXES.iter().filter(|(_, shortest)| word.len() >= *shortest);
        let opposite = believed.map(|(prefix, _)| format!("{prefix}{word}"));
        opposite.filter(|opposite| other.has(opposite) && !plain.has(opposite)).map(|opposite| (word, opposite)).next()
    });
    turned.map(|(word, opposite)| format!("opposite words: '{word}' against '{opposite}'")).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("a formal letter", "an informal letter", true),
            ("opened items", "unopened items", true),
            ("does it include dental", "does it exclude dental", true),
            ("increase it", "decrease it", true),
            ("inside out", "side by side", false),
            ("more or less", "less or more", false),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
