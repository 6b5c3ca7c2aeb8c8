//! What was against what is, and what will be.

use super::lists::List;
use super::pair::Pair;
use super::words::Words;

const TIMES: [(&str, &[&str]); 3] = [
    ("past", &["was", "were", "did", "had", "former", "previous", "formerly", "used to"]),
    ("present", &["is", "are", "do", "does", "has", "have", "am", "current", "currently"]),
    ("future", &["will", "shall", "upcoming", "going to"]),
];

/// The copula of Spanish, French, German, Italian, Portuguese and Dutch, as it was and as it is.
const FOREIGN: [(&str, &[&str]); 2] = [
    ("past", &["era", "eran", "fue", "fueron", "était", "étaient", "fut", "war", "waren", "foi", "foram", "was"]),
    ("present", &["es", "son", "está", "están", "est", "sont", "ist", "sind", "è", "sono", "é", "são", "is", "zijn"]),
];

/// Says that one text has a word of one time where the other has a word of another time.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    if completed(pair) {
        return Some("tense differs: what is done against what is being done".to_owned());
    }
    let (a, b) = (time(pair.a, pair.b), time(pair.b, pair.a));
    // "What will happen", "what happened": the past may stand in the verb alone.
    let told = |time: Option<&'static str>, ends: bool| time.or_else(|| ended(pair, ends).then_some("past"));
    let (a, b) = match (a, b) {
        (Some("future"), None) => ("future", told(None, false)?),
        (None, Some("future")) => (told(None, true)?, "future"),
        (a, b) => (a?, b?),
    };
    // "When will it leave" and "when does it leave" ask for one timetable; "why won't it start" asks for what is.
    let timetable = matches!((a, b), ("present", "future") | ("future", "present"));
    let scheduled = timetable && [pair.a, pair.b].iter().all(|words| timed(words));
    let event = scheduled
        || matches!((a, b), ("past", "present")) && happened(pair.a) && names(pair.b)
        || matches!((a, b), ("present", "past")) && happened(pair.b) && names(pair.a);
    (a != b && !event).then(|| format!("tense differs: {a} against {b}"))
}

/// Whether a verb is perfect in one text and plain in the other: "it expires", "it has expired".
fn completed(pair: &Pair<'_>) -> bool {
    let perfect = |words: &Words, at: usize| {
        at > 0 && matches!(words.at(at - 1), "has" | "have") && words.at(at).ends_with("ed") && !words.has("since")
    };
    let plain = |words: &Words, at: usize| {
        let helped = at > 0 && HELP.has(words.at(at - 1));
        !helped && !words.at(at).ends_with("ed") && !words.at(at).ends_with("ing") && !words.has("did")
    };
    // "The expiry of it" has no time.
    let verb = |words: &Words, at: usize| at > 0 && words.all[at - 1].content || words.at(at).ends_with('s');
    let done = |here: &Words, x: usize, there: &Words, y: usize| perfect(here, x) && plain(there, y) && verb(there, y);
    pair.links.iter().any(|&(x, y)| done(pair.a, x, pair.b, y) || done(pair.b, y, pair.a, x))
}

/// Whether a verb of the pair has the ending of the past in one text alone, with no "be" or "have" before it.
fn ended(pair: &Pair<'_>, first: bool) -> bool {
    let places = |&(x, y): &(usize, usize)| if first { (pair.a, x, pair.b, y) } else { (pair.b, y, pair.a, x) };
    pair.links.iter().map(places).any(|(here, at, there, other)| {
        let past = |word: &str| word.len() > 3 && word.ends_with("ed");
        let helped = at > 0 && HELP.has(here.at(at - 1));
        past(here.at(at)) && !past(there.at(other)) && !helped
    })
}

static HELP: List = List::of(" is are was were be been being has have had get gets got ");
/// Participles of the verbs that most often tell how a thing came to be.
static BORN: List = List::of(" born built made written founded won begun sung held found taken drawn paid ");

fn timed(words: &Words) -> bool {
    let time = words.has("when") || words.at(0) == "what" && words.at(1) == "time";
    time || words.has("why") && words.has("not")
}

/// Whether it asks for an event: "was he born", "did it end".
fn happened(words: &Words) -> bool {
    let passive = words.has("was") || words.has("were");
    let participle = |word: &str| word.len() > 3 && word.ends_with("ed") || BORN.has(word);
    words.has("did") || passive && words.all.iter().any(|word| participle(&word.lower))
}

/// Whether it asks for something by a noun, which has no time: "what is the birthplace of", "what is his date of birth".
fn names(words: &Words) -> bool {
    let noun = |at: usize| words.all.iter().skip(at + 2).take(4).any(|word| matches!(word.lower.as_str(), "of" | "when" | "in"));
    let is = |at: usize| matches!(words.at(at), "is" | "are") && matches!(words.at(at - 1), "what" | "which" | "who");
    (1..words.all.len()).any(|at| is(at) && noun(at))
}

/// The time that only this text speaks of; none where it speaks of several.
fn time(here: &Words, there: &Words) -> Option<&'static str> {
    let times: &[(&'static str, &[&str])] = if here.foreign && there.foreign { &FOREIGN } else { &TIMES };
    let mut times = times.iter().filter(|(_, list)| said(here, list) && !said(there, list)).map(|(time, _)| *time);
    times.next().filter(|_| times.next().is_none())
}

/// "is going to" speaks of what will be, not of what is.
fn said(words: &Words, list: &[&str]) -> bool {
    let future = words.all.iter().enumerate().any(|(at, word)| word.lower == "going" && words.at(at + 1) == "to");
    list.iter().any(|word| match *word {
        "is" | "are" | "am" => words.has(word) && !future,
        "going to" => future,
        "used to" => (0..words.all.len())
            .any(|at| words.at(at) == "used" && words.at(at + 1) == "to" && !HELP.has(words.at(at.wrapping_sub(1)))),
        word => words.has(word),
    })
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Who is the mayor?", "Who was the mayor?", true),
            ("Wer ist der Bürgermeister von Bonn?", "Wer war der Bürgermeister von Bonn?", true),
            ("Does it rain?", "Will it rain?", true),
            ("When will the train leave?", "When does the train leave?", false),
            ("Why won't it start?", "Why does it not start?", false),
            ("Did the team win?", "Does the team win?", true),
            ("It is used to load data", "It serves to load data", false),
            ("Who was Ada?", "Tell me about Ada", false),
            ("When will it arrive?", "When is it going to arrive?", false),
            ("When is it going to arrive?", "When did it arrive?", true),
            ("What will happen to it?", "What happened to it?", true),
            ("It will be closed", "It is closed", true),
            ("Where was he born?", "What is the birthplace of him?", false),
            ("When did it end?", "What is the year in which it ended?", false),
            ("Who was the mayor of Bonn?", "Who is the mayor of Bonn?", true),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
