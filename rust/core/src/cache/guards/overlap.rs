//! How much of what two texts are about they share: the evidence of the calibrated decision.

use super::lists::List;
use super::pair::Pair;
use super::words::{Word, Words};

/// What two texts share and what each has alone, in content words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Overlap {
    /// Content words of both; a name of several words counts once.
    pub shared: usize,
    /// Content words of the first text alone.
    pub alone_a: usize,
    /// Content words of the second text alone.
    pub alone_b: usize,
    /// Shared words that are names, numbers or code.
    pub anchors: usize,
    /// Whether the texts have the same words, in any order.
    pub equal: bool,
}

impl Overlap {
    /// Counts a pair.
    pub fn of(pair: &Pair<'_>) -> Self {
        let anchor = |word: &Word| word.number || word.is_name();
        let behind = |words: &Words, at: usize| at > 0 && words.all[at - 1].is_name() && words.all[at].is_name();
        let named = |(x, y): &(usize, usize)| behind(pair.a, *x) && behind(pair.b, *y);
        let follows = pair.links.iter().filter(|link| named(link)).count();
        let marked = |&&(x, y): &&(usize, usize)| anchor(&pair.a.all[x]) || anchor(&pair.b.all[y]);
        let anchors = pair.links.iter().filter(marked).filter(|link| !named(link)).count();
        Self {
            shared: pair.links.len() - follows,
            alone_a: pair.alone_a.iter().filter(|at| !is_kind(pair.a, **at, pair.b)).count(),
            alone_b: pair.alone_b.iter().filter(|at| !is_kind(pair.b, **at, pair.a)).count(),
            anchors,
            equal: sorted(pair.a) == sorted(pair.b),
        }
    }

    /// Content words of one text alone, both sides together.
    pub fn alone(&self) -> usize {
        self.alone_a + self.alone_b
    }
}

/// Verbs behind which somebody else is the subject.
static HELPING: List = List::of(" do does did can could should would will must may might have has ");

/// Whether it only says what kind of answer is wanted, where the other text asks without saying: "which band", "who".
fn is_kind(here: &Words, at: usize, there: &Words) -> bool {
    let asks = |word: &str| matches!(word, "what" | "which");
    let bare = |place: usize| there.all.get(place).is_none_or(|next| !next.content);
    let open = |place: usize| matches!(there.at(place), "who" | "where" | "when") || asks(there.at(place)) && bare(place + 1);
    // "What documents do I need" asks for the documents.
    let object = HELPING.has(here.at(at + 1));
    at > 0 && !object && asks(here.at(at - 1)) && !here.all[at].is_name() && (0..there.all.len()).any(open)
}

fn sorted(words: &Words) -> Vec<&str> {
    let mut all: Vec<&str> = words.all.iter().map(|word| word.lower.as_str()).collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (a, b, shared, alone_a, alone_b, anchors, equal) in [
            ("How do I reset it?", "how do i reset it", 1, 0, 0, 0, true),
            ("Bake a salmon", "Bake a cod", 1, 1, 1, 0, false),
            ("Order a new card", "Order a card", 2, 1, 0, 0, false),
            ("Weather in Oslo", "What is the weather in Oslo?", 2, 0, 0, 1, false),
            ("Who was Ada Lovelace?", "Tell me about Ada Lovelace.", 1, 0, 0, 1, false),
            ("Which band sang Thriller?", "Who sang Thriller?", 2, 0, 0, 1, false),
            ("What papers do I need for a visa?", "What is a visa?", 1, 1, 0, 0, false),
            ("Which visa do I need?", "Which card do I need?", 0, 1, 1, 0, false),
            ("", "", 0, 0, 0, 0, true),
        ] {
            let (x, y) = (Words::of(a), Words::of(b));
            let wanted = Overlap { shared, alone_a, alone_b, anchors, equal };
            assert_eq!(Overlap::of(&Pair::of(&x, &y)), wanted, "{a} | {b}");
        }
    }
}
