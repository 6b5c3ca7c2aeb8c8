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
        let code = self.shown.contains(['_', '#', '/', '\\', '(', '=', '<', '@', '.']) || self.shown.ends_with('+');
        let pronoun = self.lower == "i" || self.lower.starts_with("i'");
        !self.number && !pronoun && (capital || inside || code)
    }
}

/// The words of a text in order, and the set of them.
#[derive(Debug, Default)]
pub struct Words {
    /// All words.
    pub all: Vec<Word>,
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
                all.push(Word { shown: shown.to_owned(), lower, opens, number: shown.chars().any(char::is_numeric) });
                opens = false;
            }
            opens |= ends;
        }
        let known = all.iter().map(|word| word.lower.clone()).collect();
        Self { all, known }
    }

    /// Whether a word is among them, in lower case.
    pub fn has(&self, lower: &str) -> bool {
        self.known.contains(lower)
    }
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
