//! Numbers, dates, versions and amounts.

use super::pair::Pair;
use super::words::Words;

/// Says how the numbers differ; their order is a matter of the guard of order.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let (mut a, mut b) = (numbers(pair.a), numbers(pair.b));
    a.retain(|number| !within(number, pair.b) || b.contains(number));
    b.retain(|number| !within(number, pair.a) || a.contains(number));
    (a != b).then(|| format!("numbers differ: {} against {}", shown(&a), shown(&b)))
}

/// An ordinal that opens a sentence, or stands before "time" or "name", counts nothing.
fn numbers(words: &Words) -> Vec<String> {
    let idle = |at: usize| {
        let next = words.at(at + 1);
        words.all[at].lower.starts_with('#') && (matches!(next, "time" | "name" | "aid") || words.all[at].opens && next != "of")
    };
    let counted = words.all.iter().enumerate().filter(|(at, word)| word.number && !(words.statement && idle(*at)));
    let mut found: Vec<String> = counted.map(|(_, word)| word.lower.clone()).collect();
    found.sort_unstable();
    found
}

/// Whether a name begins with the number: the "2" of "2FA" is the "two" of "two-factor".
fn within(number: &str, words: &Words) -> bool {
    words
        .all
        .iter()
        .any(|word| word.is_name() && word.lower.strip_prefix(number).is_some_and(|rest| rest.starts_with(char::is_alphabetic)))
}

fn shown(numbers: &[String]) -> String {
    if numbers.is_empty() { "none".to_owned() } else { numbers.iter().take(8).cloned().collect::<Vec<_>>().join(" ") }
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("boil two eggs", "boil 2 eggs", false),
            ("several thousand images", "thousands of images", false),
            ("three thousand images", "four thousand images", true),
            ("a thousand images", "a million images", true),
            ("in v1.2", "in v1.3", true),
            ("1,000 words", "1000 words", false),
            ("at 5pm", "at 6 pm", true),
            ("at 3 am", "at 3pm", true),
            ("at 3 pm", "at 15:00", false),
            ("the twentieth century", "the 20th century", false),
            ("chapter IV", "chapter VI", true),
            ("on March 5", "on the 5th of March", false),
            ("the 1st king", "the first king", false),
            ("the first amendment", "the second amendment", true),
            ("First, heat the oven.", "Heat the oven.", false),
            ("one hundred and five", "105", false),
            ("enable 2FA", "enable two-factor authentication", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
