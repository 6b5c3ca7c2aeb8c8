//! What was against what is, and what will be.

use super::words::Words;

const TIMES: [(&str, &[&str]); 3] = [
    ("past", &["was", "were", "did", "had", "former", "previous", "formerly"]),
    ("present", &["is", "are", "do", "does", "has", "have", "am", "current", "currently"]),
    ("future", &["will", "shall", "upcoming"]),
];

/// Says that one text has a word of one time where the other has a word of another time.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (time(cached, new)?, time(new, cached)?);
    (a != b).then(|| format!("tense differs: {a} against {b}"))
}

/// The time that only this text speaks of; none where it speaks of several.
fn time(here: &Words, there: &Words) -> Option<&'static str> {
    let said = |words: &Words, list: &[&str]| list.iter().any(|word| words.has(word));
    let mut times = TIMES.iter().filter(|(_, list)| said(here, list) && !said(there, list)).map(|(time, _)| *time);
    times.next().filter(|_| times.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Who is the mayor?", "Who was the mayor?", true),
            ("Does it rain?", "Will it rain?", true),
            ("Did the team win?", "Does the team win?", true),
            ("It is used to load data", "It serves to load data", false),
            ("Who was Ada?", "Tell me about Ada", false),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
