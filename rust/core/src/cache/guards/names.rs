//! Names of people, places, products and code, told by their spelling.

use super::pair::{Pair, one_stem};
use super::words::{Word, Words, is_title};

/// Says which name one text has and the other has not.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let a = missing(pair.a, &pair.alone_a, pair.b);
    let b = missing(pair.b, &pair.alone_b, pair.a);
    (a.is_some() || b.is_some()).then(|| format!("names differ: {} against {}", a.unwrap_or("nothing"), b.unwrap_or("nothing")))
}

/// The first name here that is no word there, in any case and form; a title before a name is none.
fn missing<'a>(here: &'a Words, alone: &[usize], there: &Words) -> Option<&'a str> {
    let names = alone.iter().map(|at| (*at, &here.all[*at])).filter(|(_, word)| word.is_name() && !there.has(&word.lower));
    let mut names = names.filter(|(at, word)| {
        let title = is_title(&word.lower) && here.all.get(at + 1).is_some_and(Word::is_name);
        let within = there.all.iter().any(|other| {
            one_stem(&other.lower, &word.lower) || path(&word.lower, &other.lower) || path(&other.lower, &word.lower)
        });
        !title && !within
    });
    names.next().map(|(_, word)| word.shown.as_str())
}

/// Whether the second is the end or the beginning of a path, a module or a file name: "datasets.load", "load".
fn path(whole: &str, part: &str) -> bool {
    let cut = |rest: Option<&str>, marks: [char; 2], ends: bool| {
        rest.is_some_and(|rest| if ends { rest.ends_with(marks) } else { rest.starts_with(marks) })
    };
    cut(whole.strip_suffix(part), ['.', '/'], true) || cut(whole.strip_prefix(part), ['.', '/'], false)
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Who founded Siemens?", "Who founded Bosch?", true),
            ("Who leads Apple?", "who leads apple", false),
            ("Open Ada's file", "Open the file of Ada", false),
            ("How do I enable 2FA?", "How do I enable two-factor authentication?", false),
            ("What does f_open do", "What does f_close do", true),
            ("people of the UK", "people of the United Kingdom", false),
            ("people of the US", "people of the United Kingdom", true),
            ("Is it in the EU?", "Is it in the UK?", true),
            ("the -r flag of grep", "the -i flag of grep", true),
            ("Is A a subset of C?", "Is B a subset of C?", true),
            ("Where is Mt. Fuji today?", "today, where is fuji", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
