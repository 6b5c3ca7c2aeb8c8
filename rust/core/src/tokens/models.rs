//! Which vocabulary a model counts with.

use super::Vocabulary;

/// Families by name, and whether a version may follow the family (`gpt-5.4`, but not `gpt-4.7`).
///
/// # Source
/// `tiktoken/model.py` of tiktoken 0.14 (`MODEL_TO_ENCODING`, `MODEL_PREFIX_TO_ENCODING`).
const FAMILIES: [(&str, bool, Vocabulary); 15] = [
    ("gpt-5", true, Vocabulary::O200k),
    ("gpt-4.1", false, Vocabulary::O200k),
    ("gpt-4.5", false, Vocabulary::O200k),
    ("gpt-4o", false, Vocabulary::O200k),
    ("chatgpt-4o", false, Vocabulary::O200k),
    ("gpt-oss", false, Vocabulary::O200k),
    ("o1", false, Vocabulary::O200k),
    ("o3", false, Vocabulary::O200k),
    ("o4", false, Vocabulary::O200k),
    ("gpt-4", false, Vocabulary::Cl100k),
    ("gpt-3.5", false, Vocabulary::Cl100k),
    ("gpt-35", false, Vocabulary::Cl100k),
    ("text-embedding-3-small", false, Vocabulary::Cl100k),
    ("text-embedding-3-large", false, Vocabulary::Cl100k),
    ("text-embedding-ada-002", false, Vocabulary::Cl100k),
];

/// The vocabulary of a model, or `None` when it is not known; `openai/`, `azure/` and `ft:` in front do not matter.
///
/// ```
/// use tierkit_core::tokens::{Vocabulary, vocabulary_of};
/// assert_eq!(vocabulary_of("openai/gpt-5-mini"), Some(Vocabulary::O200k));
/// assert_eq!(vocabulary_of("gpt-4"), Some(Vocabulary::Cl100k));
/// assert_eq!(vocabulary_of("claude-sonnet-4-5"), None);
/// ```
pub fn vocabulary_of(model: &str) -> Option<Vocabulary> {
    let name = model.strip_prefix("openai/").or_else(|| model.strip_prefix("azure/")).unwrap_or(model);
    let name = name.strip_prefix("ft:").unwrap_or(name);
    FAMILIES.iter().find(|(family, versions, _)| belongs(name, family, *versions)).map(|(_, _, vocabulary)| *vocabulary)
}

/// Whether a name is a family or one of its members: what follows must begin a new part of the name.
fn belongs(name: &str, family: &str, versions: bool) -> bool {
    name.strip_prefix(family).is_some_and(|rest| match rest.bytes().next() {
        None | Some(b'-' | b':' | b'@') => true,
        Some(b'.') => versions,
        Some(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families() {
        use Vocabulary::{Cl100k, O200k};
        for (model, wanted) in [
            ("gpt-5", Some(O200k)),
            ("gpt-5.4-mini", Some(O200k)),
            ("gpt-4.1-nano", Some(O200k)),
            ("gpt-4o-2024-08-06", Some(O200k)),
            ("chatgpt-4o-latest", Some(O200k)),
            ("o1", Some(O200k)),
            ("o3-mini", Some(O200k)),
            ("o4-mini", Some(O200k)),
            ("openai/gpt-oss-120b", Some(O200k)),
            ("ft:gpt-4o:acme::1", Some(O200k)),
            ("gpt-4", Some(Cl100k)),
            ("gpt-4-turbo-2024-04-09", Some(Cl100k)),
            ("gpt-3.5-turbo", Some(Cl100k)),
            ("text-embedding-3-large", Some(Cl100k)),
            ("text-embedding-ada-002", Some(Cl100k)),
            ("gpt-4.7", None),
            ("gpt-50", None),
            ("o10", None),
            ("Qwen/Qwen3-8B", None),
            ("", None),
        ] {
            assert_eq!(vocabulary_of(model), wanted, "{model}");
        }
    }
}
