//! One word in the place of another, and all else equal: who edits one place of a question means the difference.

use super::content::{akin, content, stem};
use super::words::Words;

/// Says which content word stands in the place of which.
pub fn differ(cached: &Words, new: &Words) -> Option<String> {
    if cached.all.len() != new.all.len() {
        return None;
    }
    let mut pairs = cached.all.iter().zip(&new.all).filter(|(a, b)| a.lower != b.lower);
    let (a, b) = pairs.next().filter(|_| pairs.next().is_none())?;
    // Figures have a guard of their own.
    if a.number || b.number {
        return None;
    }
    let matters = |word: &str| !content(word).is_empty();
    let same = akin(&stem(&a.lower), &stem(&b.lower)) || content(&a.lower) == content(&b.lower);
    (matters(&a.lower) && matters(&b.lower) && !same).then(|| format!("one word differs: '{}' against '{}'", a.shown, b.shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Can dogs eat grapes?", "Can cats eat grapes?", true),
            ("open on monday", "open on tuesday", true),
            ("How do I reset it", "How can I reset it", false),
            ("Boil two eggs", "Boil 2 eggs", false),
            ("Download a file", "Download files", false),
            ("automatic updates", "automatically updates", false),
        ] {
            assert_eq!(differ(&Words::of(a), &Words::of(b)).is_some(), differs, "{a} | {b}");
        }
    }
}
