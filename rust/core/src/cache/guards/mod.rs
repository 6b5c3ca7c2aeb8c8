//! Which near-duplicates must not share an answer, whatever their similarity.
//!
//! Two texts are read in one spelling ([`Words`]) and laid side by side ([`Pair`]); each guard is a pure, symmetric function of the
//! pair that gives a sentence when the texts differ in its matter. Word lists serve inside one class only; what differs at all is
//! known from the pair. The lists are English; numbers, names and word order need no language.

mod abbreviations;
mod bounds;
mod clock;
mod courtesy;
mod edit;
mod frame;
mod initials;
mod language;
mod lexicon;
mod lists;
mod mention;
mod modality;
mod names;
mod negation;
mod numbers;
mod numerals;
mod opposites;
mod order;
mod overlap;
mod pair;
mod periods;
mod persons;
mod phrasal;
mod quantity;
mod question;
mod roles;
mod spelling;
mod tense;
mod units;
mod words;

pub use overlap::Overlap;
pub use pair::Pair;
pub use words::Words;

type Guard = fn(&Pair<'_>) -> Option<String>;

/// Guards of a fact that was changed, in the order in which people read what they say; two more judge the question as a whole.
const FACTS: [Guard; 14] = [
    numbers::differ,
    bounds::differ,
    negation::differ,
    opposites::differ,
    names::differ,
    units::differ,
    quantity::differ,
    periods::differ,
    tense::differ,
    modality::differ,
    persons::differ,
    order::differ,
    roles::differ,
    language::differ,
];

/// Sentences that say why an answer to one text must not serve the other; empty when no guard objects.
///
/// # Example
/// ```
/// use tierkit_core::cache::guards::{Pair, Words, differences};
/// let (two, three) = (Words::of("Boil 2 eggs"), Words::of("Boil three eggs"));
/// assert_eq!(differences(&Pair::of(&two, &three)), ["numbers differ: 2 against 3"]);
/// ```
pub fn differences(pair: &Pair<'_>) -> Vec<String> {
    let found: Vec<String> = FACTS.iter().chain(&[question::differ as Guard]).filter_map(|guard| guard(pair)).collect();
    // What has a name of its own is not called an edit too.
    if found.is_empty() { edit::differ(pair).into_iter().collect() } else { found }
}

/// Whether a guard objects: as [`differences`], up to the first.
pub fn differs(pair: &Pair<'_>) -> bool {
    alters(pair) || question::differ(pair).is_some() || edit::differ(pair).is_some()
}

/// Whether a fact was changed. Less than [`differs`]: another kind of question, or one place reworded, may share an answer that many
/// questions share.
pub fn alters(pair: &Pair<'_>) -> bool {
    FACTS.iter().any(|guard| guard(pair).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(a: &str, b: &str) -> Vec<String> {
        differences(&Pair::of(&Words::of(a), &Words::of(b)))
    }

    fn blocked(a: &str, b: &str) -> bool {
        let (there, back) = (reasons(a, b), reasons(b, a));
        assert_eq!(there.is_empty(), back.is_empty(), "{a} | {b}");
        !there.is_empty()
    }

    #[test]
    fn what_changes_the_answer_blocks() {
        for (a, b) in [
            ("Convert 5 miles to km", "Convert 50 miles to km"),
            ("Convert five miles", "Convert six miles"),
            ("What is 5 kg of rice", "What is 5 lb of rice"),
            ("Is it 5°C", "Is it -5°C"),
            ("Can I take it with food", "Can't I take it with food"),
            ("Is it safe to eat", "Is it not safe to eat"),
            ("How to enable the firewall", "How to disable the firewall"),
            ("Who is the CEO of Apple", "Who is the CEO of Google"),
            ("How to sort in Python 3.11", "How to sort in Python 3.12"),
            ("from euros to dollars", "from dollars to euros"),
            ("What does f_open do", "What does f_close do"),
            ("Translate to French", "Translate to German"),
            ("How many grams is 800 tons?", "How many grams is 800 kilograms?"),
            ("Who is the president of Peru", "Who was the president of Peru"),
            ("cheapest flights Oslo to Seoul", "Find me a low price flight from Seoul to Oslo"),
            ("Weather on 2024-01-02", "Weather on 2024-01-03"),
        ] {
            assert!(blocked(a, b), "{a} | {b}");
        }
    }

    #[test]
    fn what_does_not_change_it_passes() {
        for (a, b) in [
            ("How do I reset my password?", "how do i reset my password"),
            ("Boil two eggs", "Boil 2 eggs"),
            ("It costs 1,000 dollars", "It costs 1000 dollars"),
            ("who leads apple", "Who leads Apple?"),
            ("", ""),
            ("What is 5 percent of 8?", "What is 5% of 8?"),
            ("Is it in v2.10.0", "is it in version 2.10.0"),
            ("Please tell me how to knead dough", "How to knead dough"),
        ] {
            assert!(!blocked(a, b), "{a} | {b}: {:?}", reasons(a, b));
        }
    }
}
