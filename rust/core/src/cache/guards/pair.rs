//! Two texts laid side by side: which content words stand for the same thing, and which each text has alone.
//!
//! # Invariant
//! Symmetric: exchanging the texts exchanges the sides and nothing else.

use super::initials::spelled;
use super::lexicon::known as is_word;
use super::lists::List;
use super::spelling::slips;
use super::words::{Word, Words};

/// Two texts, the words that stand for each other, and the content words without a partner.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The stored text.
    pub a: &'a Words,
    /// The new text.
    pub b: &'a Words,
    /// Places of content words in both that stand for the same, each word once, in the order of `a`.
    pub links: Vec<(usize, usize)>,
    /// Places of content words of the first text alone.
    pub alone_a: Vec<usize>,
    /// Places of content words of the second text alone.
    pub alone_b: Vec<usize>,
}

type Reason = fn(&Word, &Word) -> bool;

/// From the surest reason to link two words to the least sure.
const REASONS: [Reason; 4] = [equal, |a, b| a.forms.same(&b.forms) && plain(a, b), akin, slip];

impl<'a> Pair<'a> {
    /// Links words for the surest reason first.
    pub fn of(a: &'a Words, b: &'a Words) -> Self {
        if order(a, b).is_gt() {
            let Self { links, alone_a, alone_b, .. } = Self::of(b, a);
            let mut links: Vec<(usize, usize)> = links.into_iter().map(|(x, y)| (y, x)).collect();
            links.sort_unstable();
            return Self { a, b, links, alone_a: alone_b, alone_b: alone_a };
        }
        let places = |words: &Words| (0..words.all.len()).filter(|at| words.all[*at].content).collect::<Vec<_>>();
        let (mut left, mut right, mut links) = (places(a), places(b), Vec::new());
        let foreign = a.foreign && b.foreign;
        for (at, reason) in REASONS.into_iter().chain(foreign.then_some(inflected as Reason)).enumerate() {
            if at == 1 {
                links.extend(shortened(a, &mut left, b, &mut right));
                links.extend(shortened(b, &mut right, a, &mut left).into_iter().map(|(y, x)| (x, y)));
            }
            left.retain(|x| match right.iter().position(|y| reason(&a.all[*x], &b.all[*y])) {
                Some(at) => {
                    links.push((*x, right.remove(at)));
                    false
                }
                None => true,
            });
        }
        links.sort_unstable();
        // A word said twice is not alone if it has a partner once.
        left.retain(|x| !links.iter().any(|(_, y)| REASONS[..2].iter().any(|reason| reason(&a.all[*x], &b.all[*y]))));
        right.retain(|y| !links.iter().any(|(x, _)| REASONS[..2].iter().any(|reason| reason(&a.all[*x], &b.all[*y]))));
        // Nor is one that means the same as a word of the frame there: "compose", "write".
        let framed = |word: &Word, there: &Words| there.all.iter().any(|other| !other.content && word.forms.same(&other.forms));
        left.retain(|x| !framed(&a.all[*x], b));
        right.retain(|y| !framed(&b.all[*y], a));
        Self { a, b, links, alone_a: left, alone_b: right }
    }

    /// Whether the first text stands behind the second in the order of the dictionary: what has to choose chooses by that.
    pub fn backwards(&self) -> bool {
        order(self.a, self.b).is_gt()
    }

    /// Whether every content word has a partner.
    pub fn covered(&self) -> bool {
        self.alone_a.is_empty() && self.alone_b.is_empty()
    }

    /// Words of the first text that the second has in no form.
    pub fn only_a(&self) -> impl Iterator<Item = &'a Word> {
        only(self.a, self.b, self.links.iter().map(|(x, _)| *x).collect())
    }

    /// Words of the second text that the first has in no form.
    pub fn only_b(&self) -> impl Iterator<Item = &'a Word> {
        only(self.b, self.a, self.links.iter().map(|(_, y)| *y).collect())
    }

    /// Whether the words at two places are equal or stand for each other.
    pub fn meets(&self, x: usize, y: usize) -> bool {
        self.a.at(x) == self.b.at(y) || self.links.binary_search(&(x, y)).is_ok()
    }
}

/// Links short names here with the first of the words that they stand for there; none of these is alone then.
fn shortened(here: &Words, left: &mut Vec<usize>, there: &Words, right: &mut Vec<usize>) -> Vec<(usize, usize)> {
    let mut links = Vec::new();
    left.retain(|x| {
        let Some(places) = spelled(&here.all[*x], there).filter(|places| places.clone().any(|y| right.contains(&y))) else {
            return true;
        };
        let linked = right.iter().copied().find(|y| places.contains(y));
        right.retain(|y| !places.contains(y));
        links.extend(linked.map(|y| (*x, y)));
        false
    });
    links
}

fn only<'a>(here: &'a Words, there: &'a Words, linked: Vec<usize>) -> impl Iterator<Item = &'a Word> {
    here.all.iter().enumerate().filter(move |(at, word)| !linked.contains(at) && !there.has(&word.lower)).map(|(_, word)| word)
}

fn order(a: &Words, b: &Words) -> std::cmp::Ordering {
    a.all.iter().map(|word| &word.lower).cmp(b.all.iter().map(|word| &word.lower))
}

fn equal(a: &Word, b: &Word) -> bool {
    a.number == b.number && (a.lower == b.lower || one_stem(&a.lower, &b.lower) && plain(a, b))
}

/// Neither is a number, a unit or code, which stand for nothing but themselves.
fn plain(a: &Word, b: &Word) -> bool {
    let letters = |word: &Word| !word.number && !word.unit && word.lower.chars().all(char::is_alphabetic);
    letters(a) && letters(b)
}

/// Endings that inflection or derivation puts behind one root.
static TAILS: List =
    List::of(" e s es d ed ing ion ions ation ations ed ly al ally ment ments er or ers ors able ive ies ied ic ical ting ted ");
const ROOT: usize = 4;

/// Whether two words that are not both known have one root: "concatenate" and "concatenation". Only for ASCII letters.
fn akin(a: &Word, b: &Word) -> bool {
    let ascii = |word: &str| word.bytes().all(|byte| byte.is_ascii_lowercase());
    let same = a.lower.bytes().zip(b.lower.bytes()).take_while(|(x, y)| x == y).count();
    if same < ROOT || !plain(a, b) || !ascii(&a.lower) || !ascii(&b.lower) {
        return false;
    }
    let tail = |rest: &str| rest.is_empty() || TAILS.has(rest);
    // "founder" and "founded" have a letter of their endings in common too.
    let endings = [0, 1].map(|back| (&a.lower[same - back..], &b.lower[same - back..]));
    let verb = |name: &str, rest: &str| {
        name == "y" && (rest.starts_with("ise") || rest.starts_with("ize") || rest.starts_with("isi") || rest.starts_with("izi"))
    };
    let (x, y) = endings[0];
    tail(x) && tail(y) || verb(x, y) || verb(y, x) || same > ROOT && tail(endings[1].0) && tail(endings[1].1)
}

/// Endings of an infinitive in Spanish, Portuguese, Italian, French, German and Dutch, and of a finite verb.
static INFINITIVES: List = List::of(" ar er ir are ere ire re en n ");
static FINITE: List = List::of(" o a e i as es is an en on ons ez ent amos emos imos iamo te st t ");

/// Whether one word of another language than English is the infinitive of the other.
fn inflected(a: &Word, b: &Word) -> bool {
    let same: usize = a.lower.chars().zip(b.lower.chars()).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum();
    // "cambi-ar", "cambi-o"; "trouv-er", "trouv-e" share a letter of their endings.
    (0..=1).filter_map(|back| same.checked_sub(back)).filter(|root| *root >= ROOT - 1 && plain(a, b)).any(|root| {
        let (Some(x), Some(y)) = (a.lower.get(root..), b.lower.get(root..)) else { return false };
        INFINITIVES.has(x) && FINITE.has(y) || INFINITIVES.has(y) && FINITE.has(x)
    })
}

/// Whether one of two words is no word, and one slip of the finger away from the other, two in a long one. The first letter is seldom
/// the wrong one, and a strange name is a name.
fn slip(a: &Word, b: &Word) -> bool {
    let starts = a.lower.chars().next() == b.lower.chars().next();
    let named = |word: &Word| !word.forms.known && word.is_name();
    let length = a.lower.len().min(b.lower.len());
    let believed = starts && length >= ROOT && plain(a, b) && !named(a) && !named(b);
    // No two words of which one is unknown differ by two letters exchanged.
    let known = a.forms.known && b.forms.known;
    if believed && !known && length >= LETTERS && exchanged(&a.lower, &b.lower) {
        return true;
    }
    if starts && length >= LETTERS && doubled(&a.lower, &b.lower) && plain(a, b) && !(is_word(&a.lower) && is_word(&b.lower)) {
        return true;
    }
    believed && a.forms.known != b.forms.known && slips(&a.lower, &b.lower) <= if length >= 2 * ROOT { 2 } else { 1 }
}

/// Shortest word in which two letters exchanged are a slip though neither is in the table.
const LETTERS: usize = 7;

/// Whether two words are one but for two letters beside each other in the other order.
pub fn exchanged(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() || a.first() != b.first() && a.first() != b.get(1) {
        return false;
    }
    let at = a.iter().zip(b).position(|(x, y)| x != y).unwrap_or(a.len());
    at + 1 < a.len() && a[at] == b[at + 1] && a[at + 1] == b[at] && a[at + 2..] == b[at + 2..]
}

/// Whether one of two words has a letter twice where the other has it once.
fn doubled(a: &str, b: &str) -> bool {
    let (long, short) = if a.len() > b.len() { (a.as_bytes(), b.as_bytes()) } else { (b.as_bytes(), a.as_bytes()) };
    let at = long.iter().zip(short).position(|(x, y)| x != y).unwrap_or(short.len());
    long.len() == short.len() + 1 && at > 0 && long[at] == long[at - 1] && long[at + 1..] == short[at..]
}

/// Endings and what takes their place; the first that fits is taken off once.
const ENDINGS: [(&str, &str); 8] =
    [("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("ly", ""), ("e", "")];

/// Whether two words are equal without their endings.
pub fn one_stem(a: &str, b: &str) -> bool {
    let bytes = |word| {
        let (rest, instead) = stem(word);
        rest.bytes().chain(instead.bytes())
    };
    a.as_bytes().first() == b.as_bytes().first() && bytes(a).eq(bytes(b))
}

/// A word without its ending, and what takes its place; never shorter than three letters together.
fn stem(word: &str) -> (&str, &'static str) {
    if !word.ends_with("ss") {
        for (ending, instead) in ENDINGS {
            if let Some(rest) = word.strip_suffix(ending)
                && rest.len() + instead.len() >= 3
            {
                return (rest, instead);
            }
        }
    }
    (word, "")
}

/// Whether a guard objects to two texts, the same both ways.
#[cfg(test)]
pub fn objects(guard: fn(&Pair<'_>) -> Option<String>, a: &str, b: &str) -> bool {
    let (a, b) = (Words::of(a), Words::of(b));
    let there = guard(&Pair::of(&a, &b)).is_some();
    assert_eq!(there, guard(&Pair::of(&b, &a)).is_some(), "{a:?} {b:?}");
    there
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_alone() {
        for (a, b, left, right) in [
            ("How do I fix a leaking faucet?", "How can I repair leaking faucets?", "", ""),
            ("Bake a salmon", "Bake two cods", "salmon", "2 cods"),
            ("recieve a package", "receive packages", "", ""),
            ("concatenate lists", "concatenation of lists", "", ""),
            ("symptoms of measles", "symptoms of mumps", "measles", "mumps"),
            ("methane", "methanol", "methane", "methanol"),
            ("the police", "the policy", "police", "policy"),
            ("a dog and the dog", "dogs", "", ""),
            ("the quickest way", "the fastest way", "", ""),
            ("生命保険の解約", "生命保険の契約", "生命保険の解約", "生命保険の契約"),
        ] {
            let (x, y) = (Words::of(a), Words::of(b));
            let pair = Pair::of(&x, &y);
            let shown = |words: &Words, places: &[usize]| places.iter().map(|at| words.at(*at)).collect::<Vec<_>>().join(" ");
            assert_eq!((shown(&x, &pair.alone_a).as_str(), shown(&y, &pair.alone_b).as_str()), (left, right), "{a} | {b}");
        }
    }
}
