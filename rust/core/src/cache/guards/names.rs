//! Names of people, places, products and code, told by their spelling.

use super::content::stem;
use super::numbers;
use super::words::Words;

/// Says which name one text has and the other has not.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (missing(cached, new), missing(new, cached));
    (a.is_some() || b.is_some()).then(|| format!("names differ: {} against {}", a.unwrap_or("nothing"), b.unwrap_or("nothing")))
}

/// The first name here that is no word there, in any case and form, nor written out.
fn missing<'a>(here: &'a Words, there: &Words) -> Option<&'a str> {
    let names = here.all.iter().filter(|word| word.is_name() && !there.has(&word.lower));
    let mut names = names.filter(|word| {
        let form = stem(&word.lower);
        !there.all.iter().any(|other| stem(&other.lower) == form) && !written_out(&word.shown, there)
    });
    names.next().map(|word| word.shown.as_str())
}

/// Whether a short name in capitals is the initials of words that follow each other: "2FA", "two-factor authentication".
fn written_out(name: &str, there: &Words) -> bool {
    let short = (2..=6).contains(&name.chars().count()) && name.chars().all(|c| c.is_uppercase() || c.is_ascii_digit());
    if !short {
        return false;
    }
    let parts = there.all.iter().flat_map(|word| word.lower.split('-'));
    let initials: String = parts.filter_map(|part| numbers::digits(part).unwrap_or(part).chars().next()).collect();
    initials.contains(&name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Who founded Siemens?", "Who founded Bosch?", true),
            ("Who leads Apple?", "who leads apple", false),
            ("Open Ada's file", "Open the file of Ada", false),
            ("How do I enable 2FA?", "How do I enable two-factor authentication?", false),
            ("What does f_open do", "What does f_close do", true),
            ("Is it in the EU?", "Is it in the UK?", true),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
