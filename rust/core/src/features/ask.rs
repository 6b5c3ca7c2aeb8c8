//! Five measures of what is asked, lettered options left out: an option is material to choose from, not work to do.
//!
//! # Source
//! That a text is harder with more different words, symbols and rare words follows the readability literature (Chall and Dale
//! 1995, "Readability Revisited"); which measures are kept, and what each is worth: `training/CANDIDATES.md`.

use super::dense::log;
use super::everyday;

/// Measures of the ask.
pub const ASK: usize = 5;

/// Digits that count as one unit of reading; vocabularies of models cut numbers alike.
const DIGITS_PER_UNIT: u32 = 3;
/// Letters that a word needs to count as rare.
const RARE_LETTERS: usize = 3;

/// What is counted in one pass over the ask.
#[derive(Default)]
struct Counts {
    rare: u32,
    symbols: u32,
    units: u32,
    sentences: u32,
    hashes: Vec<u64>,
}

/// Logs of how many different words and numbers, units of reading, single letters (symbols), rare words and sentences it has.
pub fn measure(window: &str) -> [f32; ASK] {
    let mut seen = Counts::default();
    let common = everyday::words();
    for part in Parts::of(window) {
        seen.read(part, common);
    }
    seen.hashes.sort_unstable();
    seen.hashes.dedup();
    let distinct = u32::try_from(seen.hashes.len()).unwrap_or(u32::MAX);
    [log(distinct), log(seen.units), log(seen.symbols), log(seen.rare), log(seen.sentences)]
}

impl Counts {
    fn read(&mut self, part: &str, common: &[u64]) {
        let mut rest = part;
        while let Some(first) = rest.chars().next() {
            let length = run(rest, first);
            let (piece, after) = rest.split_at(length);
            if first.is_alphabetic() {
                self.word(piece, common);
            } else if first.is_ascii_digit() {
                self.hashes.push(everyday::hash(piece.as_bytes()));
                self.units += u32::try_from(length).unwrap_or(u32::MAX).div_ceil(DIGITS_PER_UNIT);
            } else if !first.is_whitespace() {
                self.mark(first, after);
            }
            rest = after;
        }
    }

    fn word(&mut self, word: &str, common: &[u64]) {
        let hash = everyday::hash(word.as_bytes());
        self.hashes.push(hash);
        self.units += 1;
        self.symbols += u32::from(word.len() == 1 && !matches!(word, "a" | "A" | "I"));
        self.rare += u32::from(word.len() >= RARE_LETTERS && !everyday::holds(common, hash) && is_plain(word));
    }

    fn mark(&mut self, mark: char, after: &str) {
        self.units += 1;
        let ends = matches!(mark, '.' | '!' | '?' | '؟') && after.chars().next().is_none_or(char::is_whitespace);
        self.sentences += u32::from(ends || matches!(mark, '。' | '！' | '？'));
    }
}

/// Lower case without an apostrophe: names are rare without being hard.
fn is_plain(word: &str) -> bool {
    word.chars().all(char::is_lowercase)
}

/// Bytes of the word or the digits that a text begins with; of anything else one character.
fn run(text: &str, first: char) -> usize {
    if first.is_alphabetic() {
        return word_end(text);
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits.max(first.len_utf8())
}

/// Bytes of the letters that a text begins with, and of what an apostrophe joins to them, as in `isn't`.
fn word_end(text: &str) -> usize {
    let end = letters(text);
    let mut after = text[end..].chars();
    let joined = after.next().filter(|c| matches!(c, '\'' | '’')).map_or(0, |_| letters(after.as_str()));
    if joined > 0 { text.len() - after.as_str().len() + joined } else { end }
}

/// Bytes of the letters that a text begins with.
fn letters(text: &str) -> usize {
    let ascii = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    if text.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
        return ascii;
    }
    text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())
}

/// The parts of a text outside its lettered options.
struct Parts<'a> {
    lines: std::str::SplitInclusive<'a, char>,
    options: u32,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let mut options = 0;
        for line in text.lines() {
            options += u32::from(letter(line) == nth(options));
        }
        // One lettered line is a name or a list of one, not a choice.
        Self { lines: text.split_inclusive('\n'), options: if options > 1 { options } else { 0 } }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let options = self.options;
        self.lines.find(|line| letter(line).is_none_or(|letter| u32::from(letter) >= u32::from('A') + options))
    }
}

/// The letter of the n-th option.
fn nth(number: u32) -> Option<char> {
    char::from_u32(u32::from('A') + number)
}

/// The letter A to J of a line such as `B. …`, `(b) …` or `B) …`, as a capital.
fn letter(line: &str) -> Option<char> {
    let line = line.trim_start();
    let mut letters = line.strip_prefix('(').unwrap_or(line).chars();
    let letter = letters.next().filter(|c| matches!(c, 'A'..='J' | 'a'..='j'))?;
    let closed = letters.next().is_some_and(|c| matches!(c, ')' | '.' | ':'));
    (closed && letters.next().is_none_or(char::is_whitespace)).then(|| letter.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: [f32; ASK], wanted: [f32; ASK]) {
        for (a, b) in found.iter().zip(wanted) {
            assert!((a - b).abs() < 1e-6, "{found:?} {wanted:?}");
        }
    }

    #[test]
    fn the_ask_is_counted() {
        // Units are words, marks, and one for three digits.
        close(measure("The cat sat. The cat!"), [log(3), log(7), 0.0, 0.0, log(2)]);
        close(measure("x 1234 a xylitolate"), [log(4), log(5), log(1), log(1), 0.0]);
        close(measure("Isn't it? It isn’t"), [log(3), log(5), 0.0, 0.0, log(1)]);
        close(measure(""), [0.0; ASK]);
    }

    #[test]
    fn options_are_not_part_of_the_ask() {
        let ask = "Which one is it?\n";
        for options in ["A. one\nB. two\nC. three\n", "(A) one\n(B) two", "  a) one\n  b) two\n"] {
            close(measure(&[ask, options].concat()), measure(ask));
        }
        let after = "Answer with a letter.";
        close(measure(&[ask, "A) one\nB) two\n", after].concat()), measure(&[ask, after].concat()));
    }

    #[test]
    fn a_lettered_line_alone_is_read() {
        assert!(measure("A. Smith wrote it\nwho is that?")[0] > measure("who is that?")[0]);
        assert!(measure("C. three\nD. four\nwhich?")[0] > measure("which?")[0]);
    }
}
