//! Words whose exchange turns a question round.

use std::collections::HashMap;
use std::sync::LazyLock;

use ahash::RandomState;

use super::lexicon::Forms;
use super::lists::{List, table};
use super::pair::Pair;
use super::words::Word;

const PAIRS: [(&str, &str); 107] = [
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
    ("in", "out"),
    ("login", "logout"),
    ("expand", "collapse"),
    ("hire", "fire"),
    ("benefit", "drawback"),
    ("benefit", "risk"),
    ("follow", "block"),
    ("follow", "unfollow"),
    ("warm", "cool"),
    ("pick", "drop"),
    ("show", "hide"),
    ("gain", "lose"),
    ("accept", "refuse"),
    ("online", "offline"),
    ("serialize", "deserialize"),
    ("single", "married"),
    ("day", "night"),
    ("morning", "evening"),
    ("summer", "winter"),
    ("adult", "child"),
    ("future", "history"),
    ("top", "bottom"),
];

/// Words that only grammar has, where an opposite says nothing by itself.
static IDLE: List = List::of(" do does is are will can have has not no be who what ");

/// Says which word stands against its opposite.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let (a, b) = (only(pair.only_a()), only(pair.only_b()));
    let against = |x: &Word, y: &Word| contrary(x, y) || x.forms.opposite(&y.forms) || prefixed(x, y) || prefixed(y, x);
    let mut both = a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
    both.find(|(x, y)| against(x, y)).map(|(x, y)| format!("opposite words: '{}' against '{}'", x.lower, y.lower))
}

fn only<'a>(words: impl Iterator<Item = &'a Word>) -> Vec<&'a Word> {
    words.filter(|word| !IDLE.has(&word.lower)).collect()
}

/// Whether the pairs set a form of one word against a form of the other.
fn contrary(a: &Word, b: &Word) -> bool {
    static AGAINST: LazyLock<HashMap<&str, Vec<&str>, RandomState>> = LazyLock::new(|| {
        let mut all: HashMap<&str, Vec<&str>, RandomState> = table();
        for (x, y) in PAIRS {
            all.entry(x).or_default().push(y);
            all.entry(y).or_default().push(x);
        }
        all
    });
    a.forms.bases().filter_map(|base| AGAINST.get(base)).flatten().any(|other| b.forms.is_form(other))
}

/// Prefixes that turn a word into its opposite, and the shortest word that each is believed of: "side" is no opposite of "inside".
const PREFIXES: [(&str, usize); 9] =
    [("un", 3), ("in", 6), ("im", 6), ("il", 5), ("ir", 5), ("dis", 4), ("non", 5), ("mis", 5), ("de", 7)];

/// Whether the second word is the first with such a prefix.
fn prefixed(plain: &Word, other: &Word) -> bool {
    let believed = PREFIXES.iter().filter(|(_, shortest)| plain.lower.len() >= *shortest);
    let mut rests = believed.filter_map(|(prefix, _)| other.lower.strip_prefix(prefix));
    // Forms of one word begin with one letter, which spares most look-ups.
    let alike = |rest: &str| rest.chars().next() == plain.lower.chars().next() && Forms::of(rest).shares(&plain.forms);
    rests.any(|rest| rest == plain.lower || alike(rest))
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("a formal letter", "an informal letter", true),
            ("opened items", "unopened items", true),
            ("does it include dental", "does it exclude dental", true),
            ("increase it", "decrease it", true),
            ("why did prices rise", "why did prices fall", true),
            ("who lends money", "who borrows money", true),
            ("the youngest one", "the oldest one", true),
            ("zip a file", "unzip a file", true),
            ("log in to it", "log out of it", true),
            ("inside out", "side by side", false),
            ("more or less", "less or more", false),
            ("how do I fix it", "how do I repair it", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
