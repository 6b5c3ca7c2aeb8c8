//! Times of the day and counts of repetition in one spelling: "3 pm" is "15:00", "two times" is "twice".

use super::words::Word;

/// Puts one number in the place of a number and what it is read with.
pub fn settle(all: &mut Vec<Word>) {
    let mut at = 0;
    while at < all.len() {
        let next = all.get(at + 1).map_or("", |next| next.lower.as_str());
        let counted = all.get(at + 2).is_some_and(|word| word.number);
        let found = match (all[at].lower.as_str(), next) {
            ("noon" | "midday", _) => Some(("12:00".to_owned(), 1)),
            ("midnight", _) => Some(("0:00".to_owned(), 1)),
            (hour, "am" | "pm") if all[at].number => day(hour, next == "pm").map(|time| (time, 2)),
            (hour, "in") if all[at].number => part(&all[at + 2..]).and_then(|late| day(hour, late)).map(|time| (time, 4)),
            // "3 times 4" is a product.
            (number, "times") if all[at].number && !counted => Some((format!("x{number}"), 2)),
            _ => None,
        };
        if let Some((lower, taken)) = found {
            all[at].lower = lower;
            all[at].number = true;
            all.drain(at + 1..at + taken);
        }
        at += 1;
    }
}

/// Whether the words are those of the first or of the second half of a day: "the morning", "the evening".
fn part(words: &[Word]) -> Option<bool> {
    let [article, part, ..] = words else { return None };
    match (article.lower.as_str(), part.lower.as_str()) {
        ("the", "morning") => Some(false),
        ("the", "afternoon" | "evening") => Some(true),
        _ => None,
    }
}

/// An hour of a clock with twelve, with or without minutes, on one with twenty-four.
fn day(written: &str, late: bool) -> Option<String> {
    let (hour, minute) = written.split_once([':', '.']).unwrap_or((written, "00"));
    let hour: u8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    Some(format!("{}:{minute}", hour % 12 + if late { 12 } else { 0 }))
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;

    #[test]
    fn cases() {
        for (text, plain) in [
            ("at 3pm", "at 15:00"),
            ("at 12 a.m.", "at 0:00"),
            ("at 7:30 PM", "at 19:30"),
            ("at 6:30 in the morning", "at 6:30"),
            ("at noon", "at 12:00"),
            ("two times", "x2"),
            ("twice", "x2"),
            ("3 times 4", "3 times 4"),
            ("I am 5", "i am 5"),
        ] {
            let words = Words::of(text);
            assert_eq!(words.all.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" "), plain);
        }
    }
}
