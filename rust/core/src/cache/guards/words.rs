//! A text as words, read once for all guards.

use std::collections::HashSet;

/// A word and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// As written, without surrounding punctuation.
    pub shown: String,
    /// In lower case.
    pub lower: String,
    /// Whether it opens a sentence, where a capital letter says nothing.
    pub opens: bool,
    /// Whether it is a number, with its sign and unit.
    pub number: bool,
}

impl Word {
    /// A capital inside a sentence or a word, or a mark that only code has; "I" and its contractions are no names.
    pub fn is_name(&self) -> bool {
        let inside = self.shown.chars().skip(1).any(char::is_uppercase);
        let capital = !self.opens && self.shown.chars().next().is_some_and(char::is_uppercase);
        let digit = self.shown.chars().any(char::is_numeric);
        let code = digit || self.shown.contains(['_', '#', '/', '\\', '(', '=', '<', '@', '.']) || self.shown.ends_with('+');
        let pronoun = self.lower == "i" || self.lower.starts_with("i'");
        !self.number && !pronoun && (capital || inside || code)
    }
}

/// The words of a text in order, and the set of them.
#[derive(Debug, Default)]
pub struct Words {
    /// All words.
    pub all: Vec<Word>,
    /// Whether it ends like a statement, with a full stop.
    pub statement: bool,
    known: HashSet<String>,
}

impl Words {
    /// Splits at white space and strips punctuation that belongs to the sentence.
    pub fn of(text: &str) -> Self {
        let mut all = Vec::new();
        let mut opens = true;
        for piece in text.split_whitespace() {
            let ends = piece.ends_with(['.', '?', '!', ':', '"']);
            let shown = stripped(piece);
            if !shown.is_empty() {
                let lower = shown.to_lowercase().replace('’', "'");
                all.push(Word { shown: shown.to_owned(), lower, opens, number: is_number(shown) });
                opens = false;
            }
            opens |= ends;
        }
        let known = all.iter().map(|word| word.lower.clone()).collect();
        Self { all, statement: text.trim_end().ends_with('.'), known }
    }

    /// Whether a word is among them, in lower case.
    pub fn has(&self, lower: &str) -> bool {
        self.known.contains(lower)
    }
}

/// What may be written right behind a figure.
const UNITS: &str = " c f k g kg mg lb lbs oz mm cm m km ft in ml l s ms h hr min d w b kb mb gb tb am pm x st nd rd th bn hz khz \
    mhz ghz kw v ";

/// A figure with its sign, currency, marks and a short unit, or a version; "2FA" and "wiki40b" are names.
fn is_number(shown: &str) -> bool {
    let bare = shown.trim_start_matches(['-', '+', '$', '€', '£', '¥', '#', 'v', 'V']);
    let Some(first) = bare.chars().next().filter(|c| c.is_numeric()) else { return false };
    let unit = bare.trim_start_matches(|c: char| c.is_numeric() || ".,:/-°%$€£¥'".contains(c));
    first.is_numeric() && (unit.is_empty() || UNITS.contains(&format!(" {} ", unit.to_lowercase())))
}

/// Without quotes, brackets and sentence marks; signs, currency and unit marks of numbers stay.
fn stripped(piece: &str) -> &str {
    let outer = |c: char| !c.is_alphanumeric() && !"-+$€£¥%°#_".contains(c);
    let piece = piece.trim_matches(outer);
    if piece.chars().any(char::is_numeric) {
        piece
    } else {
        piece.trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '#' && c != '+')
    }
}
