//! What a prompt looks like, as numbers: hashed grams and 23 structural measures.
//!
//! One implementation serves training and scoring, so the two cannot drift apart. No input fails, and the work is
//! bounded: of a long text the first and the last 8 KiB are read.
//!
//! # Source
//! The gram sizes, the bounds and the list of measures: `docs/concepts/routing.md`; the hash is a folded 64 x 64 bit product.

mod ask;
mod dense;
pub mod embed;
mod everyday;
mod fitted;
mod gram_weights;
mod grams;
mod head;
mod shipped;
mod text;

pub use dense::{DENSE, REASONS};
pub use fitted::{FittedHead, FittedParts};
pub use grams::{CHAR_BUCKETS, WORD_BUCKETS};
pub use head::{Head, HeadParts, Score};

/// Version of the features: a model trained with another version is refused.
pub const VERSION: u32 = 2;

/// The features of some texts, as the buffers that the model takes.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Batch {
    /// Gram buckets, ascending within a text: words first, then characters.
    pub ids: Vec<i64>,
    /// `1 + ln(count)` of each gram.
    pub tf: Vec<f32>,
    /// Index of the text that each gram belongs to.
    pub row: Vec<i64>,
    /// [`DENSE`] measures per text, one text after the other.
    pub dense: Vec<f32>,
}

/// Extracts the features of texts.
///
/// # Example
/// ```
/// let batch = tierkit_core::features::extract(["What is 2 + 2?"]);
/// assert_eq!(batch.dense.len(), tierkit_core::features::DENSE);
/// assert_eq!(batch.ids.len(), batch.tf.len());
/// ```
pub fn extract<'a>(texts: impl IntoIterator<Item = &'a str>) -> Batch {
    let mut batch = Batch::default();
    let mut scratch = grams::Scratch::default();
    for (row, full) in (0_i64..).zip(texts) {
        let window = text::window(full);
        let words = scratch.read(&window);
        for (id, tf) in scratch.counted() {
            batch.ids.push(id);
            batch.tf.push(tf);
            batch.row.push(row);
        }
        batch.dense.extend_from_slice(&dense::measure(full, &window, &words));
    }
    batch
}

/// The score of a text by its structure alone: what serves when the model cannot.
pub fn score_by_structure(full: &str) -> Score {
    let window = text::window(full);
    let words = grams::Scratch::default().read(&window);
    head::fallback().by_structure(&dense::measure(full, &window, &words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_texts_have_features() {
        let long = "a".repeat(1_000_000);
        for text in ["", "\0", "😀😀", "שלום עולם", "e\u{301}", "\u{200b}", "\u{feff}", long.as_str(), "日本語のテキスト"]
        {
            let batch = extract([text]);
            assert_eq!(batch.dense.len(), DENSE);
            assert!(batch.dense.iter().all(|value| value.is_finite()), "{batch:?}");
            assert!(batch.tf.iter().all(|tf| *tf >= 1.0));
            assert!((0.0..=1.0).contains(&score_by_structure(text).need));
        }
    }

    #[test]
    fn the_middle_of_a_long_text_is_not_read() {
        let head = "alpha beta ".repeat(1000);
        let tail = "gamma delta ".repeat(1000);
        let one = extract([format!("{head}{}{tail}", "x ".repeat(500_000)).as_str()]);
        let two = extract([format!("{head}{}{tail}", "y ".repeat(500_000)).as_str()]);
        assert_eq!(one, two);
    }

    #[test]
    fn rows_do_not_depend_on_their_neighbours() {
        let both = extract(["one two three", "four five"]);
        let second = extract(["four five"]);
        let from = both.row.iter().position(|row| *row == 1);
        assert_eq!(from.map(|at| &both.ids[at..]), Some(&second.ids[..]));
        assert_eq!(&both.dense[DENSE..], &second.dense[..]);
    }

    #[test]
    fn one_form_of_a_letter() {
        assert_eq!(extract(["caf\u{e9} noir"]).ids, extract(["cafe\u{301} noir"]).ids);
        assert_eq!(extract(["hel\u{200b}lo"]).ids, extract(["hello"]).ids);
    }
}
