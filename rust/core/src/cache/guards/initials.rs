//! A short name and the words that it stands for: "ROI", "return on investment".

use super::words::{Word, Words};

/// Letters of a short name.
const SHORT: std::ops::RangeInclusive<usize> = 2..=6;
/// Words that a short name may leave out: "Bank of America", "BoA" or "BA".
const SMALL: [&str; 6] = ["of", "and", "the", "for", "on", "in"];

/// The places of the words, one behind the other, whose initials the name is.
pub fn spelled(name: &Word, there: &Words) -> Option<std::ops::Range<usize>> {
    let lettered = name.lower.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let capitals = name.shown.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    // In small letters it is a short name only if it is no word, and two letters are too few to tell.
    let short = SHORT.contains(&name.lower.len()) && (capitals || name.lower.len() > 2 && !name.forms.known);
    let starts = 0..if lettered && short { there.all.len() } else { 0 };
    starts.into_iter().find_map(|from| run(name.lower.as_bytes(), there, from).map(|to| from..to))
}

/// Where the words from a place end whose initials these are.
fn run(letters: &[u8], there: &Words, from: usize) -> Option<usize> {
    let (mut left, mut at) = (letters, from);
    while let Some((first, rest)) = left.split_first() {
        let word = there.all.get(at)?;
        let begins = word.lower.as_bytes().first() == Some(first) && (word.lower.len() > 1 || word.number);
        if begins {
            left = rest;
        } else if at == from || !SMALL.contains(&word.lower.as_str()) {
            return None;
        }
        at += 1;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (name, text, words) in [
            ("ROI", "the return on investment of it", Some("return on investment")),
            ("2FA", "two-factor authentication", Some("2 factor authentication")),
            ("FBI", "the Federal Bureau of Investigation", Some("federal bureau of investigation")),
            ("vpn", "set up a virtual private network", Some("virtual private network")),
            ("tea", "the early arrival", None),
            ("UK", "the united states", None),
        ] {
            let (name, there) = (Words::of(name), Words::of(text));
            let found = spelled(&name.all[0], &there);
            let shown =
                found.map(|places| there.all[places].iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" "));
            assert_eq!(shown.as_deref(), words, "{text}");
        }
    }
}
