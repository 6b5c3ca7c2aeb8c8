//! Labels with the scopes that they lead to, matched once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::labels::{Key, Labels};
use crate::rules::Rules;

/// A request's labels and, in policy order, its scopes.
#[derive(Debug)]
pub struct Bound {
    labels: Arc<Labels>,
    scopes: Vec<BoundScope>,
}

/// One scope: its rule, its key, and where the table had it last.
#[derive(Debug)]
pub struct BoundScope {
    /// Index of the rule.
    pub rule: u16,
    /// Key in the table.
    pub key: Key,
    hint: AtomicU64,
}

impl BoundScope {
    /// The slot and generation seen last.
    pub fn hint(&self) -> u64 {
        self.hint.load(Ordering::Relaxed)
    }

    /// Remembers where the scope was found.
    pub fn remember(&self, hint: u64) {
        self.hint.store(hint, Ordering::Relaxed);
    }
}

impl Bound {
    /// Matches labels against the rules.
    pub fn new(rules: &Rules, labels: Labels) -> Self {
        let scope = |rule: u16| {
            let per = rules.get(rule).map_or(&[] as &[_], |found| &found.matcher.per);
            BoundScope { rule, key: labels.key(rule, per), hint: AtomicU64::new(u64::MAX) }
        };
        let scopes = rules.matching(&labels).into_iter().map(scope).collect();
        Self { labels: Arc::new(labels), scopes }
    }

    /// Who asks.
    pub fn labels(&self) -> &Arc<Labels> {
        &self.labels
    }

    /// The scopes, in policy order.
    pub fn scopes(&self) -> &[BoundScope] {
        &self.scopes
    }
}
