//! Who does it and who it is done to, where the order of the words alone does not tell: a passive, a question for the doer.

use super::lists::List;
use super::pair::Pair;
use super::words::Words;

/// How far "by" may stand behind the participle.
const REACH: usize = 4;

/// Says who has changed parts with whom.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    by_whom(pair).or_else(|| asked(pair))
}

/// Says that who does it and who it is done to have changed places between a sentence with "by" and one without.
fn by_whom(pair: &Pair<'_>) -> Option<String> {
    let sides = |&(x, y): &(usize, usize)| [(pair.a, x, pair.b, y, false), (pair.b, y, pair.a, x, true)];
    pair.links.iter().flat_map(sides).find_map(|(here, at, there, other, turned)| {
        let by = (at + 1..(at + REACH).min(here.all.len())).find(|by| here.at(*by) == "by")?;
        let done = at > 0 && BE.has(here.at(at - 1)) && !there.has("by") && !BE.has(there.at(other.wrapping_sub(1)));
        let place = |&(x, y): &(usize, usize)| if turned { (y, x) } else { (x, y) };
        let mut parts = pair.links.iter().map(place);
        let doer = parts.clone().filter(|(here, _)| *here > by).min()?;
        let object = parts.rfind(|(here, _)| *here < at)?;
        let swapped = done && object.1 < other && other < doer.1;
        swapped
            .then(|| format!("roles differ: '{}' and '{}' have changed places", here.all[object.0].shown, here.all[doer.0].shown))
    })
}

/// Forms of "be" and what stands for it before a participle.
pub static BE: List = List::of(" is are was were be been being gets got get ");

/// Says that one text asks who does it, the other who it is done to: "what eats frogs", "what do frogs eat".
fn asked(pair: &Pair<'_>) -> Option<String> {
    let sides = |&(x, y): &(usize, usize)| [(pair.a, x, pair.b, y, false), (pair.b, y, pair.a, x, true)];
    pair.links.iter().flat_map(sides).find_map(|(doing, verb, done, moved, turned)| {
        let helper = question(done).filter(|at| HELPERS.has(done.at(*at)))?;
        let subject = question(doing).filter(|at| verb == *at || MODALS.has(doing.at(*at)) && verb == *at + 1)?;
        let place = |&(x, y): &(usize, usize)| if turned { (y, x) } else { (x, y) };
        let mut others = pair.links.iter().map(place);
        let crossed = others.any(|(x, y)| x > verb.max(subject) && helper < y && y < moved);
        crossed.then(|| format!("roles differ: who does it against who it is done to, of '{}'", doing.all[verb].shown))
    })
}

/// The place behind "what", "who" or "which" and its noun, where the text begins with one.
fn question(words: &Words) -> Option<usize> {
    match words.at(0) {
        "what" | "who" | "whom" => Some(1),
        "which" => Some(2),
        _ => None,
    }
}

/// Verbs before the doer in a question for what it is done to.
static HELPERS: List = List::of(" do does did can could will would should may might must has have had ");
static MODALS: List = List::of(" can could will would should may might must ");

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("The firm was bought by its rival.", "The firm bought its rival.", true),
            ("The rival bought the firm.", "The firm was bought by its rival.", false),
            ("What eats frogs?", "What do frogs eat?", true),
            ("Who owns the bank?", "Who does the bank own?", true),
            ("What can cause fever?", "What can fever cause?", true),
            ("What causes fever?", "What is fever caused by?", false),
            ("Which firm owns the bank?", "Which firm does the bank own?", true),
            ("Who wrote the book?", "Who was the book written by?", false),
            ("Which documents do I need?", "What documents are needed?", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
