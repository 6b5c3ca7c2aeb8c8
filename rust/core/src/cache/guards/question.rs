//! What kind of answer is asked for: a reason, a place, a time, a way, a number, a yes or no.

use std::sync::LazyLock;

use super::frame::is_frame;
use super::lists::{List, Lists};
use super::pair::Pair;
use super::words::{Word, Words};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Reason,
    Place,
    Time,
    Person,
    Way,
    Number,
    Degree,
    Thing,
    YesOrNo,
    /// A request or a bare topic, which may ask for any of these but a yes or no.
    Open,
    /// A statement about somebody's own matter, which asks for nothing: "My transfer is pending."
    Told,
}
use Kind::{Degree, Number, Open, Person, Place, Reason, Thing, Time, Told, Way, YesOrNo};

/// What is asked for, and the kind that a noun further on names: "the opening hours" are a time.
type Ask = (Kind, Option<Kind>);

/// How far into a text its question word may stand, behind words that only ask.
const DEEP: usize = 9;
/// Nouns that say the kind: "what year", "is there a way".
const NOUNS: [(Kind, &str); 6] = [
    (Time, " time times year date day month season hour deadline schedule birthday anniversary "),
    (Place, " place location somewhere where spot "),
    (Reason, " reason reasons cause causes causing makes made caused why "),
    (Way, " way ways steps step method methods procedure process how trick instructions approach "),
    (Number, " number amount count "),
    (Person, " person author name "),
];
/// Words between "what" and the noun that says the kind, and those that end the search.
static BEST: List = List::of(" best good right easiest main exact quickest fastest simplest ");
static PREPOSITIONS: List = List::of(" of in on at for from by with to into about when if and or than between per that ");
/// What a thing is done with.
static MEANS: List = List::of(" command code function option setting shortcut syntax tool formula keyword css ");
/// How far behind "what" that noun may stand.
const FAR: usize = 6;
/// How many clauses are looked at for a question.
const CLAUSES: usize = 4;
/// Who or what a question for a yes or no may be about.
static SUBJECTS: List = List::of(" the a an my your our his her their i you we they he she it this that these those there any ");
/// What one asks somebody to do: "can you recommend" is no question for a yes or no.
static ASKED: List = List::of(
    " recommend suggest remind set play add call book order send turn switch check show translate summarize draft compose reserve ",
);
/// Words of a statement that wants something all the same.
static WANTS: List = List::of(
    " want need needs like wish wonder wondering looking trying help please how what why when where who which can could would should ",
);
static AUXILIARIES: List = List::of(" is are was were am do does did has have will should must may might can could would shall ");
/// Words after "how" that make it a question for a size or a degree.
static SIZES: List = List::of(
    " long far tall old big large small deep high low heavy light fast slow quick quickly soon late early often wide thick hot cold \
    warm strong weak hard difficult easy expensive cheap safe accurate reliable likely common rare well bad good close near rich short \
    young new strict important dangerous effective popular ",
);
/// Of words, "how" and "what" ask the same.
static SAID: List = List::of(" say said call called spell pronounce translate mean write work works differ ");

/// Says that two texts ask for different kinds of answer.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    if pair.a.foreign || pair.b.foreign {
        return None;
    }
    let (x, y) = (ask(pair.a), ask(pair.b));
    let (a, b) = (x.0, y.0);
    let said = |words: &Words| words.all.iter().any(|word| SAID.has(&word.lower));
    let alike = agree(x, y) || agree(y, x) || matches!((a, b), (Way, Thing) | (Thing, Way)) && (said(pair.a) || said(pair.b));
    if needed(pair.a) && defined(pair.b) || needed(pair.b) && defined(pair.a) {
        return Some("question differs: what is needed for it against what it is".to_owned());
    }
    let alike =
        alike || matches!((a, b), (Way, Thing)) && named(pair, false) || matches!((a, b), (Thing, Way)) && named(pair, true);
    // Who wants a thing done does not ask why.
    let alike = alike && !(wishes(pair.a) && b == Reason || wishes(pair.b) && a == Reason);
    let shown = |kind: Kind| match kind {
        YesOrNo => "yes or no".to_owned(),
        Told => "a statement".to_owned(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    (!alike).then(|| format!("question differs: {} against {}", shown(a), shown(b)))
}

/// "What do I need for it", "what is required for it".
fn needed(words: &Words) -> bool {
    let asks = |at: usize| matches!(words.at(at), "what" | "which") && words.all.iter().skip(at).take(FAR).any(needs);
    (0..words.all.len().min(DEEP)).any(asks)
}

/// "What is it", of nothing that is needed.
fn defined(words: &Words) -> bool {
    words.at(0) == "what" && matches!(words.at(1), "is" | "are") && !words.all.iter().any(needs)
}

/// "I need to", "we want to".
fn wishes(words: &Words) -> bool {
    matches!(words.at(0), "i" | "we") && matches!(words.at(1), "need" | "want" | "would" | "wish") && ask(words).0 == Open
}

fn needs(word: &Word) -> bool {
    ["need", "requir", "necess"].iter().any(|root| word.lower.starts_with(root))
}

/// Whether the thing that one text asks for is a noun made of the verb of the other: "the treatment of it", "how is it treated".
fn named(pair: &Pair<'_>, first: bool) -> bool {
    let places = |&(x, y): &(usize, usize)| if first { (pair.a, x, pair.b, y) } else { (pair.b, y, pair.a, x) };
    pair.links.iter().map(places).any(|(here, noun, there, verb)| {
        let behind = (2..=FAR).contains(&noun) && (2..noun).all(|at| is_frame(here.at(at)) || BEST.has(here.at(at)));
        behind && matches!(here.at(1), "is" | "are") && here.at(noun) != there.at(verb) && there.at(verb).ends_with("ed")
    })
}

/// Whether what the first asks for is what the second does; to be asked both ways.
fn agree((a, noun): Ask, (b, _): Ask) -> bool {
    let same = |a: Kind| {
        a == b || a == Open && b != YesOrNo || a == Thing && matches!(b, Person | Number | Degree) || a == Number && b == Degree
    };
    same(a) || noun.is_some_and(|noun| same(noun) || noun == Time && matches!(b, Degree | Number))
}

fn ask(words: &Words) -> Ask {
    if tagged(words) {
        return (YesOrNo, None);
    }
    // A question may stand behind a clause of its own: "After two years, is it still valid?"
    let starts = (0..words.all.len()).filter(|at| *at == 0 || words.all[*at].pause && !words.statement);
    if let Some(ask) = starts.take(CLAUSES).find_map(|at| clause(words, at)) {
        return ask;
    }
    // "The wall was built when?"
    let last = words.all.len().saturating_sub(1);
    let late = asked(words, last).filter(|(kind, _)| last > 1 && matches!(kind, Time | Place | Reason));
    let first = (words.at(0) == "when" && !words.statement).then_some((Time, None));
    late.or(first).unwrap_or((if told(words) { Told } else { Open }, None))
}

/// Words that ask, before "whether".
static ASKING: List = List::of(" me know check see wondering wonder ask sure ");

/// What a clause asks for, where it asks.
fn clause(words: &Words, from: usize) -> Option<Ask> {
    for at in from..words.all.len().min(from + DEEP) {
        let before = if at > from { words.at(at - 1) } else { "" };
        let asks = at == from || !words.statement || before == "explain";
        match asked(words, at).filter(|_| asks) {
            Some(ask) => return Some(ask),
            None if opens(words, at, from) => return Some((closed(words, at), None)),
            // "Tell me whether it is prime."
            None if matches!(words.at(at), "whether" | "if") && ASKING.has(before) => {
                return Some((YesOrNo, None));
            }
            None => {}
        }
        if !is_frame(words.at(at)) {
            break;
        }
    }
    None
}

/// Whether it tells of one's own matter and wants nothing: "My transfer has not arrived."
fn told(words: &Words) -> bool {
    let wants = |word: &Word| WANTS.has(&word.lower);
    matches!(words.at(0), "my" | "our" | "i" | "we")
        && words.all.iter().take(DEEP).any(|word| AUXILIARIES.has(&word.lower))
        && !words.all.iter().any(wants)
}

/// What the question word at a place asks for.
fn asked(words: &Words, at: usize) -> Option<Ask> {
    let kind = match words.at(at) {
        "what" | "which" => return Some(noun(words, at + 1)),
        "why" => Some(Reason),
        "where" => Some(Place),
        // "When I plug it in" asks for nothing.
        "when" => {
            Some(Time).filter(|_| at + 1 == words.all.len() || AUXILIARIES.has(words.at(at + 1)) || words.at(at + 1) == "to")
        }
        "who" | "whom" | "whose" => Some(Person),
        "how" => Some(match words.at(at + 1) {
            "much" | "many" => Number,
            next if SIZES.has(next) => Degree,
            _ => Way,
        }),
        _ => None,
    };
    kind.map(|kind| (kind, None))
}

/// What the words after "what" say about the kind, up to the first that says what it is about.
fn noun(words: &Words, from: usize) -> Ask {
    if doing(words, from) {
        return (Way, None);
    }
    let mut direct = true;
    for at in from..(from + FAR).min(words.all.len()) {
        let word = words.at(at);
        let place = (word.ends_with("place") && word != "place").then_some(Place);
        match place.or_else(|| said_by(word)) {
            Some(kind) if direct => return (kind, None),
            Some(kind) => return (Thing, Some(kind)),
            // "Which command renames it", "what is needed to rename it".
            None if MEANS.has(word) || word.starts_with("need") && words.at(at + 1) == "to" => return (Thing, Some(Way)),
            None if PREPOSITIONS.has(word) => break,
            None => direct &= is_frame(word) || BEST.has(word),
        }
    }
    (Thing, None)
}

/// The kind that a noun says.
fn said_by(word: &str) -> Option<Kind> {
    static ALL: LazyLock<Lists> = LazyLock::new(|| Lists::of(NOUNS.map(|(_, list)| list)));
    NOUNS.get(ALL.with(word).trailing_zeros() as usize).map(|(kind, _)| *kind)
}

/// "What should I do to", "what do I need to do to".
fn doing(words: &Words, from: usize) -> bool {
    matches!(words.at(from), "should" | "can" | "could" | "must" | "do")
        && (words.at(from + 2) == "do" || words.at(from + 3) == "to" && words.at(from + 4) == "do")
}

/// Whether the word at a place opens a question for a yes or no.
fn opens(words: &Words, at: usize, from: usize) -> bool {
    let auxiliary = AUXILIARIES.has(words.at(at));
    let subject = SUBJECTS.has(words.at(at + 1)) || words.all.get(at + 1).is_some_and(Word::is_name);
    let first = at == from && (at == 0 || subject)
        || at > 0 && matches!(words.at(at - 1), "hi" | "hello" | "hey" | "and" | "so" | "but" | "please" | "if" | "whether");
    let wanted = words.at(at + 2);
    let served = matches!(words.at(at), "could" | "may") && words.at(at + 1) == "i" && matches!(wanted, "get" | "have");
    let wish = words.at(at) == "could" || is_frame(wanted) || ASKED.has(wanted);
    let asks = words.at(at + 1) == "you" && !wanted.is_empty() && wish;
    auxiliary && first && !words.statement && !asks && !served
}

/// A question that begins with an auxiliary, unless it asks whether there is a way, a place or a reason.
fn closed(words: &Words, at: usize) -> Kind {
    let there = words.at(at + 1) == "there";
    match noun(words, at + 2).0 {
        kind @ (Way | Place | Reason) if there => kind,
        _ => YesOrNo,
    }
}

/// "It is open, isn't it?", "It is open, right?"
fn tagged(words: &Words) -> bool {
    let last = words.all.len().saturating_sub(1);
    let pronoun = |at: usize| matches!(words.at(at), "it" | "they" | "you" | "he" | "she" | "i" | "we" | "not");
    let auxiliary = |at: usize| AUXILIARIES.has(words.at(at));
    let short = last > 2 && pronoun(last) && (auxiliary(last - 1) || pronoun(last - 1) && auxiliary(last - 2));
    // "Good day, who are you?" asks by its question word.
    let stated = (0..last).all(|at| asked(words, at).is_none()) && !auxiliary(0) && last > 2;
    stated && (words.at(last) == "right" && words.at(0) != "turn" || short && !words.statement)
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Why do I need a visa?", "What visa do I need?", true),
            ("Where can I get a card?", "Can I get a card?", true),
            ("Do I need to verify it?", "How do I verify it?", true),
            ("What is a mortgage?", "How do I get a mortgage?", true),
            ("Where was he born?", "When was he born?", true),
            ("Who was Jane Austen?", "Tell me about Jane Austen.", false),
            ("Is it safe to eat it raw?", "Can I eat it raw?", false),
            ("Is there a way to reset it?", "How do I reset it?", false),
            ("Can you tell me the time?", "What is the time?", false),
            ("When it rains, it pours.", "It pours if it rains.", false),
            ("My transfer is pending.", "My transfer is pending, why?", true),
            ("My transfer is pending.", "My transfer has been pending.", false),
            ("I can't log in.", "Why can't I log in?", false),
            ("After two years, is it still valid?", "Is it still valid after 2 years?", false),
            ("I have ants. How do I remove them?", "How do I remove ants?", false),
            ("Can you recommend a hotel?", "What are good hotels?", false),
            ("Tell me whether 97 is prime.", "Is 97 prime?", false),
            ("What do I need to do to renew it?", "How do I renew it?", false),
            ("What are the opening hours of the zoo?", "When is the zoo open?", false),
            ("Which command renames a branch?", "How do I rename a branch?", false),
            ("What is needed to open it?", "How do I open it?", false),
            ("Was kostet ein Flug nach Rom?", "Wie viel kostet ein Flug nach Rom?", false),
            ("What are your delivery times?", "How long does delivery take?", false),
            ("What is the release date?", "Why was it released?", true),
            ("Do you know who directed Jaws?", "Who directed Jaws?", false),
            ("What year did it end?", "When did it end?", false),
            ("What makes it slow?", "Why is it slow?", false),
            ("It is open today, right?", "Is it open today?", false),
            ("Tomatoes are fruits, aren't they?", "Are tomatoes fruits?", false),
            ("How tall is it?", "What is the height of it?", false),
            ("Explain how tides work", "How do tides work?", false),
            ("Could you please wash it?", "Wash it", false),
            ("Could you wash it for me?", "Wash it", false),
            ("I need to verify it", "Why do you need to verify it?", true),
            ("I was wondering if I can bring it", "Can I bring it?", false),
            ("When I plug it in, it stops. Why?", "Why does it stop when I plug it in?", false),
            ("What is the exam?", "Tell me what I need for the exam", true),
            ("What are the requirements for it?", "What do I need for it?", false),
            ("What is the best treatment for a sprain?", "How is a sprain best treated?", false),
            ("Could I get an invoice?", "I'd like an invoice", false),
            ("I lost it, what now?", "What should I do if I lose it?", false),
            ("Can you freeze milk?", "How do I freeze milk?", true),
            ("The wall was built when?", "When was the wall built?", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
