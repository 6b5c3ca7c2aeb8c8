//! What kind of answer is asked for: a reason, a place, a time, a way, a number, a yes or no.

use super::frame::is_frame;
use super::lists::{List, listed};
use super::pair::Pair;
use super::words::Words;

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
}
use Kind::{Degree, Number, Open, Person, Place, Reason, Thing, Time, Way, YesOrNo};

/// How far into a text its question word may stand, behind words that only ask.
const DEEP: usize = 9;
/// Nouns that say the kind: "what year", "is there a way".
const NOUNS: [(Kind, &str); 6] = [
    (Time, " time year date day month "),
    (Place, " place location somewhere where spot "),
    (Reason, " reason reasons cause causes causing makes made caused why "),
    (Way, " way ways steps step method methods procedure process how "),
    (Number, " number amount count "),
    (Person, " person author name "),
];
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
    let (a, b) = (kind(pair.a), kind(pair.b));
    let said = |words: &Words| words.all.iter().any(|word| SAID.has(&word.lower));
    let alike = agree(a, b) || agree(b, a) || matches!((a, b), (Way, Thing) | (Thing, Way)) && (said(pair.a) || said(pair.b));
    let shown = |kind: Kind| format!("{kind:?}").to_lowercase().replace("yesorno", "yes or no");
    (!alike).then(|| format!("question differs: {} against {}", shown(a), shown(b)))
}

fn agree(a: Kind, b: Kind) -> bool {
    a == b || a == Open && b != YesOrNo || a == Thing && matches!(b, Person | Number | Degree) || a == Number && b == Degree
}

fn kind(words: &Words) -> Kind {
    if tagged(words) {
        return YesOrNo;
    }
    for at in 0..words.all.len().min(DEEP) {
        let word = words.at(at);
        let asks = at == 0 || !words.statement || words.at(at - 1) == "explain";
        match asked(words, at).filter(|_| asks) {
            Some(kind) => return kind,
            None if opens(words, at) => return closed(words, at),
            None => {}
        }
        if !is_frame(word) {
            break;
        }
    }
    // "The wall was built when?"
    let last = words.all.len().saturating_sub(1);
    asked(words, last).filter(|kind| last > 1 && matches!(kind, Time | Place | Reason)).unwrap_or(Open)
}

/// What the question word at a place asks for.
fn asked(words: &Words, at: usize) -> Option<Kind> {
    match words.at(at) {
        "why" => Some(Reason),
        "where" => Some(Place),
        "when" => Some(Time),
        "who" | "whom" | "whose" => Some(Person),
        "how" => Some(match words.at(at + 1) {
            "much" | "many" => Number,
            next if SIZES.has(next) => Degree,
            _ => Way,
        }),
        "what" | "which" => Some(noun(words, at + 1)),
        _ => None,
    }
}

/// What the words after "what" say about the kind, up to the first that says what it is about.
fn noun(words: &Words, from: usize) -> Kind {
    let doing = matches!(words.at(from), "should" | "can" | "could" | "must" | "do") && words.at(from + 2) == "do";
    if doing {
        return Way;
    }
    for at in from..(from + 5).min(words.all.len()) {
        let word = words.at(at);
        if word.ends_with("place") && word != "place" {
            return Place;
        }
        if let Some((kind, _)) = NOUNS.iter().find(|(_, list)| listed(list, word)) {
            return *kind;
        }
        if !is_frame(word)
            && !matches!(word, "best" | "good" | "right" | "easiest" | "main" | "exact" | "quickest" | "fastest" | "simplest")
        {
            break;
        }
    }
    Thing
}

/// Whether the word at a place opens a question for a yes or no.
fn opens(words: &Words, at: usize) -> bool {
    let auxiliary = AUXILIARIES.has(words.at(at));
    let first =
        at == 0 || matches!(words.at(at - 1), "hi" | "hello" | "hey" | "and" | "so" | "but" | "please" | "if" | "whether");
    let asks = words.at(at + 1) == "you" && is_frame(words.at(at + 2)) && !words.at(at + 2).is_empty();
    auxiliary && first && !words.statement && !asks
}

/// A question that begins with an auxiliary, unless it asks whether there is a way, a place or a reason.
fn closed(words: &Words, at: usize) -> Kind {
    let there = words.at(at + 1) == "there";
    match noun(words, at + 2) {
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
    let stated = asked(words, 0).is_none() && !auxiliary(0) && last > 2;
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
            ("Do you know who directed Jaws?", "Who directed Jaws?", false),
            ("What year did it end?", "When did it end?", false),
            ("What makes it slow?", "Why is it slow?", false),
            ("It is open today, right?", "Is it open today?", false),
            ("Tomatoes are fruits, aren't they?", "Are tomatoes fruits?", false),
            ("How tall is it?", "What is the height of it?", false),
            ("Explain how tides work", "How do tides work?", false),
            ("Can you freeze milk?", "How do I freeze milk?", true),
            ("The wall was built when?", "When was the wall built?", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
