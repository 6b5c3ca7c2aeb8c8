//! The same things in other parts: from euros to dollars, who sues whom.

use super::lists::List;
use super::pair::Pair;
use super::roles::BE;
use super::words::{Word, Words};

/// Words that give what follows a part to play; all others leave it the part of the sentence's own subject or object.
static PARTS: List = List::of(
    " to into through than by of in on at for with about over under before after minus against as instead per times plus divided ",
);
/// Between these, order says nothing.
static LINKED: List = List::of(" and or vs versus ");
/// Words that no two things can be told apart by.
static ARTICLES: List = List::of(
    " a an the my your our their his her its this that these those and or vs versus is are was were do does did i you it ",
);
/// Longer texts say the same with their clauses in another order; only directions and proper names are looked at in them.
const LONG: usize = 16;
const DIRECTED: [&str; 2] = ["to", "than"];
const PRONOUNS: [&[&str]; 4] = [&["i", "me"], &["he", "him"], &["they", "them"], &["we", "us"]];
/// How far back a part reaches over the words of a name: "from New York City".
const REACH: usize = 4;

/// Says which two things have exchanged their parts, or changed places around a third.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let parts = Parts {
        before: parts(pair.a),
        after: parts(pair.b),
        short: pair.a.all.len().max(pair.b.all.len()) <= LONG,
        // What the one text says of the doer, the other may say of what is done.
        voiced: passive(pair.a) == passive(pair.b),
    };
    let links = linked(pair);
    let mut both = (0..links.len()).flat_map(|at| (at + 1..links.len()).map(move |other| (at, other)));
    let (at, other) = both.find(|(at, other)| parts.turned(pair, links[*at], links[*other]))?;
    let (first, second) = (&pair.a.all[links[at].0].shown, &pair.a.all[links[other].0].shown);
    Some(format!("word order differs: '{first}' and '{second}' have changed places"))
}

/// The part of each word in both texts.
struct Parts<'a> {
    before: Vec<&'a str>,
    after: Vec<&'a str>,
    short: bool,
    voiced: bool,
}

impl Parts<'_> {
    /// Whether two things, each given by its places in both texts, have changed their parts.
    fn turned(&self, pair: &Pair<'_>, first: (usize, usize), second: (usize, usize)) -> bool {
        let (before, after) = (&self.before, &self.after);
        let one = |words: &Words, x: usize, y: usize| words.at(x) == words.at(y) || beside(words, x, y);
        if one(pair.a, first.0, second.0) || one(pair.b, first.1, second.1) {
            return false;
        }
        let named = |(x, y): (usize, usize)| proper(&pair.a.all[x]) || proper(&pair.b.all[y]);
        let near = self.short || named(first) && named(second);
        let directed = [first.0, second.0].iter().any(|at| DIRECTED.contains(&before[*at]));
        let apart = before[first.0] != before[second.0];
        let crossed = before[first.0] == after[second.1] && before[second.0] == after[first.1];
        let plain = [&before[first.0], &before[second.0], &after[first.1], &after[second.1]].iter().all(|part| part.is_empty());
        // In sentences of their own each has a part of its own.
        let apart_here = |words: &Words, x: usize, y: usize| (x.min(y) + 1..=x.max(y)).any(|at| words.all[at].opens);
        let joined = !apart_here(pair.a, first.0, second.0) && !apart_here(pair.b, first.1, second.1);
        let moved = joined && plain && first.1 > second.1 && pivot(pair, (first.0, second.0), (second.1, first.1));
        apart && crossed && (near && self.voiced || directed) || near && self.voiced && moved
    }
}

/// The name of a person or a place, not of code: these change parts in texts of any length.
fn proper(word: &Word) -> bool {
    word.is_name() && word.shown.chars().all(char::is_alphabetic)
}

/// The linked words, and the pronouns that each text has once: "I" of the one is "me" of the other.
fn linked(pair: &Pair<'_>) -> Vec<(usize, usize)> {
    let mut links = pair.links.clone();
    for forms in PRONOUNS {
        let once = |words: &Words| {
            let mut places = (0..words.all.len()).filter(|at| forms.contains(&words.at(*at)));
            places.next().filter(|_| places.next().is_none())
        };
        links.extend(once(pair.a).zip(once(pair.b)));
    }
    links.sort_unstable();
    links
}

/// Whether it says what is done rather than who does it: a form of "be" before a participle.
fn passive(words: &Words) -> bool {
    let participle = |at: usize| words.at(at).len() > 3 && words.at(at).ends_with("ed") || words.at(at + 1) == "by";
    (1..words.all.len()).any(|at| BE.has(words.at(at - 1)) && participle(at))
}

/// Whether two words make one name: "New York".
fn beside(words: &Words, x: usize, y: usize) -> bool {
    x.abs_diff(y) == 1 && !words.all[x].number && !words.all[y].number
}

/// For each word the preposition that it follows, over articles and other words of the same name. What comes "from" is what it is
/// that goes "to" somewhere; what is linked by "and" plays the part of what stands before.
fn parts(words: &Words) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for at in 0..words.all.len() {
        parts.push(part(words, at, &parts));
    }
    parts
}

fn part<'a>(words: &'a Words, at: usize, before: &[&'a str]) -> &'a str {
    for back in 1..=REACH.min(at) {
        let word = words.at(at - back);
        if LINKED.has(word) {
            return before[..at - back].last().copied().unwrap_or_default();
        }
        if PARTS.has(word) {
            return if word == "into" { "to" } else { word };
        }
        let carries = words.all[at - back].content || matches!(word, "a" | "an" | "the" | "my" | "your" | "this" | "that");
        if !carries {
            break;
        }
    }
    ""
}

/// Whether some word stands between the two in both texts.
fn pivot(pair: &Pair<'_>, (x, y): (usize, usize), (q, p): (usize, usize)) -> bool {
    let between = |from: usize, to: usize| from + 1..to;
    // "Madrid a Lima": between names it is no English article.
    let names = |words: &Words, at: usize| words.all[at - 1].is_name() && words.all.get(at + 1).is_some_and(Word::is_name);
    let idle = |words: &Words, at: usize| ARTICLES.has(words.at(at)) && !(words.at(at) == "a" && names(words, at));
    let stands = |at: usize, other: usize| !idle(pair.a, at) && !idle(pair.b, other) && pair.meets(at, other);
    between(x, y).any(|at| between(q, p).any(|other| stands(at, other)))
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("convert euros to dollars", "convert dollars to euros", true),
            ("a train from New York to Los Angeles", "Is there a train from Los Angeles to New York", true),
            ("to Oslo from Rome", "from Rome to Oslo", false),
            ("cheapest flights Oslo to Rome", "a low price flight from Oslo to Rome", false),
            ("cheapest flights Oslo to Rome", "a low price flight from Rome to Oslo", true),
            ("Is tea healthier than coffee", "Is coffee healthier than tea", true),
            ("Did Alice call Bob?", "Did Bob call Alice?", true),
            ("Can a tenant sue a landlord?", "Can a landlord sue a tenant?", true),
            ("Can I sue my boss?", "Can my boss sue me?", true),
            ("Tell me which card I need", "Which card do I need?", false),
            ("Does stress cause pain?", "Does pain cause stress?", true),
            ("How many pesos are in a rupee?", "How many rupees are in a peso?", true),
            ("Divide 90 by 6", "Divide 6 by 90", true),
            ("Load a Set by calling `get`", "By calling `get`, one loads a Set", false),
            ("In Python, how do I read a file?", "How do I read a file in Python?", false),
            ("Files can be listed from a cloud with `ls`", "A cloud lists files with `ls`", false),
            ("Convert a list to a set", "Convert a set to a list", true),
            ("Vuelos de Madrid a Lima", "Vuelos de Lima a Madrid", true),
            ("The screen flickers. How do I fix it?", "How do I fix a flickering screen?", false),
            ("thunder and lightning", "lightning and thunder", false),
            ("Redis vs Memcached", "Memcached vs Redis", false),
            ("The committee wrote the report.", "The report was written by the committee.", false),
            ("For a beginner, what is a good guitar?", "What is a good guitar for a beginner?", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
