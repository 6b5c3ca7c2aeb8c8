//! A text as words in one spelling, read once for all guards.

use super::clock;
use super::courtesy::strip;
use super::frame::{is_frame, is_kind, is_open, is_slip, phrases};
use super::language::settle;
use super::lexicon::Forms;
use super::lists::List;
use super::mention;
use super::numerals::{counts, figure, roman, scaled, spelled};
use super::phrasal;
use super::spelling::plain;
use super::units::unit;

/// A word and how it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::struct_excessive_bools)] // each is asked alone
pub struct Word {
    /// As written, without surrounding punctuation.
    pub shown: String,
    /// In lower case and one spelling: figures for numbers, the first name of a unit.
    pub lower: String,
    /// Whether it opens a sentence, where a capital letter says nothing.
    pub opens: bool,
    /// Whether a comma or the end of a sentence stands before it.
    pub pause: bool,
    /// Whether it stands in quotation marks, where every word is what the text is about.
    pub quoted: bool,
    /// Whether it is a number; an ordinal begins with "#".
    pub number: bool,
    /// Whether it is a unit of measure or a currency.
    pub unit: bool,
    /// Whether it says what the text is about: no grammar, and no frame of a request.
    pub content: bool,
    /// What is known of it as an English word.
    pub forms: Forms,
}

impl Word {
    /// A capital inside a sentence or a word, or a mark that only code has; "I" and its contractions are no names.
    pub fn is_name(&self) -> bool {
        let inside = self.shown.chars().skip(1).any(char::is_uppercase);
        let capital = !self.opens && self.shown.chars().next().is_some_and(char::is_uppercase);
        let digit = self.shown.chars().any(char::is_numeric);
        let code = digit || self.shown.contains(['_', '#', '/', '\\', '(', '=', '<', '@', '.']) || self.shown.ends_with('+');
        let option = self.shown.starts_with('-');
        !self.number && !self.unit && self.lower != "i" && (capital || inside || code || option)
    }
}

/// The words of a text in order.
#[derive(Debug, Default, Clone)]
pub struct Words {
    /// All words.
    pub all: Vec<Word>,
    /// Whether it ends like a statement, with a full stop.
    pub statement: bool,
    /// Whether its small words are of another language than English.
    pub foreign: bool,
}

impl Words {
    /// Splits at white space, takes off punctuation that belongs to the sentence, and writes everything one way.
    pub fn of(text: &str) -> Self {
        let mut all = Vec::new();
        let (mut opens, mut pause, mut quoted) = (true, false, false);
        for piece in text.split_whitespace() {
            quoted |= QUOTES.iter().any(|(open, _)| piece.trim_start_matches(['(', '[']).starts_with(*open));
            for (shown, lower) in plain(piece) {
                figures(&mut all, Word { shown, lower, opens, pause, quoted, ..Word::default() });
                (opens, pause) = (false, false);
            }
            quoted &= !QUOTES.iter().any(|(_, close)| piece.trim_end_matches(OUTSIDE).ends_with(*close));
            pause |= piece.ends_with([',', ';', ':', '.', '?', '!']);
            opens |= piece.ends_with(['.', '?', '!', ':', '"']) && !is_title(piece.trim_end_matches('.'));
        }
        strip(&mut all);
        numbers(&mut all);
        dates(&mut all);
        clock::settle(&mut all);
        phrasal::join(&mut all);
        phrases(&mut all);
        mark(&mut all);
        mention::mark(&mut all);
        let mut words = Self { all, statement: text.trim_end().ends_with('.') && !asks(text), foreign: false };
        settle(&mut words);
        words
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        let heap = |word: &Word| word.shown.capacity() + word.lower.capacity() + word.forms.bytes();
        size_of::<Self>() + self.all.capacity() * size_of::<Word>() + self.all.iter().map(heap).sum::<usize>()
    }

    /// Whether a word is among them, in lower case.
    pub fn has(&self, lower: &str) -> bool {
        self.all.iter().any(|word| word.lower == lower)
    }

    /// The word at a place in lower case; "" outside.
    pub fn at(&self, place: usize) -> &str {
        self.all.get(place).map_or("", |word| word.lower.as_str())
    }
}

/// Whether some sentence of a text is a question; a mark inside a word, as in an address, asks nothing.
fn asks(text: &str) -> bool {
    text.split_whitespace().any(|piece| piece.ends_with('?'))
}

/// Quotation marks that are no apostrophes, and what may stand behind them.
const QUOTES: [(char, char); 3] = [('"', '"'), ('“', '”'), ('«', '»')];
const OUTSIDE: [char; 8] = [',', ';', ':', '.', '?', '!', ')', ']'];

/// Whether a word stands before a name and says nothing without it.
pub fn is_title(word: &str) -> bool {
    ["mr", "mrs", "ms", "dr", "mt", "mount", "st", "sir", "prof"].iter().any(|title| word.eq_ignore_ascii_case(title))
}

/// What may be written right behind a figure, besides the spellings of units.
static BEHIND: List = List::of(" c f k x bn d st nd rd th b g ");

/// Adds a word; a figure with its sign, currency, marks and a short unit becomes a number and a unit. "2FA" and "wiki40b" are names.
fn figures(all: &mut Vec<Word>, word: Word) {
    let coin =
        word.lower.chars().next().filter(|c| "$€£¥".contains(*c)).or(word.lower.chars().last().filter(|c| "$€£¥".contains(*c)));
    let bare = word.lower.trim_matches(['$', '€', '£', '¥']).trim_start_matches('#');
    let signed = bare.trim_start_matches(['-', '+', 'v']);
    let digits = signed.len() - signed.trim_start_matches(|c: char| c.is_numeric() || ".,:/-'".contains(c)).len();
    let (_, behind) = signed.split_at(digits);
    if !signed.starts_with(char::is_numeric) {
        all.push(word);
        return;
    }
    let named = unit(behind);
    if !(behind.is_empty() || named.is_some() || BEHIND.has(behind)) {
        all.push(word);
        return;
    }
    let mut number = figure(bare.get(..bare.len() - behind.len()).unwrap_or(bare).trim_end_matches(['-', '\'']));
    let ordinal = matches!(behind, "st" | "nd" | "rd" | "th");
    if ordinal {
        number.insert(0, '#');
    } else if matches!(behind, "k" | "bn") {
        number = scaled(&number, if behind == "k" { 3 } else { 9 });
    } else if named.is_none() {
        number.push_str(behind);
    }
    all.push(Word { lower: number, number: true, ..word.clone() });
    let coin = coin.and_then(|coin| unit(coin.encode_utf8(&mut [0; 4])));
    all.extend(coin.or(named).map(|unit| Word { lower: unit.to_owned(), unit: true, opens: false, ..word }));
}

/// Puts figures in the place of numbers in words, and of Roman numerals.
fn numbers(all: &mut Vec<Word>) {
    let mut at = 0;
    while at < all.len() {
        let seconds = all[at].lower == "second" && at > 0 && all[at - 1].number;
        let counts = counts(&all[at].lower) && !seconds && !all[at].number;
        let found =
            if counts { spelled(&all[at..].iter().take(8).map(|word| word.lower.as_str()).collect::<Vec<_>>()) } else { None };
        if let Some((number, taken)) = found {
            let shown = all[at..at + taken].iter().map(|word| word.shown.as_str()).collect::<Vec<_>>().join(" ");
            let (opens, pause) = (all[at].opens, all[at].pause);
            all.splice(at..at + taken, [Word { shown, lower: number, opens, pause, number: true, ..Word::default() }]);
        } else if let Some(value) = roman(&all[at].shown).filter(|_| at > 0) {
            all[at].lower = value.to_string();
            all[at].number = true;
        } else if let (Some(figure), Some(zeros)) = (figure_before(all, at), scale(&all[at].lower)) {
            // "1.5 million"
            all[figure].lower = scaled(&all[figure].lower, zeros);
            all.remove(at);
            continue;
        }
        at += 1;
    }
}

/// The place of the number right before a word, or before the currency between them: "$5 million".
fn figure_before(all: &[Word], at: usize) -> Option<usize> {
    let place = at.checked_sub(1)?;
    let place = if all[place].unit { place.checked_sub(1)? } else { place };
    all[place].number.then_some(place)
}

fn scale(word: &str) -> Option<usize> {
    [("hundred", 2), ("thousand", 3), ("million", 6), ("billion", 9)]
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, zeros)| *zeros)
}

static MONTHS: List = List::of(
    " january february march april may june july august september october november december jan feb mar apr jun jul aug sep \
    sept oct nov dec ",
);

/// "5th of March", "March 5" and "5 March" name one day.
fn dates(all: &mut [Word]) {
    for at in 0..all.len() {
        if !(all[at].number && all[at].lower.starts_with('#')) {
            continue;
        }
        let month = |place: Option<usize>| place.and_then(|place| all.get(place)).is_some_and(|word| MONTHS.has(&word.lower));
        let of = all.get(at + 1).is_some_and(|word| word.lower == "of");
        let near = month(at.checked_sub(1)) || month(Some(at + 1)) || of && month(Some(at + 2));
        if near && all[at].lower.starts_with('#') && all[at].number {
            all[at].lower.remove(0);
        }
    }
}

/// Says of each word whether it is a unit and whether it is content.
fn mark(all: &mut Vec<Word>) {
    let measured = all.iter().any(|word| word.number);
    // "Degrees Celsius" is one unit, and so are "pounds sterling".
    let next = |at: usize| all.get(at + 1).map_or("", |next| next.lower.as_str());
    let idle = |at: usize| {
        matches!((unit(&all[at].lower), next(at)), (Some("degree"), "celsius" | "fahrenheit") | (Some("pound"), "sterling"))
    };
    let idle: Vec<bool> = (0..all.len()).map(idle).collect();
    let mut idle = idle.into_iter();
    all.retain(|_| !idle.next().unwrap_or(false));
    let shouted = !all.iter().any(|word| word.shown.chars().any(char::is_lowercase));
    for at in 0..all.len() {
        let before = at
            .checked_sub(1)
            .map(|before| (all[before].number, matches!(all[before].lower.as_str(), "to" | "in" | "into" | "per")));
        let short = all[at].lower.len() <= 2;
        // "5 min", "the min age"
        if all[at].lower == "min" && !before.is_some_and(|(number, _)| number) {
            "minimum".clone_into(&mut all[at].lower);
        }
        // "The size in MB"
        let written = all[at].lower.len() == 2 && all[at].shown.ends_with(char::is_uppercase) && at + 1 == all.len();
        let stands = before.is_some_and(|(number, turned)| number || turned && (measured || written)) || !short;
        if let Some(unit) = unit(&all[at].lower).filter(|_| stands && !all[at].number) {
            unit.clone_into(&mut all[at].lower);
            all[at].unit = true;
        }
        // A single capital inside a sentence is the name of something: "Is A a subset of B?"
        let letter =
            all[at].shown.len() == 1 && !all[at].opens && all[at].shown != "I" && all[at].shown.chars().all(char::is_uppercase);
        if !all[at].number && !all[at].unit {
            all[at].forms = Forms::of(&all[at].lower);
        }
        let kind = at > 0 && is_kind(&all[at].lower, &all[at - 1].lower);
        let next = all.get(at + 1).map_or("", |next| next.lower.as_str());
        // "A list" is a thing, "a list of" a way to ask.
        let thing = at > 0 && matches!(all[at - 1].lower.as_str(), "a" | "an") && is_open(&all[at].lower) && next != "of";
        all[at].content = thing
            || letter
            || matches!(all[at].shown.as_str(), "US" | "IT" | "WHO") && !shouted && unit(next).is_none()
            || all[at].number
            || all[at].unit
            || all[at].quoted
            || !(kind || is_frame(&all[at].lower) || is_slip(&all[at].lower));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (text, words) in [
            ("What's the 5th of March?", "what is the 5 of march"),
            ("twenty-five push-ups", "25 push ups"),
            ("It costs $5.", "it costs 5 dollar"),
            ("100kg, not 100 g", "100 kilogram not 100 gram"),
            ("at 3 p.m. or 3pm", "at 15:00 or 15:00"),
            ("World War II", "world war 2"),
            ("a hundred words", "100 words"),
            ("in 20 seconds, the second", "in 20 second the #2"),
            ("Log in to my account", "login to my account"),
            ("2FA in v1.2.0", "2fa in 1.2.0"),
            ("5% of 80", "5 percent of 80"),
            ("$1.5 million, 50k users", "1500000 dollar 50000 users"),
        ] {
            let read = Words::of(text);
            assert_eq!(read.all.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" "), words, "{text}");
        }
    }
}
