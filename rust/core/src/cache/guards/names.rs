//! Names of people, places, products and code, told by their spelling.

use super::words::{Word, Words};

/// Says which name one text has and the other has not.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let missing = |here: &Words, there: &Words| {
        here.all.iter().find(|word| is_name(word) && !there.has(&base(word))).map(|word| word.shown.clone())
    };
    let (a, b) = (missing(cached, new), missing(new, cached));
    let shown = |name: Option<String>| name.unwrap_or_else(|| "nothing".to_owned());
    (a.is_some() || b.is_some()).then(|| format!("names differ: {} against {}", shown(a), shown(b)))
}

/// A capital inside a sentence or a word, or a mark that only code has; "I" and its contractions are no names.
fn is_name(word: &Word) -> bool {
    let inside = word.shown.chars().skip(1).any(char::is_uppercase);
    let capital = !word.opens && word.shown.chars().next().is_some_and(char::is_uppercase);
    let code = word.shown.contains(['_', '#', '/', '\\', '(', '=', '<', '@', '.']) || word.shown.ends_with('+');
    let pronoun = word.lower == "i" || word.lower.starts_with("i'");
    !word.number && !pronoun && (capital || inside || code)
}

fn base(word: &Word) -> String {
    word.lower.clone()
}
