//! Words that a text speaks of and does not use: "how do I say hello".

use super::words::Word;

const SPEECH: [&str; 5] = ["say", "spell", "pronounce", "write", "translate"];
/// What ends the words that are spoken of.
const ENDS: [&str; 12] = ["in", "to", "into", "on", "for", "with", "when", "if", "that", "about", "from", "at"];
/// How far before the word of speech "how" may stand.
const FAR: usize = 4;

/// Whether what stands behind a word may be words that are spoken of.
pub fn is_speech(word: &str) -> bool {
    SPEECH.contains(&word)
}

/// Marks what is spoken of as content, whatever grammar it would be elsewhere.
pub fn mark(all: &mut [Word]) {
    let speaks = |at: usize| {
        let before = at.saturating_sub(FAR);
        is_speech(&all[at].lower) && (at == 0 || all[before..at].iter().any(|word| word.lower == "how"))
    };
    let Some(from) = (0..all.len()).find(|at| speaks(*at)) else { return };
    let ends = |word: &Word| word.pause || ENDS.contains(&word.lower.as_str());
    let spoken = all[from + 1..].iter().position(ends).unwrap_or(all.len() - from - 1);
    // Longer is what is to be written, not a word.
    if spoken <= MOST {
        all[from + 1..=from + spoken].iter_mut().for_each(|word| word.content |= !is_article(&word.lower));
    }
}

const MOST: usize = 3;

fn is_article(word: &str) -> bool {
    matches!(word, "a" | "an" | "the" | "this" | "it" | "my" | "your" | "me" | "us")
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;

    #[test]
    fn what_is_spoken_of_is_content() {
        for (text, content) in [
            ("How do I say thank you in French?", "thank you french"),
            ("Say yes in Thai", "yes thai"),
            ("What did she say to you?", ""),
            ("How do I write a test?", "test"),
        ] {
            let words = Words::of(text);
            let found: Vec<&str> = words.all.iter().filter(|word| word.content).map(|word| word.lower.as_str()).collect();
            assert_eq!(found.iter().filter(|word| **word != "say").copied().collect::<Vec<_>>().join(" "), content, "{text}");
        }
    }
}
