//! Did you mean: the known word nearest to one that was mistyped.

/// The known word closest to a mistyped one, compared whole and by its underscore-separated parts.
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |candidate: &str| {
        let parts = candidate.split('_').map(|part| edits(word, part)).min().unwrap_or(usize::MAX);
        parts.min(edits(word, candidate))
    };
    known
        .iter()
        .map(|candidate| (near(candidate), *candidate))
        .min_by_key(|(distance, _)| *distance)
        .and_then(|(distance, best)| (distance <= word.len().div_ceil(2).min(2)).then_some(best))
}

/// Edit distance (insert, delete, replace); inputs are words of a policy, so short.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().take(64).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            left = (left + 1).min(above + 1).min(diagonal + usize::from(from != *to));
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
