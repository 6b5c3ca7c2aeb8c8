//! Words that say nothing about the matter: grammar, and the frame that any request may stand in.

use std::collections::HashMap;
use std::sync::LazyLock;

use ahash::RandomState;

use super::lexicon::known;
use super::lists::{List, listed, table};
use super::pair::exchanged;
use super::spelling::slips;
use super::words::Word;

static FRAME: List = List::of(
    " a an the this that these those some any i me my mine we us our you your he she it its they them their him \
    her is are was were be been being am do does did done doing have has had can could will would shall should may might must of \
    to in on at for from by with as into about and or but if so than then there here also just only very really what which who \
    whom whose when where why how tell show give get let make want need made makes making gets got getting gives gave given giving like know see say ask please find help explain describe \
    list name write provide state summarise summarize way ways step steps method possible exactly actually currently mean \
    meaning definition define called much many lot kind type sort thing things hi hello hey thanks thank ok okay yes no sure use \
    used using uses employ employed utilize utilized utilise utilised calculate compute convert determine specify one not never \
    none neither nor without number amount process procedure manner reason looking contain contains contained found located available ever exist exists people someone anyone somewhere somebody anybody wondering idea \
    understand definition definitions question going able allowed during while since through between both because however whether until version yet also ",
);

/// Frame words that are open to any matter elsewhere: "change my name", "write to a file".
static OPEN: List =
    List::of(" name list write find show state make get give tell say kind sort use used need see number process reason found ");
/// Words that name the kind of an answer right behind "what" or "which".
const KINDS: &str = " time year date day month ";

/// Whether a word of the frame could be the matter itself.
pub fn is_open(word: &str) -> bool {
    OPEN.has(word)
}

/// Whether it only says what kind of answer is wanted: "what year".
pub fn is_kind(word: &str, before: &str) -> bool {
    matches!(before, "what" | "which") && listed(KINDS, word)
}

/// Several words for one thing, and the word that stands for it.
const PHRASES: [(&str, &str); 57] = [
    ("what now", "what should i do"),
    ("what next", "what should i do"),
    ("um wie viel uhr", "wann"),
    ("um wieviel uhr", "wann"),
    ("à quelle heure", "quand"),
    ("a qué hora", "cuándo"),
    ("a che ora", "quando"),
    ("how tall", "what height"),
    ("how high", "what height"),
    ("how old", "what age"),
    ("how far", "what distance"),
    ("how deep", "what depth"),
    ("how wide", "what width"),
    ("how heavy", "what weight"),
    ("how fast", "what speed"),
    ("how big", "what size"),
    ("how large", "what size"),
    ("log in", "login"),
    ("log on", "login"),
    ("sign in", "login"),
    ("log out", "logout"),
    ("log off", "logout"),
    ("sign out", "logout"),
    ("sign up", "register"),
    ("shut down", "disable"),
    ("switch off", "disable"),
    ("switch on", "enable"),
    ("turn off", "disable"),
    ("turn on", "enable"),
    ("deactivate", "disable"),
    ("activate", "enable"),
    ("call off", "cancel"),
    ("put off", "postpone"),
    ("hand in", "submit"),
    ("fill out", "complete"),
    ("fill in", "complete"),
    ("throw away", "discard"),
    ("give back", "return"),
    ("send back", "return"),
    ("bring back", "return"),
    ("pick up", "collect"),
    ("look for", "search"),
    ("you guys", "you"),
    ("you all", "you"),
    ("am not able to", "can not"),
    ("get rid of", "remove"),
    ("get in touch with", "contact"),
    ("how come", "why"),
    ("as well as", "and"),
    ("take place", "happen"),
    ("took place", "happened"),
    ("takes place", "happens"),
    ("gas station", "petrol station"),
    ("mobile phone", "phone"),
    ("cell phone", "phone"),
    ("more and more", "increasingly"),
    ("right now", "now"),
];

/// Whether a word is grammar or frame.
pub fn is_frame(word: &str) -> bool {
    FRAME.has(word)
}

/// Whether an unknown word is one slip of the finger away from such a word.
pub fn is_slip(word: &str) -> bool {
    static LONG: LazyLock<Vec<&str>> = LazyLock::new(|| FRAME.all().filter(|word| word.len() >= 5).collect());
    // "teh", "waht": a short word of the frame with two letters exchanged.
    static BRIEF: LazyLock<Vec<&str>> = LazyLock::new(|| FRAME.all().filter(|word| (3..5).contains(&word.len())).collect());
    if (3..5).contains(&word.len()) && BRIEF.iter().any(|other| exchanged(word, other)) {
        return !known(word);
    }
    let long = word.len() >= 5 && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let like = |other: &&&str| other.as_bytes()[0] == word.as_bytes()[0] && other.len().abs_diff(word.len()) <= 1;
    let mut others = LONG.iter().filter(like).peekable();
    long && others.peek().is_some() && !known(word) && others.any(|other| slips(word, other) == 1)
}

/// Puts one wording in the place of others that mean the same.
pub fn phrases(all: &mut Vec<Word>) {
    let mut at = 0;
    while at < all.len() {
        if let Some((taken, instead)) = phrase(&all[at..]) {
            let Word { opens, pause, quoted, .. } = all[at];
            let fresh =
                |word: &str| Word { shown: word.to_owned(), lower: word.to_owned(), opens, pause, quoted, ..Word::default() };
            all.splice(at..at + taken, instead.split(' ').map(fresh));
        }
        at += 1;
    }
}

/// The first phrase that the words begin with: how many of them it takes, and what stands for it.
fn phrase(words: &[Word]) -> Option<(usize, &'static str)> {
    type Phrases = Vec<(Vec<&'static str>, &'static str)>;
    static FIRST: LazyLock<HashMap<&str, Phrases, RandomState>> = LazyLock::new(|| {
        let mut all: HashMap<&str, Phrases, RandomState> = table();
        for (phrase, instead) in PHRASES {
            let parts: Vec<&str> = phrase.split(' ').collect();
            all.entry(parts[0]).or_default().push((parts, instead));
        }
        all
    });
    let begins = |parts: &[&str]| words.len() >= parts.len() && words.iter().zip(parts).all(|(word, part)| word.lower == *part);
    let (parts, instead) = FIRST.get(words.first()?.lower.as_str())?.iter().find(|(parts, _)| begins(parts))?;
    Some((parts.len(), instead))
}
