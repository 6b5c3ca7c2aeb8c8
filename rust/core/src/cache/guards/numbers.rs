//! Numbers, dates, versions and amounts with their units, in order.

use super::words::{Word, Words};

const NAMES: [(&str, &str); 31] = [
    ("zero", "0"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("hundred", "100"),
    ("thousand", "1000"),
    ("million", "1000000"),
    ("billion", "1000000000"),
    ("half", "1/2"),
    ("double", "x2"),
    ("twice", "x2"),
    ("dozen", "12"),
];
const MAGNITUDES: [&str; 4] = ["hundred", "thousand", "million", "billion"];
const UNITS: [&str; 60] = [
    "mg", "g", "kg", "gram", "grams", "lb", "lbs", "oz", "pound", "pounds", "mm", "cm", "m", "km", "inch", "inches", "ft",
    "feet", "mile", "miles", "meter", "meters", "ml", "l", "liter", "liters", "gallon", "gallons", "cup", "cups", "s", "ms",
    "second", "seconds", "min", "minute", "minutes", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year",
    "years", "usd", "eur", "gbp", "dollar", "dollars", "euro", "euros", "kb", "mb", "gb", "tb", "am", "pm",
];

/// Says how the numbers differ.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (numbers(cached), numbers(new));
    (a != b).then(|| format!("numbers differ: {} against {}", shown(&a), shown(&b)))
}

/// The digits of a number word.
pub fn digits(word: &str) -> Option<&'static str> {
    NAMES.iter().find(|(name, _)| *name == word).map(|(_, digits)| *digits)
}

/// "one" is left out: it is a pronoun more often than a number.
fn numbers(words: &Words) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in words.all.iter().enumerate() {
        // "several thousand" is no number: a magnitude counts only after one.
        let bare = MAGNITUDES.contains(&word.lower.as_str()) && !at.checked_sub(1).is_some_and(|at| counts(&words.all[at]));
        let named = digits(&word.lower).filter(|_| !bare).map(str::to_owned);
        let Some(mut number) = named.or_else(|| word.number.then(|| plain(&word.lower))) else { continue };
        if words.all.get(at + 1).is_some_and(|next| next.lower == "percent") {
            number.push('%');
        }
        if let Some(unit) = words.all.get(at + 1).filter(|next| UNITS.contains(&next.lower.as_str())) {
            number.push_str(&unit.lower);
        }
        found.push(number);
    }
    found
}

/// Without the commas that part thousands and the "v" of a version.
fn plain(number: &str) -> String {
    let number = number.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(number);
    let bytes = number.as_bytes();
    let parts = |at: usize| {
        let digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
        at > 0 && digit(at - 1) && digit(at + 1) && digit(at + 2) && digit(at + 3) && !digit(at + 4)
    };
    number.char_indices().filter(|(at, c)| *c != ',' || !parts(*at)).map(|(_, c)| c).collect()
}

fn counts(word: &Word) -> bool {
    word.number || word.lower == "a" || word.lower == "one" || digits(&word.lower).is_some()
}

fn shown(numbers: &[String]) -> String {
    if numbers.is_empty() { "none".to_owned() } else { numbers.iter().take(8).cloned().collect::<Vec<_>>().join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("boil two eggs", "boil 2 eggs", false),
            ("several thousand images", "thousands of images", false),
            ("three thousand images", "four thousand images", true),
            ("a thousand images", "a million images", true),
            ("it costs $5", "it costs €5", true),
            ("in v1.2", "in v1.3", true),
            ("1,000 words", "1000 words", false),
            ("at 5pm", "at 6pm", true),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
