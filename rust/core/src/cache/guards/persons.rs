//! Whose the thing is: mine, yours, his, hers, ours or theirs.

use super::pair::Pair;
use super::words::Words;

const OWNERS: [&str; 6] = ["my", "your", "his", "her", "our", "their"];

/// Says that a thing belongs to somebody else. "My" and "your" are one where each text speaks to or of its own subject: "how do you
/// reset your password".
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    if let Some((one, other)) = subjects(pair) {
        return Some(format!("persons differ: '{one}' against '{other}'"));
    }
    let shift = |here: &Words, there: &Words| here.has("i") && there.has("you");
    let generic = shift(pair.a, pair.b) || shift(pair.b, pair.a);
    let owned = |words: &Words| (1..words.all.len()).filter(|at| OWNERS.contains(&words.at(at - 1))).collect::<Vec<_>>();
    let theirs = owned(pair.b);
    for x in owned(pair.a) {
        let (mine, thing) = (pair.a.at(x - 1), &pair.a.all[x]);
        let mut others =
            theirs.iter().filter(|y| pair.meets(x, **y) || thing.lower == pair.b.all[**y].lower).map(|y| pair.b.at(y - 1));
        let differs = |other: &str| mine != other && !alike(mine, other) && !(generic && speakers(mine, other));
        if let Some(other) = others.clone().next().filter(|_| others.all(differs)) {
            return Some(format!("owners differ: '{mine}' against '{other}'"));
        }
    }
    None
}

/// Persons of whom two texts ask the same word by word; anybody is "I", "you" and "we".
fn subjects<'a>(pair: &Pair<'a>) -> Option<(&'a str, &'a str)> {
    let (a, b): (&'a Words, &'a Words) = (pair.a, pair.b);
    if a.all.len() != b.all.len() {
        return None;
    }
    let mut changed = (0..a.all.len()).filter(|at| a.at(*at) != b.at(*at));
    let at = changed.next().filter(|_| changed.next().is_none())?;
    let (x, y) = (person(a.at(at))?, person(b.at(at))?);
    (x != y).then(|| (a.at(at), b.at(at)))
}

fn person(word: &str) -> Option<char> {
    match word {
        "i" | "you" | "we" | "one" => Some('i'),
        "he" | "him" => Some('h'),
        "she" => Some('s'),
        "they" | "them" => Some('t'),
        _ => None,
    }
}

/// "Their" may stand for one person, and "our" for oneself.
fn alike(a: &str, b: &str) -> bool {
    matches!((a, b), ("my", "our") | ("our", "my") | ("his" | "her", "their") | ("their", "his" | "her"))
}

fn speakers(a: &str, b: &str) -> bool {
    let speaks = |word| matches!(word, "my" | "our" | "your");
    speaks(a) && speaks(b)
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Does she work here?", "Does he work here?", true),
            ("How do I boil rice?", "How do you boil rice?", false),
            ("Change my password", "Change your password", true),
            ("What is your name?", "What is my name?", true),
            ("How old is his daughter?", "How old is her daughter?", true),
            ("Send it to our office", "Send it to their office", true),
            ("How do I reset my password?", "How do you reset your password?", false),
            ("How do I reset my password?", "How do I reset the password?", false),
            ("A user loses his key", "Users lose their keys", false),
            ("my dog and my cat", "my dog and your cat", true),
            ("paint my house with my brush", "paint my house with a brush", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
