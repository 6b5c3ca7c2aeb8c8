//! Model names: dated snapshots, and the name that was probably meant.

/// The name without a snapshot at its end (`-20250929`, `-2025-08-07`, `-0309`, `-001`, `@20250929`, `-latest`).
pub fn without_snapshot(name: &str) -> Option<&str> {
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (base, tail) = name.rsplit_once(['-', '@'])?;
    if tail == "latest" || (matches!(tail.len(), 3 | 4 | 8) && all_digits(tail)) {
        return Some(base);
    }
    let mut parts = name.rsplitn(4, '-');
    let (day, month, year, base) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let shaped = day.len() == 2 && month.len() == 2 && year.len() == 4;
    (shaped && all_digits(day) && all_digits(month) && all_digits(year)).then_some(base)
}

/// The known word nearest to a misspelt one, unless all are too far away to be meant.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(80).flat_map(char::to_lowercase).collect();
    let far = word.len() / 3 + 1;
    known
        .map(|candidate| (distance(&word, candidate), candidate))
        .filter(|(edits, _)| *edits <= far)
        .min_by_key(|(edits, candidate)| (*edits, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace) between two words.
///
/// # Source
/// Wagner and Fischer, "The string-to-string correction problem", 1974, with one row kept.
fn distance(word: &[char], candidate: &str) -> usize {
    let mut row: Vec<usize> = (0..=word.len()).collect();
    for (line, letter) in candidate.chars().enumerate() {
        let mut diagonal = line;
        row[0] = line + 1;
        for (column, wanted) in word.iter().enumerate() {
            let above = row[column + 1];
            let replaced = diagonal + usize::from(*wanted != letter);
            row[column + 1] = replaced.min(above + 1).min(row[column] + 1);
            diagonal = above;
        }
    }
    row[word.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots() {
        for (name, base) in [
            ("claude-haiku-4-5-20251001", Some("claude-haiku-4-5")),
            ("claude-haiku-4-5@20251001", Some("claude-haiku-4-5")),
            ("gpt-5-2025-08-07", Some("gpt-5")),
            ("grok-4-0709", Some("grok-4")),
            ("gemini-2.0-flash-001", Some("gemini-2.0-flash")),
            ("grok-4-latest", Some("grok-4")),
            ("gpt-5", None),
            ("gpt-5-mini", None),
            ("o3", None),
            ("", None),
        ] {
            assert_eq!(without_snapshot(name), base, "{name}");
        }
    }

    #[test]
    fn misspelt() {
        let known = ["gpt-5", "gpt-5-mini", "claude-sonnet-4-5"];
        assert_eq!(nearest("gpt5-mini", known.into_iter()), Some("gpt-5-mini"));
        assert_eq!(nearest("Claude-Sonet-4-5", known.into_iter()), Some("claude-sonnet-4-5"));
        assert_eq!(nearest("something else", known.into_iter()), None);
    }
}
