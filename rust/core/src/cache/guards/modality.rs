//! What must be, what should be and what may be, where a yes or no is asked for.

use super::lists::listed;
use super::pair::Pair;
use super::words::Words;

const FORCES: [(&str, &str); 3] = [
    ("duty", " must need needs required mandatory have-to has-to obliged compulsory "),
    ("advice", " should ought advisable "),
    ("leave", " can could may might able allowed possible permitted "),
];

/// Says that one text asks for a duty where the other asks for advice or leave.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    if let Some((modal, plain)) = supposed(pair.a, pair.b).or_else(|| supposed(pair.b, pair.a)) {
        return Some(format!("modality differs: '{modal}' against '{plain}'"));
    }
    let (a, b) = (force(pair.a)?, force(pair.b)?);
    // What one can do, one may be advised to do; what one must do is another matter.
    let both = [a, b].map(|force| force.0);
    let (wide, stern) = (a.1 && b.1, both.contains(&"duty") && both.contains(&"leave"));
    (both[0] != both[1] && (!wide || stern)).then(|| format!("modality differs: {} against {}", both[0], both[1]))
}

/// The verbs that open two questions, equal but for these, of which the first asks what can be and the second what is. Of oneself one
/// asks the same with either: "can I get it", "do I get it".
fn supposed<'a>(here: &'a Words, there: &'a Words) -> Option<(&'a str, &'a str)> {
    let modal = FORCES.iter().any(|(_, list)| listed(list, here.at(0)));
    let plain = matches!(there.at(0), "do" | "does" | "did" | "is" | "are");
    let same = here.all.len() == there.all.len() && (1..here.all.len()).all(|at| here.at(at) == there.at(at));
    let own = matches!(here.at(1), "i" | "you" | "we" | "one" | "anyone" | "");
    (modal && plain && same && !own).then(|| (here.at(0), there.at(0)))
}

/// The force of the verb that opens the question, and whether it asks for more than a yes or no: "what must I bring".
fn force(words: &Words) -> Option<(&'static str, bool)> {
    let opening = words.all.iter().take(4).enumerate().map(|(at, word)| match (word.lower.as_str(), words.at(at + 1)) {
        ("have" | "has", "to") => "have-to".to_owned(),
        _ => word.lower.clone(),
    });
    let opening: Vec<String> = opening.collect();
    let asks = matches!(
        opening.first().map(String::as_str),
        Some("must" | "should" | "can" | "could" | "may" | "might" | "do" | "does" | "am" | "is" | "are" | "ought" | "who")
    );
    let wide = matches!(words.at(0), "what" | "which" | "where" | "when");
    // "What do I need" is no duty: one may need it and be free not to have it.
    let stern = |word: &&String| !wide || !word.starts_with("need");
    let force = |word: &String| FORCES.iter().find(|(_, list)| listed(list, word)).map(|(force, _)| (*force, wide));
    opening.iter().filter(stern).find_map(force).filter(|_| (asks || wide) && words.at(1) != "you")
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Must I register it?", "May I register it?", true),
            ("Should I sell it?", "Could I sell it?", true),
            ("Could the virus spread by air?", "Does the virus spread by air?", true),
            ("Can I return it?", "Do I return it?", false),
            ("Who may vote?", "Who must vote?", true),
            ("Do I have to go?", "Must I go?", false),
            ("Can I bring a dog?", "Am I allowed to bring a dog?", false),
            ("How can I stop it?", "How should I stop it?", false),
            ("What can I bring?", "What must I bring?", true),
            ("Where can I park?", "Where should I park?", false),
            ("What do I need to bring?", "What can I bring?", false),
            ("Can you tell me if I should go?", "Should I go?", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
