//! From similarity and common words to the odds that one answer serves two questions.
//!
//! # Invariant
//! Pure and symmetric. The odds rise with the similarity and with what the questions share; a guard's objection stands above them.
//!
//! # Source
//! Logistic regression on labelled pairs, with pairs added that share a name but not the matter, and pairs with one word
//! replaced; `training/cache_eval.py` prints the figures with whole families kept out. Coefficients are rounded.

// The features are small counts.
#![allow(clippy::cast_precision_loss)]

use std::cell::OnceCell;

use super::guards::{Overlap, Pair, Words, alters, differences, differs};
use super::sketch::{Room, Sketch};
use crate::error::{Error, Result};

/// Least cosine of a hit whose questions are known, if the caller names none. What it means depends on the encoder; the words
/// of the questions carry most of the decision.
pub const KNOWN: f32 = 0.4;
/// Least cosine of a hit where a question has no text to compare.
pub const BLIND: f32 = 0.95;

const BASE: f32 = -4.5;
const SHARE: f32 = 4.7;
const COVERED: f32 = 1.1;
const ANCHOR: f32 = 0.8;
/// What one whole step of cosine above [`CLOSE`] adds.
const SLOPE: f32 = 15.0;
const CLOSE: f32 = 0.8;
/// What a good report adds, at most [`MOST_PRAISE`] times.
const PRAISE: f32 = 0.5;
const MOST_PRAISE: u32 = 3;
/// Odds below this are no hit. Of steps of a quarter the first at which every split that keeps two families out of the fit stays
/// under 1 % false hits.
const CUT: f32 = 0.25;

/// Texts longer than this hit by equal key only: laying them side by side costs the product of their lengths, and a long prompt has
/// room for a difference that no guard sees.
const MOST_WORDS: usize = 300;

/// Refuses what is no cosine.
///
/// # Errors
/// `Config` when it is not a number in [-1, 1].
pub fn check_similarity(similarity: f32) -> Result<()> {
    if !(-1.0..=1.0).contains(&similarity) {
        return Err(Error::config(format!("similarity {similarity}: expected a cosine from -1 to 1, such as 0.95")));
    }
    Ok(())
}

/// The least cosine that candidates need.
pub fn floor(text: &str, wanted: Option<f32>) -> f32 {
    wanted.unwrap_or(if text.is_empty() { BLIND } else { KNOWN })
}

/// The logarithm of the odds that the answer to one text serves the other, from what they share and how near they are.
pub fn odds(overlap: Overlap, similarity: f32, praise: u32) -> f32 {
    if overlap.equal {
        return f32::MAX;
    }
    let (shared, alone) = (2.0 * overlap.shared as f32, overlap.alone() as f32);
    let mut odds = BASE + SHARE * shared / (shared + alone + 0.5) + ANCHOR * overlap.anchors.min(3) as f32;
    odds += if overlap.alone() == 0 { COVERED } else { 0.0 };
    odds += SLOPE * (similarity - CLOSE).max(0.0) + PRAISE * praise.min(MOST_PRAISE) as f32;
    // One word in common is no matter ("what do you call me", "what should I call you"), unless it is a name and there is no other.
    let thin = overlap.shared < 2 && !(overlap.alone() == 0 && overlap.anchors > 0);
    if thin { odds.min(-1.0) } else { odds }
}

/// Why the answer to one text must not serve another; empty when it may. Stateless: guards, threshold and odds.
///
/// # Errors
/// `Config` when a similarity is no cosine.
///
/// # Example
/// ```
/// use tierkit_core::cache::decision::verdict;
/// assert_eq!(verdict("Weather in Oslo today?", "what is the weather in Oslo today", 0.8, None), Ok(vec![]));
/// assert_eq!(verdict("Boil 2 eggs", "Boil 3 eggs", 0.99, None).unwrap()[0], "numbers differ: 2 against 3");
/// ```
pub fn verdict(cached: &str, new: &str, similarity: f32, wanted: Option<f32>) -> Result<Vec<String>> {
    check_similarity(similarity)?;
    wanted.map_or(Ok(()), check_similarity)?;
    let blind = cached.is_empty() || new.is_empty();
    let least = floor(if blind { "" } else { new }, wanted);
    let mut reasons = if blind || cached == new { Vec::new() } else { read(cached, new, similarity) };
    if similarity < least {
        reasons.push(format!("similarity {similarity:.4} is below {least:.4}"));
    }
    Ok(reasons)
}

/// A new question, whose words are read at most once for all the entries it is laid beside.
#[derive(Debug)]
pub struct Asked<'a> {
    text: &'a str,
    words: OnceCell<Option<Words>>,
}

/// A stored question, with what is kept of it.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// The question.
    pub text: &'a str,
    /// Its words, once they were read, and the room for them.
    pub sketch: (&'a Sketch, &'a Room),
    /// Good reports.
    pub praise: u32,
}

/// What one stored question is to a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Its answer may serve.
    Serves,
    /// No fact differs, but they have too little in common to tell.
    Near,
    /// Another matter, or nothing is known.
    Apart,
}

impl<'a> Asked<'a> {
    /// Nothing is read yet.
    pub fn of(text: &'a str) -> Self {
        Self { text, words: OnceCell::new() }
    }

    /// `Serves` where [`verdict`] would be empty for checked values and an entry with so many good reports; `Near` is told from
    /// `Apart` only if it is `weighed`. The odds are asked first: they are the cheaper answer, and most neighbours share little.
    pub fn read(&self, stored: &Stored<'_>, similarity: f32, wanted: Option<f32>, weighed: bool) -> Reading {
        let cached = stored.text;
        let blind = cached.is_empty() || self.text.is_empty();
        if similarity < floor(if blind { "" } else { self.text }, wanted) {
            return Reading::Apart;
        }
        if blind || cached == self.text {
            return Reading::Serves;
        }
        let words = self.words.get_or_init(|| (length(self.text) <= MOST_WORDS).then(|| Words::of(self.text)));
        let Some(new) = words.as_ref().filter(|_| length(cached) <= MOST_WORDS) else { return Reading::Apart };
        let (sketch, room) = stored.sketch;
        let old = sketch.words(cached, room);
        let pair = Pair::of(&old, new);
        match odds(Overlap::of(&pair), similarity, stored.praise) >= CUT && !differs(&pair) {
            true => Reading::Serves,
            false if weighed && !alters(&pair) => Reading::Near,
            false => Reading::Apart,
        }
    }
}

/// Words by white space and hyphens.
fn length(text: &str) -> usize {
    text.split(|c: char| c.is_whitespace() || c == '-').filter(|part| !part.is_empty()).count()
}

/// What the words of two different texts say against a hit.
fn read(cached: &str, new: &str, similarity: f32) -> Vec<String> {
    let longest = length(cached).max(length(new));
    if longest > MOST_WORDS {
        return vec![format!("too long to compare: {longest} words, at most {MOST_WORDS}")];
    }
    let (a, b) = (Words::of(cached), Words::of(new));
    let pair = Pair::of(&a, &b);
    let mut reasons = differences(&pair);
    let overlap = Overlap::of(&pair);
    if reasons.is_empty() && odds(overlap, similarity, 0) < CUT {
        let (shared, alone) = (overlap.shared, overlap.alone());
        reasons.push(format!("too little in common: {shared} content words shared, {alone} in one alone"));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(a: &str, b: &str, similarity: f32) -> bool {
        let allows = |a: &str, b: &str| verdict(a, b, similarity, None).is_ok_and(|reasons| reasons.is_empty());
        let there = allows(a, b);
        assert_eq!(there, allows(b, a), "{a} | {b}");
        short(a, b, similarity, there);
        there
    }

    /// The short way says the same, also with words that are kept.
    fn short(a: &str, b: &str, similarity: f32, there: bool) {
        let (sketch, mut room) = (Sketch::default(), Room::default());
        (0..16).for_each(|_| room.grow(4_096));
        for weighed in [false, true] {
            let stored = Stored { text: a, sketch: (&sketch, &room), praise: 0 };
            assert_eq!(there, Asked::of(b).read(&stored, similarity, None, weighed) == Reading::Serves, "{a} | {b}");
        }
    }

    #[test]
    fn cases() {
        for (a, b, similarity, wanted) in [
            ("How do I reset my password?", "how can I reset the password", 0.7, true),
            ("How do I reset my password?", "how can I reset the router", 0.7, false),
            ("Bake a whole salmon in the oven", "Bake a whole chicken in the oven", 0.85, false),
            ("How tall was Ada Lovelace", "Tell me about Ada Lovelace", 0.8, false),
            ("Who was Ada Lovelace?", "Tell me about Ada Lovelace", 0.8, true),
            ("", "", 0.96, true),
            ("", "", 0.9, false),
            ("same words here", "here same words", 0.51, true),
        ] {
            assert_eq!(hit(a, b, similarity), wanted, "{a} | {b}");
        }
    }

    /// Texts of a few words each, so that many pairs share most of them.
    #[test]
    fn words_that_are_kept_decide_as_the_texts_do() {
        const VOCABULARY: [&str; 20] = [
            "How", "do", "I", "reset", "the", "password", "can't", "2", "eggs", "boil", "from", "Oslo", "to", "Rome", "three",
            "kg", "my", "open", "close", "log in",
        ];
        let mut state = 7_u64;
        let mut text = || {
            let words = (0..7).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                VOCABULARY[(state >> 33) as usize % VOCABULARY.len()]
            });
            words.collect::<Vec<_>>().join(" ")
        };
        let texts: Vec<String> = (0..60).map(|_| text()).collect();
        let mut hits = 0;
        for (a, b) in texts.iter().flat_map(|a| texts.iter().map(move |b| (a, b))) {
            let there = verdict(a, b, 0.95, None).is_ok_and(|reasons| reasons.is_empty());
            short(a, b, 0.95, there);
            hits += usize::from(there);
        }
        assert!(hits > texts.len(), "{hits}: more than each text with itself");
    }

    #[test]
    fn odds_never_fall_with_similarity_or_praise() {
        let overlap = Overlap { shared: 2, alone_a: 1, alone_b: 1, ..Overlap::default() };
        assert!(odds(overlap, 0.9, 0) > odds(overlap, 0.8, 0));
        assert!(odds(overlap, 0.8, 2) > odds(overlap, 0.8, 0));
    }
}
