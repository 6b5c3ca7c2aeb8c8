//! One place of a text replaced, or something put in, and all else equal: who edits one place means the difference, who asks the
//! same again changes more.

use super::frame::is_open;
use super::pair::Pair;
use super::words::Words;

/// Most words of a place that counts as edited.
const MOST: usize = 3;
/// Texts longer than this say the same in other words by changing one place.
const LONG: usize = 14;

/// Of a longer text at most one word in so many may differ for it to count as edited wherever it does.
const NEARLY: usize = 6;

/// Words whose place an added word may take: "this weekend", "next weekend"; "on delivery", "after delivery".
const DETERMINERS: [&str; 18] =
    ["a", "an", "the", "this", "that", "my", "your", "some", "any", "of", "in", "on", "at", "for", "from", "by", "with", "to"];

/// Says what stands in the place of what.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    let (hunks, kept) = hunks(pair);
    let mut changed = hunks.iter().filter(|(a, b)| !a.is_empty() || !b.is_empty());
    let longest = pair.a.all.len().max(pair.b.all.len());
    let lone = |places: &[usize], alone: &[usize]| places.iter().any(|at| alone.contains(at));
    // Of long statements people exchange words at leisure; who asks or orders means what he exchanges.
    let told = pair.a.statement && pair.b.statement;
    let hunk @ (a, b) = match changed.clone().find(|(a, b)| lone(a, &pair.alone_a) && lone(b, &pair.alone_b)) {
        Some(hunk) if longest > LONG && !told && NEARLY * (longest - kept) <= longest => return Some(shown(pair, hunk)),
        _ => changed.next()?,
    };
    let most = if longest > LONG { 1 } else { MOST };
    let one = changed.next().is_none() && a.len().max(b.len()) <= most && kept > 0 && 2 * kept >= longest;
    let (left, right) = (lone(a, &pair.alone_a), lone(b, &pair.alone_b));
    // What is only put in stands alone; beside other words it may belong to the frame: "which city", "what".
    let bare = |words: &Words, places: &[usize]| {
        places.iter().all(|at| DETERMINERS.contains(&words.at(*at))) || places.iter().any(|at| is_open(words.at(*at)))
    };
    if introduces(pair.a, a) && b.is_empty() || introduces(pair.b, b) && a.is_empty() {
        return None;
    }
    let matters = left && (right || bare(pair.b, b)) || right && bare(pair.a, a);
    (one && matters).then(|| shown(pair, hunk))
}

/// Whether the places are a sentence of its own before another, in which the asker speaks of himself: "I'm new here."
fn introduces(words: &Words, places: &[usize]) -> bool {
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return false };
    let wants = (*first..=*last).any(|at| matches!(words.at(at), "want" | "need" | "would" | "please"));
    let own = matches!(words.at(*first), "i" | "we" | "my" | "our");
    own && !wants && words.all[*first].opens && words.all.get(last + 1).is_some_and(|next| next.opens)
}

fn shown(pair: &Pair<'_>, (a, b): &Places) -> String {
    let words =
        |words: &Words, places: &[usize]| places.iter().map(|at| words.all[*at].shown.as_str()).collect::<Vec<_>>().join(" ");
    format!("one place differs: '{}' against '{}'", words(pair.a, a), words(pair.b, b))
}

type Places = (Vec<usize>, Vec<usize>);

/// What lies between the words that both texts have in one order, and how many these are.
fn hunks(pair: &Pair<'_>) -> (Vec<Places>, usize) {
    // Of several longest orders the same one is taken, whichever text comes first.
    if pair.backwards() {
        let (found, kept) = aligned(pair.b.all.len(), pair.a.all.len(), |x, y| pair.meets(y, x));
        return (found.into_iter().map(|(b, a)| (a, b)).collect(), kept);
    }
    aligned(pair.a.all.len(), pair.b.all.len(), |x, y| pair.meets(x, y))
}

fn aligned(rows: usize, columns: usize, meets: impl Fn(usize, usize) -> bool) -> (Vec<Places>, usize) {
    // Both texts begin with these, so the longest common order does.
    let begin = (0..rows.min(columns)).take_while(|at| meets(*at, *at)).count();
    let place = |x: usize, y: usize| (x - begin) * (columns - begin + 1) + y - begin;
    let mut best = vec![0_usize; (rows - begin + 1) * (columns - begin + 1)];
    for x in (begin..rows).rev() {
        for y in (begin..columns).rev() {
            let longest =
                if meets(x, y) { best[place(x + 1, y + 1)] + 1 } else { best[place(x + 1, y)].max(best[place(x, y + 1)]) };
            best[place(x, y)] = longest;
        }
    }
    let (mut x, mut y, mut found) = (0, 0, vec![(Vec::new(), Vec::new())]);
    while x < rows || y < columns {
        if x < rows && y < columns && meets(x, y) {
            found.push((Vec::new(), Vec::new()));
            (x, y) = (x + 1, y + 1);
        } else if let Some((a, b)) = found.last_mut() {
            if y == columns || x < rows && best[place(x + 1, y)] >= best[place(x, y + 1)] {
                a.push(x);
                x += 1;
            } else {
                b.push(y);
                y += 1;
            }
        }
    }
    (found, begin + best[0])
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Can dogs eat grapes?", "Can cats eat grapes?", true),
            ("Book a table at the steak house", "Cancel my table at the steak house", true),
            ("weather this weekend", "weather next weekend", true),
            ("change my name by law", "change my gender by law", true),
            ("open on monday", "open on tuesday", true),
            ("Name the capital city of Peru", "What is the capital of Peru", false),
            ("How do I sleep better?", "I'm exhausted. How do I sleep better?", false),
            ("How do I say it?", "Answer in Greek. How do I say it?", true),
            ("order a card", "order a virtual card", true),
            ("Which city is the capital", "What is the capital", false),
            ("How do I reset it", "How can I reset it", false),
            ("How do I fix a faucet?", "How do I repair a faucet?", false),
            ("Boil two eggs", "Boil 2 eggs", false),
            ("Download a file", "Download files", false),
            ("Summarise the news of July.", "What happened in July?", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
