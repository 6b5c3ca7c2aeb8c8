//! Before, during or after.

use std::sync::LazyLock;

use super::lists::Lists;
use super::pair::Pair;

const PERIODS: [(&str, &str); 3] = [
    ("before", " before until till prior ahead "),
    ("during", " during while throughout "),
    ("after", " after since afterwards "),
];
/// Longer texts speak of several times.
const LONG: usize = 16;

/// Says that one text means the time before what the other means the time after.
pub fn differ(pair: &Pair<'_>) -> Option<String> {
    static ALL: LazyLock<Lists> = LazyLock::new(|| Lists::of(PERIODS.map(|(_, list)| list)));
    if pair.a.all.len().max(pair.b.all.len()) > LONG {
        return None;
    }
    let (a, b) = (ALL.with_any(pair.a), ALL.with_any(pair.b));
    let period = |lists: u16| PERIODS.get(lists.trailing_zeros() as usize).map(|(period, _)| *period);
    let (x, y) = (period(a & !b)?, period(b & !a)?);
    Some(format!("periods differ: {x} against {y}"))
}

#[cfg(test)]
mod tests {
    use super::super::pair::objects;

    #[test]
    fn cases() {
        for (a, b, differs) in [
            ("Do I register since moving?", "Do I register prior to moving?", true),
            ("Can I eat during it?", "Can I eat after it?", true),
            ("Stretch before a run", "Stretch prior to a run", false),
            ("What happens after it?", "What happens when it ends?", false),
        ] {
            assert_eq!(objects(super::differ, a, b), differs, "{a} | {b}");
        }
    }
}
