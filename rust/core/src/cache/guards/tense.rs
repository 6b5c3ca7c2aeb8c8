//! What was against what is, and what will be.

use super::pair::Pair;
use super::words::Words;

const TIMES: [(&str, &[&str]); 3] = [
    ("past", &["was", "were", "did", "had", "former", "previous", "formerly"]),
    ("present", &["is", "are", "do", "does", "has", "have", "am", "current", "currently"]),
    ("future", &["will", "shall", "upcoming", "going to"]),
];

/// Says that one text has a word of one time where the other has a word of another time.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let (a, b) = (time(pair.a, pair.b)?, time(pair.b, pair.a)?);
    (a != b).then(|| format!("tense differs: {a} against {b}"))
}

/// The time that only this text speaks of; none where it speaks of several.
fn time(here: &Words, there: &Words) -> Option<&'static str> {
    let mut times = TIMES.iter().filter(|(_, list)| said(here, list) && !said(there, list)).map(|(time, _)| *time);
    times.next().filter(|_| times.next().is_none())
}

/// "is going to" speaks of what will be, not of what is.
fn said(words: &Words, list: &[&str]) -> bool {
    let future = words.all.iter().enumerate().any(|(at, word)| word.lower == "going" && words.at(at + 1) == "to");
    list.iter().any(|word| match *word {
        "is" | "are" | "am" => words.has(word) && !future,
        "going to" => future,
        word => words.has(word),
    })
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Who is the mayor?", "Who was the mayor?", true),
            ("Does it rain?", "Will it rain?", true),
            ("Did the team win?", "Does the team win?", true),
            ("It is used to load data", "It serves to load data", false),
            ("Who was Ada?", "Tell me about Ada", false),
            ("When will it arrive?", "When is it going to arrive?", false),
            ("When is it going to arrive?", "When did it arrive?", true),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
