//! From a written piece of text to plain words: contractions are written out, hyphens opened or closed, marks named.

use super::abbreviations::full;
use super::lists::listed;

/// Contractions by their ending and what it stands for.
const SHORT: [(&str, &str); 6] =
    [("n't", "not"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'d", "would"), ("'m", "am")];
/// Written without the apostrophe, or irregular.
const WHOLE: [(&str, &str); 28] = [
    ("can't", "can not"),
    ("cannot", "can not"),
    ("won't", "will not"),
    ("shan't", "shall not"),
    ("ain't", "is not"),
    ("cant", "can not"),
    ("wont", "will not"),
    ("dont", "do not"),
    ("doesnt", "does not"),
    ("didnt", "did not"),
    ("isnt", "is not"),
    ("arent", "are not"),
    ("wasnt", "was not"),
    ("couldnt", "could not"),
    ("wouldnt", "would not"),
    ("shouldnt", "should not"),
    ("havent", "have not"),
    ("hasnt", "has not"),
    ("im", "i am"),
    ("ive", "i have"),
    ("whats", "what is"),
    ("wheres", "where is"),
    ("hows", "how is"),
    ("whos", "who is"),
    ("thats", "that is"),
    ("lets", "let us"),
    ("gonna", "going to"),
    ("wanna", "want to"),
];
/// Words after which "'s" is "is"; elsewhere it marks whose a thing is.
const IS: &str = " it that there here he she what where who when how why this everything ";
const MARKS: [(&str, &str); 8] = [
    ("+", "plus"),
    ("×", "times"),
    ("*", "times"),
    ("÷", "divided"),
    ("/", "divided"),
    ("&", "and"),
    ("@", "at"),
    ("−", "minus"),
];
/// First parts that are written together with the rest as often as with a hyphen.
const JOINED: usize = 2;

/// The plain words of one piece without white space, each as written and in lower case.
pub fn plain(piece: &str) -> Vec<(String, String)> {
    let shown = stripped(piece);
    if shown.is_empty() {
        return mark(piece).into_iter().map(|mark| (mark.clone(), mark)).collect();
    }
    let lower = if shown.is_ascii() { shown.to_ascii_lowercase() } else { shown.to_lowercase().replace('’', "'") };
    if let Some(whole) = full(&lower) {
        return vec![(shown.to_owned(), whole.to_owned())];
    }
    if let Some(initials) = initials(&lower) {
        return vec![(shown.replace('.', ""), initials)];
    }
    if let Some((_, whole)) = WHOLE.iter().find(|(short, _)| *short == lower) {
        return whole.split(' ').map(|word| (word.to_owned(), word.to_owned())).collect();
    }
    if !lower.contains('\'') {
        return parted(shown, &lower);
    }
    if let Some((rest, full)) = SHORT.iter().find_map(|(ending, full)| Some((lower.strip_suffix(ending)?, *full))) {
        return vec![(cut(shown, rest), rest.to_owned()), (full.to_owned(), full.to_owned())];
    }
    if let Some(owner) = lower.strip_suffix("'s").or_else(|| lower.strip_suffix('\'')) {
        let mut words = vec![(cut(shown, owner), owner.to_owned())];
        words.extend(listed(IS, owner).then(|| ("is".to_owned(), "is".to_owned())));
        return words;
    }
    parted(shown, &lower)
}

/// As much of the written form as the plain one has characters.
fn cut(shown: &str, plain: &str) -> String {
    shown.chars().take(plain.chars().count()).collect()
}

/// "7-seater" is a number and a word, "3-D" is a name.
fn counted(shown: &str, lower: &str) -> Option<Vec<(String, String)>> {
    let ((number, word), (_, plain)) = (shown.split_once('-')?, lower.split_once('-')?);
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let words = plain.len() > JOINED && plain.chars().all(|c| c.is_alphabetic() || c == '-');
    let first = || (number.to_owned(), number.to_owned());
    (digits && words).then(|| [first()].into_iter().chain(parted(word, plain)).collect())
}

/// "two-factor" is two words, "e-mail" and "wi-fi" are one; figures and code keep their marks.
fn parted(shown: &str, lower: &str) -> Vec<(String, String)> {
    let lettered = lower.chars().all(|c| c.is_alphabetic() || c == '-') && !lower.starts_with('-');
    if let Some(parts) = counted(shown, lower) {
        return parts;
    }
    if !lettered || !lower.contains('-') {
        return vec![(shown.to_owned(), lower.to_owned())];
    }
    let parts = || shown.split('-').zip(lower.split('-')).filter(|(_, lower)| !lower.is_empty());
    if parts().next().is_some_and(|(_, first)| first.chars().count() <= JOINED) {
        return vec![(shown.replace('-', ""), lower.replace('-', ""))];
    }
    parts().map(|(shown, lower)| (shown.to_owned(), lower.to_owned())).collect()
}

/// "p.m." and "u.s" without their stops.
fn initials(lower: &str) -> Option<String> {
    if !lower.contains('.') {
        return None;
    }
    let letters: Vec<&str> = lower.split('.').filter(|part| !part.is_empty()).collect();
    let single = letters.len() > 1 && letters.iter().all(|part| part.len() == 1 && part.as_bytes()[0].is_ascii_lowercase());
    single.then(|| letters.concat())
}

/// A piece of marks alone that stands for a word or for an operator; sentence marks stand for nothing.
fn mark(piece: &str) -> Option<String> {
    if let Some((_, word)) = MARKS.iter().find(|(mark, _)| *mark == piece) {
        return Some((*word).to_owned());
    }
    let piece = piece.trim_end_matches(['?', '.', ',', ';', ':']);
    let operator = !piece.is_empty() && piece.chars().all(|c| "=<>!|&%^~+*/".contains(c)) && piece.chars().any(|c| c != '!');
    operator.then(|| piece.to_owned())
}

/// Without quotes, brackets and sentence marks; signs, currency and unit marks of numbers stay, and the dash of an option.
fn stripped(piece: &str) -> &str {
    let outer = |c: char| !c.is_alphanumeric() && !"-+$€£¥%°#_".contains(c);
    let piece = piece.trim_matches(outer);
    if piece.chars().any(char::is_numeric) {
        return piece;
    }
    let option = piece.len() > 1 && piece.starts_with('-') && piece.trim_start_matches('-').starts_with(char::is_alphabetic);
    let end = piece.trim_end_matches(|c: char| !c.is_alphanumeric() && !"_#+".contains(c));
    let start = if option { end } else { end.trim_start_matches(|c: char| !c.is_alphanumeric() && !"_#°".contains(c)) };
    if start.chars().any(char::is_alphanumeric) { start } else { "" }
}

/// Letters put in, left out, exchanged with the next, or replaced (Damerau 1964, restricted).
pub fn slips(a: &str, b: &str) -> usize {
    let ((a, columns), (b, rows)) = (letters(a), letters(b));
    let (mut before, mut last): (Row, Row) = ([0; LETTERS + 1], std::array::from_fn(|y| y));
    for x in 1..=columns {
        let mut row: Row = [x; LETTERS + 1];
        for y in 1..=rows {
            let replaced = last[y - 1] + usize::from(a[x - 1] != b[y - 1]);
            row[y] = replaced.min(last[y] + 1).min(row[y - 1] + 1);
            if x > 1 && y > 1 && a[x - 1] == b[y - 2] && a[x - 2] == b[y - 1] {
                row[y] = row[y].min(before[y - 2] + 1);
            }
        }
        (before, last) = (last, row);
    }
    last[rows]
}

/// How much of a word is compared.
const LETTERS: usize = 24;
type Row = [usize; LETTERS + 1];

/// The first characters of a word and their number.
fn letters(word: &str) -> ([char; LETTERS], usize) {
    let (mut found, mut count) = (['\0'; LETTERS], 0);
    for (slot, letter) in found.iter_mut().zip(word.chars()) {
        (*slot, count) = (letter, count + 1);
    }
    (found, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (piece, words) in [
            ("Can't", "can not"),
            ("what’s", "what is"),
            ("Iceland's", "iceland"),
            ("wi-fi", "wifi"),
            ("two-factor", "two factor"),
            ("non-smoking", "non smoking"),
            ("-r", "-r"),
            ("p.m.", "pm"),
            ("+", "plus"),
            ("===", "==="),
            ("(\"word\"?)", "word"),
            ("-5°C.", "-5°c"),
            ("C++", "c++"),
            ("–", ""),
            ("!!!", ""),
        ] {
            assert_eq!(plain(piece).into_iter().map(|(_, lower)| lower).collect::<Vec<_>>().join(" "), words, "{piece}");
        }
    }
}
