//! An odd number of negations against an even one.

use super::words::Words;

const NEGATIONS: [&str; 29] = [
    "not",
    "no",
    "never",
    "none",
    "nobody",
    "nothing",
    "nowhere",
    "neither",
    "nor",
    "without",
    "cannot",
    "cant",
    "dont",
    "doesnt",
    "isnt",
    "wont",
    "wouldnt",
    "shouldnt",
    "except",
    "unless",
    "excluding",
    "nicht",
    "kein",
    "keine",
    "ohne",
    "nie",
    "pas",
    "jamais",
    "nunca",
];
const PRONOUNS: [&str; 6] = ["it", "they", "you", "he", "she", "i"];

/// Says that one text denies what the other states.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    let (a, b) = (count(cached), count(new));
    (a % 2 != b % 2).then(|| format!("negation differs: {a} against {b} negating words"))
}

/// An answer's opening "no" and a tag such as "isn't it?" deny nothing.
fn count(words: &Words) -> usize {
    let (last, all) = (words.all.len(), &words.all);
    let tag = |at: usize| at > 2 && at + 2 == last && PRONOUNS.contains(&all[at + 1].lower.as_str());
    let negates = |(at, word): &(usize, &super::words::Word)| {
        (NEGATIONS.contains(&word.lower.as_str()) || word.lower.ends_with("n't"))
            && !(*at == 0 && word.lower == "no" && words.statement)
            && !(word.lower.ends_with("n't") && tag(*at))
    };
    all.iter().enumerate().filter(negates).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Can I take it", "Can't I take it", true),
            ("It is ready, isn't it?", "Is it ready?", false),
            ("No, it is gone.", "It is gone.", false),
            ("with milk", "without milk", true),
            ("It is not impossible, is it not?", "It is possible", false),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
