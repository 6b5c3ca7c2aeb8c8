//! How much of what two texts are about they share: the evidence of the calibrated decision.

use std::collections::BTreeSet;

use super::content::{akin, content, tokens};
use super::words::Words;

/// What two texts share and what each has alone, in content words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap {
    /// Content words of both; a name of several words counts once.
    pub shared: usize,
    /// Content words of one alone, both sides together.
    pub alone: usize,
    /// Those of them that are names, numbers or code.
    pub anchors: usize,
    /// Whether one edit makes one text of the other: a word in the place of another, or up to two words put in.
    pub edited: bool,
    /// Whether the texts have the same words, in any order.
    pub equal: bool,
}

impl Overlap {
    /// Compares two texts.
    pub fn of(cached: &str, new: &str) -> Self {
        let (words, others) = (tokens(cached), tokens(new));
        let (a, b) = (content(cached), content(new));
        let mut left: Vec<&String> = a.iter().filter(|word| !b.contains(word)).collect();
        let mut right: Vec<&String> = b.iter().filter(|word| !a.contains(word)).collect();
        left.retain(|word| match right.iter().position(|other| akin(word, other)) {
            Some(at) => {
                right.swap_remove(at);
                false
            }
            None => true,
        });
        let alone = left.len() + right.len();
        let names: BTreeSet<(String, bool)> = anchors(cached, &b).chain(anchors(new, &a)).collect();
        let anchors = names.iter().filter(|(_, follows)| !follows).count();
        Self {
            shared: (a.len() - left.len()).saturating_sub(names.len() - anchors),
            alone,
            anchors,
            edited: alone > 0 && edited(&words, &others),
            equal: sorted(words) == sorted(others),
        }
    }
}

/// Names, numbers and code of a text that are content of the other, and whether each only goes on with a longer name.
fn anchors<'a>(text: &str, other: &'a [String]) -> impl Iterator<Item = (String, bool)> + use<'a> {
    let mut named = false;
    let words = Words::of(text).all.into_iter().filter_map(move |word| {
        let follows = std::mem::replace(&mut named, word.is_name()) && word.is_name();
        (word.number || word.is_name()).then_some((word.shown, follows))
    });
    let forms = words.filter_map(|(shown, follows)| content(&shown).into_iter().next().map(|form| (form, follows)));
    forms.filter(|(form, _)| other.contains(form))
}

/// Who edits one place of a question means the difference; who says the same again changes more.
fn edited(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let before = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let after = short[before..].iter().rev().zip(long.iter().rev()).take_while(|(x, y)| x == y).count();
    let (gone, come) = (short.len() - before - after, long.len() - before - after);
    gone == 1 && come == 1 || gone == 0 && come <= 2
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (a, b, shared, alone, anchors, edited, equal) in [
            ("How do I reset it?", "how do i reset it", 1, 0, 0, false, true),
            ("Bake a salmon", "Bake a cod", 1, 2, 0, true, false),
            ("Order a new card", "Order a card", 2, 1, 0, true, false),
            ("Weather in Oslo", "What is the weather in Oslo?", 2, 0, 1, false, false),
            ("24 kilograms in grams", "Convert 24 kilograms to grams", 3, 0, 1, false, false),
            ("Who was Ada Lovelace?", "Tell me about Ada Lovelace.", 1, 0, 1, false, false),
            ("", "", 0, 0, 0, false, true),
        ] {
            assert_eq!(Overlap::of(a, b), Overlap { shared, alone, anchors, edited, equal }, "{a} | {b}");
        }
    }
}
