//! A budget crossed one of its thresholds.

use crate::labels::Key;

/// Raised once per threshold, scope and window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Index of the budget rule.
    pub rule: u16,
    /// Key of the scope.
    pub key: Key,
    /// The threshold, in thousandths of the limit.
    pub permille: u32,
    /// What is spent, nano-USD.
    pub posted: i64,
    /// The limit, nano-USD.
    pub limit: i64,
}
