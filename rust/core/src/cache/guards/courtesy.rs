//! Formulas of courtesy and of hesitation, which say nothing of the matter: a text is read without them.

use std::collections::HashSet;
use std::sync::LazyLock;

use ahash::RandomState;

use super::lists::hasher;
use super::mention::is_speech;
use super::words::Word;

/// Said anywhere.
const ANYWHERE: [&str; 12] = [
    "by any chance",
    "if you do not mind",
    "if you would not mind",
    "if possible",
    "please",
    "pls",
    "plz",
    "kindly",
    "um",
    "uh",
    "erm",
    "hmm",
];
/// Said at the start of a clause, before what is wanted.
const BEFORE_WISH: [&str; 16] = [
    "can you kindly",
    "could you kindly",
    "would you kindly",
    "can you please",
    "could you please",
    "would you please",
    "will you please",
    "would you mind",
    "do you mind",
    "would you be so kind as to",
    "would you be able to",
    "i would appreciate it if you could",
    "i would really appreciate it if you could",
    "i would be grateful if you could",
    "it would be great if you could",
    "do me a favor and",
];
/// Said at the start of a clause, before a question of its own.
const BEFORE_QUESTION: [&str; 19] = [
    "i was wondering if you could tell me",
    "i was wondering whether you could tell me",
    "i wonder if you could tell me",
    "i wonder whether you could tell me",
    "i do not know",
    "i am not sure",
    "i have no idea",
    "i can not figure out",
    "i want to know",
    "may i ask",
    "might i ask",
    "can i ask",
    "could i ask",
    "can i ask you",
    "do you happen to know",
    "would you happen to know",
    "does anyone know",
    "does anybody know",
    "i would like to ask",
];
/// A clause of their own.
const ALONE: [&str; 33] = [
    "excuse me",
    "pardon me",
    "sorry",
    "i am sorry",
    "hi",
    "hi there",
    "hello",
    "hello there",
    "hey",
    "hey there",
    "good morning",
    "good afternoon",
    "good evening",
    "thanks",
    "thanks a lot",
    "thanks in advance",
    "many thanks",
    "thank you",
    "thank you very much",
    "thank you so much",
    "thank you in advance",
    "thx",
    "quick question",
    "a quick question",
    "out of curiosity",
    "just out of curiosity",
    "just curious",
    "by the way",
    "btw",
    "to be honest",
    "in your opinion",
    "in your view",
    "basically",
];
/// What may stand between a question word and what it asks for.
const EMPHASIS: [&str; 3] = ["on earth", "in the world", "the hell"];

/// Takes the formulas out, unless nothing else is said.
pub fn strip(all: &mut Vec<Word>) {
    let mut at = 0;
    while at < all.len() {
        let taken = formula(all, at);
        if taken == all.len() {
            return;
        }
        let (opens, pause) = (all[at].opens, all[at].pause);
        all.drain(at..at + taken);
        if let Some(next) = all.get_mut(at).filter(|_| taken > 0) {
            next.opens |= opens;
            next.pause |= pause;
        }
        at += usize::from(taken == 0);
    }
}

/// How many words from a place are a formula; none is where it is spoken of: "how do I write please".
fn formula(all: &[Word], at: usize) -> usize {
    // Most words begin none.
    static FIRST: LazyLock<HashSet<&str, RandomState>> = LazyLock::new(|| {
        let mut first = HashSet::with_hasher(hasher());
        let all = ANYWHERE.iter().chain(&BEFORE_WISH).chain(&BEFORE_QUESTION).chain(&ALONE).chain(&EMPHASIS);
        first.extend(all.filter_map(|formula| formula.split(' ').next()));
        first
    });
    if !FIRST.contains(all[at].lower.as_str()) || all[at].quoted || at > 0 && is_speech(&all[at - 1].lower) {
        return 0;
    }
    let starts = at == 0 || all[at].pause || all[at].opens;
    let closed = |end: usize| all.get(end).is_none_or(|next| next.pause);
    let asks = |end: usize| all.get(end).is_some_and(|next| QUESTIONS.contains(&next.lower.as_str()));
    let asked = at > 0 && QUESTIONS.contains(&all[at - 1].lower.as_str());
    let longest = |formulas: &[&str], fits: &dyn Fn(usize) -> bool| {
        formulas.iter().filter_map(|formula| length(&all[at..], formula).filter(|taken| fits(at + taken))).max().unwrap_or(0)
    };
    let anywhere = longest(&ANYWHERE, &|_| true).max(if asked { longest(&EMPHASIS, &|_| true) } else { 0 });
    if !starts {
        return anywhere;
    }
    anywhere.max(longest(&BEFORE_WISH, &|_| true)).max(longest(&BEFORE_QUESTION, &asks)).max(longest(&ALONE, &closed))
}

const QUESTIONS: [&str; 10] = ["what", "which", "who", "whom", "whose", "where", "when", "why", "how", "whether"];

/// The number of words of a formula that stands at the start.
fn length(words: &[Word], formula: &str) -> Option<usize> {
    let mut count = 0;
    for part in formula.split(' ') {
        words.get(count).filter(|word| word.lower == part)?;
        count += 1;
    }
    Some(count)
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;

    #[test]
    fn what_is_left() {
        for (text, left) in [
            ("Would you mind closing it?", "closing it"),
            ("Hello! May I ask what time it is? Thanks!", "what time it is"),
            ("Why on earth is it red?", "why is it red"),
            ("May I ask for a refund?", "may i ask for a refund"),
            ("Good morning song", "good morning song"),
            ("Thank you!", "thank you"),
            ("Thanks, it works by any chance?", "it works"),
            ("How do I say please?", "how do i say please"),
            ("Is there life on earth?", "is there life on earth"),
            ("How do I write \"excuse me\"?", "how do i write excuse me"),
        ] {
            let words = Words::of(text);
            let found: Vec<&str> = words.all.iter().map(|word| word.lower.as_str()).collect();
            assert_eq!(found.join(" "), left);
        }
    }
}
