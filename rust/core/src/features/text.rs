//! The part of a text that is read, in one normal form.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Bytes read from the beginning and from the end of a long text.
const SIDE_BYTES: usize = 8 * 1024;

/// The text, or its first and last 8 KiB, in NFC and without format characters.
pub fn window(full: &str) -> Cow<'_, str> {
    let part = bounded(full);
    if part.is_ascii() {
        return part;
    }
    Cow::Owned(part.chars().filter(|c| !is_format(*c)).nfc().collect())
}

/// The text as it is up to 16 KiB, else its two ends on lines of their own.
fn bounded(full: &str) -> Cow<'_, str> {
    if full.len() <= 2 * SIDE_BYTES {
        return Cow::Borrowed(full);
    }
    let head = floor_boundary(full, SIDE_BYTES);
    let tail = floor_boundary(full, full.len() - SIDE_BYTES);
    Cow::Owned([&full[..head], "\n", &full[tail..]].concat())
}

/// The last character boundary at or before a byte.
fn floor_boundary(text: &str, at: usize) -> usize {
    (at.saturating_sub(3)..=at).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0)
}

/// Characters that are not seen but would split words: soft hyphen, joiners, direction marks, tags.
fn is_format(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
            | '\u{e0001}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "€".repeat(20_000);
        let seen = window(&text);
        assert!(seen.len() <= 2 * SIDE_BYTES + 8);
        assert!(seen.chars().all(|c| c == '€' || c == '\n'));
    }
}
