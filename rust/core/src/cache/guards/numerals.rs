//! Numbers in words and in figures, as one spelling: "twenty-five", "25" and "25.0" are the same.

const ONES: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const MAGNITUDES: [(&str, u64); 5] =
    [("hundred", 100), ("thousand", 1_000), ("million", 1_000_000), ("billion", 1_000_000_000), ("dozen", 12)];
const ORDINALS: [(&str, u64); 9] = [
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fifth", 5),
    ("eighth", 8),
    ("ninth", 9),
    ("twelfth", 12),
    ("twentieth", 20),
    ("thirtieth", 30),
];
const SHARES: [(&str, &str); 4] = [("half", "0.5"), ("twice", "x2"), ("double", "x2"), ("triple", "x3")];
/// Largest number whose product with a magnitude is surely in range.
const MOST: u64 = 1 << 30;

/// Whether a number may begin with the word, by its first two letters: most words do not, and need no list.
pub fn counts(word: &str) -> bool {
    const STARTS: [&[u8; 2]; 16] =
        [b"ze", b"on", b"tw", b"th", b"fo", b"fi", b"si", b"se", b"ei", b"ni", b"te", b"el", b"ha", b"do", b"tr", b"an"];
    word == "a" || STARTS.iter().any(|start| word.as_bytes().starts_with(*start))
}

/// The number at the start of some words and how many of them it takes; ordinals begin with "#".
///
/// "one" alone is a pronoun more often than a number, and "several thousand" is no number.
pub fn spelled(words: &[&str]) -> Option<(String, usize)> {
    let first = *words.first()?;
    if let Some((_, share)) = SHARES.iter().find(|(word, _)| *word == first) {
        return Some(((*share).to_owned(), 1));
    }
    let mut sum = Sum::default();
    let mut taken = 0;
    for (at, word) in words.iter().enumerate() {
        let joins = *word == "and" && sum.magnitude && words.get(at + 1).is_some_and(|next| small(next).is_some());
        let opens = at == 0 && matches!(*word, "a" | "an") && words.get(1).is_some_and(|next| magnitude(next).is_some());
        if joins || opens {
            continue;
        }
        if let Some(last) = ordinal(word).filter(|value| sum.fits(*value)) {
            return Some((format!("#{}", sum.total + sum.part + last), at + 1));
        }
        if !sum.add(word, opens_with_article(words)) {
            break;
        }
        taken = at + 1;
    }
    (taken > 0 && !(taken == 1 && first == "one")).then(|| ((sum.total + sum.part).to_string(), taken))
}

fn opens_with_article(words: &[&str]) -> bool {
    words.first().is_some_and(|word| matches!(*word, "a" | "an"))
}

#[derive(Default)]
struct Sum {
    total: u64,
    part: u64,
    /// What may still be added below the last word: 10 after "twenty", 1 after "five".
    room: Option<u64>,
    magnitude: bool,
}

impl Sum {
    fn fits(&self, value: u64) -> bool {
        self.room.is_none_or(|room| value < room)
    }

    fn add(&mut self, word: &str, article: bool) -> bool {
        if let Some(value) = small(word).filter(|value| self.fits(*value)) {
            self.part += value;
            self.room = Some(if value >= 20 { 10 } else { 0 });
            self.magnitude = false;
            return true;
        }
        let counted = self.part > 0 || article && self.total == 0;
        let Some(times) = magnitude(word).filter(|_| counted && self.part < MOST) else { return false };
        let part = self.part.max(1) * times;
        if times == 100 {
            self.part = part;
        } else {
            (self.total, self.part) = (self.total.saturating_add(part), 0);
        }
        self.room = Some(times);
        self.magnitude = true;
        true
    }
}

fn small(word: &str) -> Option<u64> {
    let place = |list: &[&str]| list.iter().position(|name| *name == word).map(|at| at as u64);
    place(&ONES).or_else(|| place(&TENS).map(|at| 10 * (at + 2)))
}

fn magnitude(word: &str) -> Option<u64> {
    MAGNITUDES.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
}

fn ordinal(word: &str) -> Option<u64> {
    let listed = ORDINALS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    listed.or_else(|| small(word.strip_suffix("th")?))
}

/// A figure as plain text: without the commas that part thousands, the "v" of a version, and zeros that say nothing.
pub fn figure(number: &str) -> String {
    let number = number.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(number);
    let bytes = number.as_bytes();
    let parts = |at: usize| {
        let digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
        at > 0 && digit(at - 1) && digit(at + 1) && digit(at + 2) && digit(at + 3) && !digit(at + 4)
    };
    let plain: String = number.char_indices().filter(|(at, c)| *c != ',' || !parts(*at)).map(|(_, c)| c).collect();
    let plain = plain.strip_prefix('+').unwrap_or(&plain);
    let whole = plain.strip_suffix(".0").filter(|whole| whole.bytes().all(|byte| byte.is_ascii_digit()));
    whole.unwrap_or(plain).to_owned()
}

/// A plain figure times ten to a power: "1.5" and 6 zeros are "1500000". What is no plain figure keeps its zeros apart.
pub fn scaled(figure: &str, zeros: usize) -> String {
    let (whole, part) = figure.split_once('.').unwrap_or((figure, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > zeros {
        return format!("{figure}e{zeros}");
    }
    let all = format!("{whole}{part}{}", "0".repeat(zeros - part.len()));
    all.trim_start_matches('0').to_owned()
}

/// The value of a Roman numeral from II to XXXIX, in capitals, as it stands in "World War II".
pub fn roman(word: &str) -> Option<u64> {
    let worth = |c: char| match c {
        'I' => Some(1_u64),
        'V' => Some(5),
        'X' => Some(10),
        _ => None,
    };
    let values: Vec<u64> = word.chars().map(worth).collect::<Option<_>>().filter(|values: &Vec<u64>| values.len() > 1)?;
    let less = |at: usize| values.get(at + 1).is_some_and(|next| values[at] < *next);
    let (plus, minus) = (0..values.len()).partition::<Vec<_>, _>(|at| !less(*at));
    let sum = |places: Vec<usize>| places.into_iter().map(|at| values[at]).sum::<u64>();
    sum(plus).checked_sub(sum(minus))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for (text, number, taken) in [
            ("twenty five eggs", "25", 2),
            ("one hundred and five", "105", 4),
            ("two thousand three hundred", "2300", 4),
            ("a hundred", "100", 2),
            ("twenty first century", "#21", 2),
            ("third", "#3", 1),
            ("fourth", "#4", 1),
            ("three million", "3000000", 2),
            ("two three", "2", 1),
            ("one hundred", "100", 2),
        ] {
            assert_eq!(spelled(&text.split(' ').collect::<Vec<_>>()), Some((number.to_owned(), taken)), "{text}");
        }
        for text in ["one day", "thousand", "and five", "a day", ""] {
            assert_eq!(spelled(&text.split(' ').collect::<Vec<_>>()), None, "{text}");
        }
    }

    #[test]
    fn figures() {
        for (written, plain) in [("1,000", "1000"), ("v1.10", "1.10"), ("5.0", "5"), ("1,5", "1,5"), ("+3", "3"), ("-3", "-3")] {
            assert_eq!(figure(written), plain);
        }
        for (figure, zeros, plain) in
            [("5", 6, "5000000"), ("1.5", 3, "1500"), ("0.25", 2, "25"), ("1,5", 3, "1,5e3"), ("1.25", 1, "1.25e1")]
        {
            assert_eq!(scaled(figure, zeros), plain);
        }
        assert_eq!((roman("IV"), roman("VI"), roman("XII"), roman("I"), roman("MIX")), (Some(4), Some(6), Some(12), None, None));
    }
}
