//! Whether a number is the least, the most or the very one that is meant.

use super::pair::Pair;
use super::words::Words;

/// What stands before a number.
const BOUNDS: [(&str, &[&str]); 3] = [
    (
        "at least",
        &[
            "at least",
            "no less than",
            "not less than",
            "more than",
            "no fewer than",
            "over",
            "above",
            "exceeding",
            "minimum",
            "starting at",
            "starting from",
        ],
    ),
    (
        "at most",
        &[
            "at most",
            "no more than",
            "not more than",
            "less than",
            "fewer than",
            "up to",
            "under",
            "below",
            "within",
            "until",
            "maximum",
        ],
    ),
    ("exactly", &["exactly", "precisely"]),
];

/// Says that one number is bounded another way.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    pair.links.iter().find_map(|&(x, y)| {
        let same = pair.a.all[x].number && pair.a.at(x) == pair.b.at(y);
        let (one, other) = (bound(pair.a, x).filter(|_| same)?, bound(pair.b, y)?);
        (one != other).then(|| format!("bounds differ: {one} {0} against {other} {0}", pair.a.all[x].lower))
    })
}

/// What the words right before a number say of it; a currency may stand between.
fn bound(words: &Words, at: usize) -> Option<&'static str> {
    let ends = |phrase: &str| phrase.rsplit(' ').enumerate().all(|(back, word)| at > back && words.at(at - back - 1) == word);
    let from = (words.at(at.wrapping_sub(1)) == "from" && !words.has("to")).then_some("at least");
    let all = BOUNDS.iter().flat_map(|(bound, phrases)| phrases.iter().map(move |phrase| (*phrase, *bound)));
    // "No more than" is not "more than".
    let longest = all.filter(|(phrase, _)| ends(phrase)).max_by_key(|(phrase, _)| phrase.len());
    longest.map(|(_, bound)| bound).or(from)
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("jobs paying up to 40000", "jobs paying from 40000", true),
            ("a dose of less than 5 ml", "a dose of exactly 5 ml", true),
            ("more than 3 rooms", "over 3 rooms", false),
            ("no more than 3 rooms", "up to 3 rooms", false),
            ("rooms for 3", "rooms for at least 3", false),
            ("from 3 to 5", "up to 3 from 5", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
