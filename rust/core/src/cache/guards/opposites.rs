//! Words whose exchange turns a question round.

use super::words::Words;

const PAIRS: [(&str, &str); 60] = [
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
];

/// Says which word stands against its opposite.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let only = |word: &str, here: &Words, there: &Words| here.has(word) && !there.has(word);
    let turned = |a: &str, b: &str| only(a, cached, new) && only(b, new, cached);
    PAIRS.iter().find_map(|(a, b)| {
        let (seen, wanted) = if turned(a, b) {
            (a, b)
        } else if turned(b, a) {
            (b, a)
        } else {
            return None;
        };
        Some(format!("opposite words: '{seen}' against '{wanted}'"))
    })
}
