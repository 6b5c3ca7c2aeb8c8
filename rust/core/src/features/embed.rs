//! The embedder in the package: hashed words and character 3- to 5-grams, signed, in 256 buckets, length one.
//!
//! It knows spelling, not meaning: near-duplicates come close, paraphrases need a trained encoder.
//!
//! # Invariant
//! Integer sums until the last step, so every machine gives the same bits. Time grows with the text's length, memory does not.
//!
//! # Source
//! Feature hashing: Weinberger et al. 2009, "Feature Hashing for Large Scale Multitask Learning" (signed buckets keep the
//! expected dot product). Character n-grams inside padded words: Bojanowski et al. 2017, "Enriching Word Vectors with
//! Subword Information".

/// Values per vector.
pub const DIM: usize = 256;
/// What a whole word adds; one of its grams adds [`GRAM`].
const WORD: i32 = 4;
const GRAM: i32 = 1;
/// Words that say little about the matter add this.
const STOP: i32 = 1;
/// Longest part of a word whose grams are taken: longer ones are code, URLs or other scripts' whole sentences cut into pieces.
const PIECE: usize = 48;

const STOPWORDS: [&str; 40] = [
    "a", "an", "the", "is", "are", "was", "were", "be", "do", "does", "did", "i", "you", "he", "she", "it", "we", "they", "my",
    "your", "me", "of", "to", "in", "on", "at", "for", "and", "or", "please", "can", "could", "would", "this", "that", "there",
    "how", "what", "tell", "with",
];

/// The vector of a text: 256 values, length one.
///
/// A text without a letter or digit, "" included, is the first axis: a valid vector that is far from all others.
///
/// # Example
/// ```
/// use tierkit_core::features::embed::embed;
/// let dot = |a: &str, b: &str| embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum::<f32>();
/// assert!(dot("How do I boil eggs?", "how do i boil eggs") > 0.95);
/// assert!(dot("How do I boil eggs?", "Translate this contract") < 0.4);
/// ```
pub fn embed(text: &str) -> [f32; DIM] {
    let mut sums = [0_i64; DIM];
    let mut word: Vec<u32> = Vec::with_capacity(PIECE + 2);
    for c in text.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() && word.len() < PIECE {
            word.push(u32::from(c));
            continue;
        }
        add_word(&mut sums, &mut word);
        if c.is_alphanumeric() {
            word.push(u32::from(c));
        }
    }
    add_word(&mut sums, &mut word);
    unit(&sums)
}

fn add_word(sums: &mut [i64; DIM], word: &mut Vec<u32>) {
    if word.is_empty() {
        return;
    }
    let stop = is_stop(word);
    add(sums, hash(word, 1), if stop { STOP } else { WORD });
    if !stop {
        word.insert(0, u32::from('<'));
        word.push(u32::from('>'));
        for start in 0..word.len().saturating_sub(2) {
            let mut state = 2;
            for (length, letter) in word[start..].iter().take(5).enumerate() {
                state = step(state, *letter);
                if length >= 2 {
                    add(sums, finish(state), GRAM);
                }
            }
        }
    }
    word.clear();
}

fn is_stop(word: &[u32]) -> bool {
    word.len() <= 6
        && STOPWORDS.iter().any(|stop| stop.len() == word.len() && stop.bytes().map(u32::from).eq(word.iter().copied()))
}

fn add(sums: &mut [i64; DIM], hash: u64, weight: i32) {
    let place = (hash >> 56) as usize;
    let sign = 1 - 2 * i64::from(hash >> 55 & 1 == 1);
    sums[place] += sign * i64::from(weight);
}

fn hash(word: &[u32], seed: u64) -> u64 {
    finish(word.iter().fold(seed, |state, letter| step(state, *letter)))
}

/// One round of the FxHash mixer.
fn step(state: u64, letter: u32) -> u64 {
    (state.rotate_left(5) ^ u64::from(letter)).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// The end of splitmix64: spreads the last letters over the high bits.
fn finish(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // rounding to f32 is the point
fn unit(sums: &[i64; DIM]) -> [f32; DIM] {
    let squares: i128 = sums.iter().map(|sum| i128::from(*sum) * i128::from(*sum)).sum();
    let mut out = [0.0; DIM];
    if squares == 0 {
        out[0] = 1.0;
        return out;
    }
    let length = (squares as f64).sqrt();
    for (value, sum) in out.iter_mut().zip(sums) {
        *value = (*sum as f64 / length) as f32;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dot(a: &str, b: &str) -> f32 {
        embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn always_a_unit_vector() {
        for text in ["", " ", "?!", "a", "the", "Grüße", "日本語のテキスト", "x".repeat(10_000).as_str(), "\u{0}", "İ"]
        {
            assert!((dot(text, text) - 1.0).abs() < 1e-5, "{text:.20}");
        }
        assert!((embed("")[0] - 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn near_texts_are_near() {
        assert!(dot("How do I reset my password?", "how do i reset my passwords") > 0.65);
        assert!(dot("How do I reset my password?", "What is the capital of France?") < 0.4);
    }
}
