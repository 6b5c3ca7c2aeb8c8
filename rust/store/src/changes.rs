//! The accounts that an entry changed, as `entry.changes` keeps them.

/// The change of one account by its number in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The account.
    pub account: i64,
    /// Change of what is spent and of what is on hold, nano-USD.
    pub sums: [i64; 2],
    /// The end of the window, where it is another one than the account's: a rule that got another period, with the same start.
    pub end_ns: Option<i64>,
}

/// Changes as JSON, always the same text for the same changes.
pub fn changes_json(changes: &[Change]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 + 24 * changes.len());
    text.push('[');
    for (number, Change { account, sums: [posted, pending], end_ns }) in changes.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        let end = end_ns.map_or(String::new(), |end_ns| format!(",{end_ns}"));
        let _ = write!(text, "{comma}[{account},{posted},{pending}{end}]");
    }
    text.push(']');
    text
}

/// Changes from that JSON; `None` for any other text.
pub fn changes_from(text: &str) -> Option<Vec<Change>> {
    let found: Vec<Vec<i64>> = serde_json::from_str(text).ok()?;
    let change = |numbers: &Vec<i64>| match *numbers.as_slice() {
        [account, posted, pending] => Some(Change { account, sums: [posted, pending], end_ns: None }),
        [account, posted, pending, end_ns] => Some(Change { account, sums: [posted, pending], end_ns: Some(end_ns) }),
        _ => None,
    };
    let changes: Vec<Change> = found.iter().map(change).collect::<Option<_>>()?;
    (changes_json(&changes) == text).then_some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let changes = [
            Change { account: 1, sums: [0, 5], end_ns: None },
            Change { account: i64::MAX, sums: [i64::MIN, -5], end_ns: Some(7) },
        ];
        let text = "[[1,0,5],[9223372036854775807,-9223372036854775808,-5,7]]";
        assert_eq!(changes_json(&changes), text);
        assert_eq!(changes_from(text).as_deref(), Some(changes.as_slice()));
        assert_eq!((changes_json(&[]).as_str(), changes_from("[]")), ("[]", Some(Vec::new())));
        for other in ["", "[", "[[1,0]]", "[[1,0,5,7,9]]", "[[1, 0,5]]", "[[01,0,5]]", "[[1,0,5.0]]", "[[1,0,5]] ", "{}"] {
            assert_eq!(changes_from(other), None, "{other}");
        }
    }
}
