//! An odd number of negations against an even one.

use super::lists::List;
use super::pair::Pair;
use super::words::{Word, Words};

/// Words that deny, in any form that [`Words`] leaves; some deny only before the word behind the slash.
static NEGATIONS: List = List::of(
    " not no never none nobody nothing nowhere neither nor without non except unless excluding lack lacks lacking \
    hardly rarely refuse refuses refused refusing \
    avoid avoids avoided avoiding prevent prevents prevented preventing refrain prohibit prohibits prohibited forbid forbids forbidden unable impossible nicht kein keine keinen ohne nie pas jamais sans nunca sin senza geen niet ",
);
const BEFORE: [(&str, &str); 14] = [
    ("forget", "to"),
    ("forgets", "to"),
    ("forgot", "to"),
    ("neglect", "to"),
    ("neglected", "to"),
    ("decline", "to"),
    ("declined", "to"),
    ("fail", "to"),
    ("fails", "to"),
    ("failed", "to"),
    ("free", "of"),
    ("yet", "to"),
    ("instead", "of"),
    ("rather", "than"),
];
const PRONOUNS: [&str; 6] = ["it", "they", "you", "he", "she", "i"];

/// Says that one text denies what the other states.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let (a, b) = (count(pair.a), count(pair.b));
    (a % 2 != b % 2).then(|| format!("negation differs: {a} against {b} negating words"))
}

/// An answer's opening "no" and a tag such as "isn't it?" deny nothing, nor does "not only".
fn count(words: &Words) -> usize {
    let all = &words.all;
    let tag = |at: usize| {
        let short = at > 2 && at + 2 == all.len() && PRONOUNS.contains(&words.at(at + 1));
        let long = at > 2 && at + 1 == all.len() && PRONOUNS.contains(&words.at(at - 1));
        short || long
    };
    let negates = |(at, word): &(usize, &Word)| {
        let listed = NEGATIONS.has(&word.lower);
        let before = BEFORE.iter().any(|(here, next)| word.lower == *here && words.at(at + 1) == *next);
        let idle =
            *at == 0 && word.lower == "no" && words.statement || word.lower == "not" && (tag(*at) || words.at(at + 1) == "only");
        (listed || before) && !idle
    };
    all.iter().enumerate().filter(negates).count()
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Can I take it", "Can't I take it", true),
            ("It is ready, isn't it?", "Is it ready?", false),
            ("It is ready, is it not?", "Is it ready?", false),
            ("No, it is gone.", "It is gone.", false),
            ("with milk", "without milk", true),
            ("It is not impossible, is it not?", "It is possible", false),
            ("smoking rooms", "non-smoking rooms", true),
            ("I cannot open it", "I can't open it", false),
            ("has yet to finish", "has not finished", false),
            ("failed to renew it", "renewed it", true),
            ("phones that lack a jack", "phones without a jack", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
