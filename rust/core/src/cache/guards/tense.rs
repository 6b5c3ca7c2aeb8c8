//! What was against what is, and what will be.

use super::words::Words;

const PAST: [&str; 6] = ["was", "were", "did", "had", "used", "previous"];
const PRESENT: [&str; 6] = ["is", "are", "do", "does", "has", "current"];
const FUTURE: [&str; 3] = ["will", "shall", "next"];

/// Says that the two texts ask about different times.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (time(cached)?, time(new)?);
    (a != b).then(|| format!("tense differs: {a} against {b}"))
}

/// The time a text speaks of; None when no word says it.
fn time(words: &Words) -> Option<&'static str> {
    let any = |list: &[&str]| list.iter().any(|word| words.has(word));
    [("future", any(&FUTURE)), ("past", any(&PAST)), ("present", any(&PRESENT))]
        .into_iter()
        .find(|(_, said)| *said)
        .map(|(time, _)| time)
}
