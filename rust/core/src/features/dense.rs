//! 23 measures of structure. No word lists: they would be blind in other languages and a lever in an attacker's hand.

use super::ask::{self, ASK};
use super::grams::Words;

/// Measures of the whole text.
const TEXT: usize = 18;

/// Measures per text: of all of it, then of what is asked.
pub const DENSE: usize = TEXT + ASK;

/// Characters are counted up to here; above, a text is simply long.
const COUNTED_BYTES: usize = 256 * 1024;

/// Keys of JSON (`":`) that make a text count as carrying tools or a schema.
const SCHEMA_KEYS: u32 = 4;

/// For each measure, in order, the words for a high and for a low value.
pub const REASONS: [(&str, &str); DENSE] = [
    ("long", "short"),
    ("many words", "few words"),
    ("long words", "short words"),
    ("a very long word", "no long word"),
    ("many digits", "few digits"),
    ("many numbers", "few numbers"),
    ("many capitals", "few capitals"),
    ("many lines", "few lines"),
    ("many operators", "few operators"),
    ("formulas", "no formulas"),
    ("code", "no code"),
    ("lettered options", "no lettered options"),
    ("questions", "no question"),
    ("non-ASCII text", "ASCII text"),
    ("varied words", "repeated words"),
    ("tools or schema", "no tools"),
    ("dollar signs", "no dollar signs"),
    ("many separators", "few separators"),
    ("many different words", "few different words"),
    ("much to read", "little to read"),
    ("symbols", "no symbols"),
    ("rare words", "common words"),
    ("many sentences", "few sentences"),
];

/// What is counted in one pass.
#[derive(Default)]
struct Counts {
    chars: u32,
    letters: u32,
    longest: u32,
    digits: u32,
    numbers: u32,
    capitals: u32,
    breaks: u32,
    operators: u32,
    latex: u32,
    code: u32,
    options: u32,
    questions: u32,
    non_ascii: u32,
    keys: u32,
    dollars: u32,
    separators: u32,
}

/// Measures a text: its length in full, the rest inside the window.
pub fn measure(full: &str, window: &str, words: &Words) -> [f32; DENSE] {
    let seen = Counts::of(window);
    let in_words = seen.letters + seen.digits;
    let [distinct, units, symbols, rare, sentences] = ask::measure(window);
    [
        log(characters(full)),
        log(words.all),
        share(in_words, words.all),
        log(seen.longest),
        share(seen.digits, seen.chars),
        log(seen.numbers),
        share(seen.capitals, seen.letters),
        log(seen.breaks),
        log(seen.operators),
        log(seen.latex),
        log(seen.code),
        log(seen.options),
        log(seen.questions),
        share(seen.non_ascii, seen.chars),
        share(words.distinct, words.all),
        if seen.keys >= SCHEMA_KEYS { 1.0 } else { 0.0 },
        log(seen.dollars),
        log(seen.separators),
        distinct,
        units,
        symbols,
        rare,
        sentences,
    ]
}

impl Counts {
    fn of(text: &str) -> Self {
        let mut seen = Self::default();
        let (mut second, mut last, mut length) = ('\n', '\n', 0_u32);
        for c in text.chars() {
            seen.chars += 1;
            if c.is_ascii_alphabetic() {
                seen.letters += 1;
                seen.capitals += u32::from(c.is_ascii_uppercase());
                seen.latex += u32::from(last == '\\');
            } else if c.is_ascii_digit() {
                seen.digits += 1;
                seen.numbers += u32::from(!last.is_ascii_digit());
            } else if c.is_ascii() {
                seen.mark(second, last, c);
            } else {
                seen.foreign(c);
            }
            length = if c.is_alphanumeric() { length + 1 } else { 0 };
            seen.longest = seen.longest.max(length);
            (second, last) = (last, c);
        }
        seen
    }

    /// Punctuation, with the two characters before it.
    fn mark(&mut self, second: char, last: char, c: char) {
        match c {
            '\n' => self.breaks += 1,
            '?' => self.questions += 1,
            '$' => self.dollars += 1,
            '+' | '-' | '*' | '/' | '=' | '<' | '>' | '^' | '%' | '&' | '~' => self.operators += 1,
            '{' | '}' | ';' | '`' | '_' => self.code += 1,
            '(' if last.is_ascii_alphanumeric() => self.code += 1,
            ',' | '|' | '\t' => self.separators += 1,
            ':' => {
                self.separators += 1;
                self.keys += u32::from(last == '"');
                self.options += u32::from(is_option(second, last));
            }
            ')' | '.' => self.options += u32::from(is_option(second, last)),
            _ => {}
        }
    }

    fn foreign(&mut self, c: char) {
        self.non_ascii += 1;
        if c.is_alphabetic() {
            self.letters += 1;
            self.capitals += u32::from(c.is_uppercase());
        }
        self.questions += u32::from(matches!(c, '？' | '؟' | ';'));
        self.separators += u32::from(matches!(c, '，' | '、' | '：' | '،'));
    }
}

/// A lone letter A to J before `)`, `.` or `:`, as in `(A)` or `b.`
fn is_option(second: char, last: char) -> bool {
    matches!(last, 'A'..='J' | 'a'..='j') && (second == '(' || second.is_ascii_whitespace())
}

/// Characters of the text, up to the cap.
fn characters(full: &str) -> u32 {
    let counted = &full.as_bytes()[..full.len().min(COUNTED_BYTES)];
    let starts = counted.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    u32::try_from(starts).unwrap_or(u32::MAX)
}

/// `ln(1 + count)`.
pub(super) fn log(count: u32) -> f32 {
    #[allow(clippy::cast_possible_truncation)] // a logarithm of 32 bits
    let log = f64::from(count).ln_1p() as f32;
    log
}

/// A quotient, and 0 of nothing.
fn share(part: u32, whole: u32) -> f32 {
    #[allow(clippy::cast_possible_truncation)] // the model reads f32
    let share = (f64::from(part) / f64::from(whole.max(1))) as f32;
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::extract;

    fn value(text: &str, at: usize) -> f32 {
        extract([text]).dense[at]
    }

    #[test]
    fn measures_see_what_they_name() {
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
        close(value("four", 0), log(4));
        close(value("one two", 1), log(2));
        close(value("one fourth", 2), 4.5);
        close(value("a abc", 3), log(3));
        close(value("a1", 4), 0.5);
        close(value("12 apples, 3 pears", 5), log(2));
        close(value("Ab", 6), 0.5);
        close(value("a\nb\n", 7), log(2));
        close(value("a + b", 8), log(1));
        close(value("\\frac{1}{2}", 9), log(1));
        close(value("f(x);", 10), log(2));
        close(value("(A) x\nB. y\n C: z", 11), log(3));
        close(value("why? who?", 12), log(2));
        close(value("é", 13), 1.0);
        close(value("a a b b", 14), 0.5);
        close(value(r#"{"a": 1, "b": 2, "c": 3, "d": 4}"#, 15), 1.0);
        close(value("$x$", 16), log(2));
        close(value("a, b | c", 17), log(2));
    }

    #[test]
    fn length_counts_the_whole_text() {
        assert!(value(&"word ".repeat(20_000), 0) > value(&"word ".repeat(10_000), 0));
    }
}
