//! How much of a thing is meant: all of it, some, none; more or less; only or also.

use std::sync::LazyLock;

use super::lists::Lists;
use super::pair::Pair;
use super::words::Words;

/// Words of one line mean about the same; a word of one line in one text against another line's in the other changes what is asked.
const AMOUNTS: [(&str, &str); 10] = [
    ("both", " both "),
    ("all", " all every each whole entire everything everyone everybody always "),
    ("some", " some any several "),
    ("few", " few fewer little "),
    ("one", " one single "),
    ("only", " only just solely merely "),
    ("also", " also too even "),
    ("another", " another other others different else "),
    ("previous", " last previous past earlier "),
    ("next", " next coming following this current "),
];

/// In longer texts such words are spread too thin to stand against each other.
const LONG: usize = 16;

/// Says which amounts stand against each other.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    static ALL: LazyLock<Lists> = LazyLock::new(|| Lists::of(AMOUNTS.map(|(_, list)| list)));
    if pair.b.has("than") && equals(pair.a) || pair.a.has("than") && equals(pair.b) {
        return Some("amounts differ: more or less than against as much as".to_owned());
    }
    if pair.a.all.len().max(pair.b.all.len()) > LONG {
        return None;
    }
    let (a, b) = (ALL.with_any(pair.a), ALL.with_any(pair.b));
    let (x, y) = (first(a & !b)?, first(b & !a)?);
    Some(format!("amounts differ: {x} against {y}"))
}

/// "As smart as".
fn equals(words: &Words) -> bool {
    let places: Vec<usize> = (0..words.all.len()).filter(|at| words.at(*at) == "as").collect();
    !words.has("than") && !words.has("not") && places.windows(2).any(|pair| (2..=3).contains(&(pair[1] - pair[0])))
}

/// The first of some amounts.
fn first(amounts: u16) -> Option<&'static str> {
    AMOUNTS.get(amounts.trailing_zeros() as usize).map(|(amount, _)| *amount)
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Are all snakes venomous?", "Are some snakes venomous?", true),
            ("delete every row", "delete all rows", false),
            ("only adults enter", "also adults enter", true),
            ("holidays this year", "holidays last year", true),
            ("weather next week", "weather in the coming week", false),
            ("all the dogs", "dogs", false),
            ("delete every comment", "delete one comment", true),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
