//! The same things in another direction: "from euros to dollars".

use super::words::Words;

/// Words whose two sides cannot change places.
const HINGES: [&str; 13] =
    ["to", "into", "than", "over", "before", "after", "versus", "vs", "by", "of", "minus", "against", "beats"];
/// Words that mark a clause, where the same words in another order may say something else.
const MARKS: [&str; 8] = ["from", "for", "in", "instead", "not", "if", "unless", "only"];

/// Says that two things changed places around a word that gives them a direction, or that equal words stand in another order.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (sides(cached), sides(new));
    let turned = a.iter().any(|(left, right)| left != right && b.iter().any(|(l, r)| l == right && r == left));
    let marked = HINGES.iter().chain(&MARKS).any(|mark| cached.has(mark) && new.has(mark));
    (turned || (marked || named_apart(cached, new)) && permuted(cached, new))
        .then(|| "word order differs: the same words in another direction".to_owned())
}

/// What stands left and right of each hinge, and what follows "from" and "to" wherever they are.
fn sides(words: &Words) -> Vec<(String, String)> {
    let things = things(words);
    let after = |word: &str| things.iter().position(|thing| thing == word).and_then(|at| things.get(at + 1)).cloned();
    let mut sides: Vec<(String, String)> = things
        .windows(3)
        .filter(|three| HINGES.contains(&three[1].as_str()))
        .map(|three| (three[0].clone(), three[2].clone()))
        .collect();
    sides.extend(after("from").zip(after("to")));
    sides
}

/// Words in lower case, names of several words as one.
fn things(words: &Words) -> Vec<String> {
    let mut things: Vec<String> = Vec::new();
    let mut named = false;
    for word in &words.all {
        let name = word.is_name();
        match things.last_mut().filter(|_| name && named) {
            Some(last) => last.extend([" ", word.lower.as_str()]),
            None => things.push(word.lower.clone()),
        }
        named = name;
    }
    things
}

/// Whether the names stand in another order: "Alice calls Bob".
fn named_apart(a: &Words, b: &Words) -> bool {
    let names = |words: &Words| words.all.iter().filter(|word| word.is_name()).map(|word| word.lower.clone()).collect::<Vec<_>>();
    names(a) != names(b)
}

fn permuted(a: &Words, b: &Words) -> bool {
    let all = |words: &Words| words.all.iter().map(|word| word.lower.clone()).collect::<Vec<_>>();
    let (mut a, mut b) = (all(a), all(b));
    if a.len() != b.len() || a == b {
        return false;
    }
    a.sort_unstable();
    b.sort_unstable();
    a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("convert euros to dollars", "convert dollars to euros", true),
            ("a train from New York to Los Angeles", "Is there a train from Los Angeles to New York", true),
            ("to Oslo from Rome", "from Rome to Oslo", true),
            ("cheapest flights Oslo to Rome", "a low price flight from Oslo to Rome", false),
            ("Is tea healthier than coffee", "Is coffee healthier than tea", true),
            ("Did Alice call Bob?", "Did Bob call Alice?", true),
            ("Load a Set by calling `get`", "By calling `get`, one loads a Set", false),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
