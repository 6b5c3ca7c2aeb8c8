//! What kind of answer is asked for: a reason, a place, a time, a person, a yes or no.

use super::words::Words;

const KINDS: [&str; 4] = ["why", "where", "when", "who"];
const AUXILIARIES: [&str; 16] =
    ["is", "are", "was", "were", "am", "do", "does", "did", "has", "will", "should", "must", "may", "isn't", "don't", "doesn't"];
/// A subject after "can" or "could" makes a yes-or-no question; "can you" asks for the answer itself.
const MODALS: [&str; 4] = ["can", "could", "have", "would"];
const SUBJECTS: [&str; 6] = ["i", "we", "he", "she", "it", "they"];

/// Says that one text asks for a reason, a place or a time and the other does not, or that only one takes a yes or no.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (kind(cached), kind(new));
    let person = |kind: Option<&str>| kind.is_none_or(|kind| kind == "who");
    let open = |words: &Words| !polar(words);
    let turned = a != b && !(person(a) && person(b));
    let closed = open(cached) != open(new);
    (turned || closed).then(|| {
        let shown =
            |kind: Option<&str>, words: &Words| kind.unwrap_or(if polar(words) { "yes or no" } else { "other" }).to_owned();
        format!("question differs: {} against {}", shown(a, cached), shown(b, new))
    })
}

/// The question word near the beginning; a full stop at the end marks a statement, where such words join clauses.
fn kind(words: &Words) -> Option<&'static str> {
    if words.statement {
        return None;
    }
    KINDS.into_iter().find(|kind| words.all.iter().take(3).any(|word| word.lower == *kind))
}

fn polar(words: &Words) -> bool {
    let at = |place: usize| words.all.get(place).map_or("", |word| word.lower.as_str());
    let way = (at(0) == "is" || at(0) == "are") && at(1) == "there";
    !words.statement && !way && (AUXILIARIES.contains(&at(0)) || MODALS.contains(&at(0)) && SUBJECTS.contains(&at(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Why do I need a visa?", "What visa do I need?", true),
            ("Where can I get a card?", "Can I get a card?", true),
            ("Do I need to verify it?", "How do I verify it?", true),
            ("Who was Jane Austen?", "Tell me about Jane Austen.", false),
            ("Is it safe to eat it raw?", "Can I eat it raw?", false),
            ("Is there a way to reset it?", "How do I reset it?", false),
            ("Can you tell me the time?", "What is the time?", false),
            ("When it rains, it pours.", "It pours if it rains.", false),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
