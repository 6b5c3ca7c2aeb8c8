//! Verbs of two words: "turn the light off" is "turn off the light", and what one word says as well.

use super::lists::List;
use super::words::Word;

static VERBS: List = List::of(" turn switch call put hand fill throw give send bring pick shut ");
static PARTICLES: [&str; 9] = ["off", "on", "out", "away", "back", "up", "down", "in", "over"];
/// What may follow a particle; behind any other word it is a preposition.
static BEHIND: [&str; 12] = ["at", "in", "on", "for", "when", "if", "from", "with", "after", "before", "again", "and"];
/// How many words may stand between.
const REACH: usize = 4;

/// Puts a particle that stands behind the object back to its verb.
pub fn join(all: &mut Vec<Word>) {
    for verb in 0..all.len() {
        if !VERBS.has(&all[verb].lower) {
            continue;
        }
        let found = (verb + 2..all.len().min(verb + 2 + REACH)).find(|at| {
            let last = all.get(at + 1).is_none_or(|next| next.pause || BEHIND.contains(&next.lower.as_str()));
            last && PARTICLES.contains(&all[*at].lower.as_str())
        });
        let within = |at: &usize| (verb + 1..=*at).all(|between| !all[between].pause);
        if let Some(at) = found.filter(within) {
            let particle = all.remove(at);
            all.insert(verb + 1, particle);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;

    #[test]
    fn cases() {
        for (text, plain) in [
            ("turn the alarm off at night", "disable the alarm at night"),
            ("switch off the alarm", "disable the alarm"),
            ("send the shoes back", "return the shoes"),
            ("put the cake in the oven", "put the cake in the oven"),
            ("give it to him", "give it to him"),
        ] {
            let words = Words::of(text);
            assert_eq!(words.all.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" "), plain);
        }
    }
}
