//! Labels with the scopes that they lead to, matched once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use smallvec::SmallVec;

use crate::labels::{Key, LabelRefs, Labels, Lookup};
use crate::rules::{Rule, RuleKind, Rules};
use crate::throttle::{Dimension, Quota};

/// A request's labels and, in policy order, its scopes.
#[derive(Debug)]
pub struct Bound {
    labels: Arc<Labels>,
    scopes: Scopes,
    holds: bool,
    version: u64,
}

/// One scope: its rule, its key, and where the table had it last.
#[derive(Debug)]
pub struct BoundScope {
    /// Index of the rule.
    pub rule: u16,
    /// Key in the table.
    pub key: Key,
    /// What an enforced rate counts, and the rate: all that a hot take needs of its rule.
    pub rate: Option<(Dimension, Quota)>,
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

/// One scope needs no allocation of its own.
type Scopes = SmallVec<[BoundScope; 1]>;

/// What a bound holds that keeps no labels.
static NO_LABELS: LazyLock<Arc<Labels>> = LazyLock::new(Arc::default);

impl Bound {
    /// Matches labels against the rules.
    pub fn new(rules: &Rules, labels: impl Into<Arc<Labels>>) -> Self {
        let labels = labels.into();
        Self::with(rules, scopes(rules, &*labels), labels)
    }

    /// Matches labels against the rules and keeps none of them: enough for takes, which are no reservations.
    pub fn passing(rules: &Rules, labels: &LabelRefs<'_>) -> Self {
        Self::with(rules, scopes(rules, labels), Arc::clone(&NO_LABELS))
    }

    fn with(rules: &Rules, scopes: Scopes, labels: Arc<Labels>) -> Self {
        let held = |scope: &BoundScope| rules.get(scope.rule).is_some_and(|rule| !matches!(rule.kind, RuleKind::Refill(..)));
        Self { holds: scopes.iter().any(held), labels, scopes, version: rules.version() }
    }

    /// Who asks.
    pub fn labels(&self) -> &Arc<Labels> {
        &self.labels
    }

    /// Whether a take needs a reservation: one of the scopes is held until it ends.
    pub fn holds(&self) -> bool {
        self.holds
    }

    /// The version of the rules that it was matched against: those of another one may lead elsewhere.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The scopes, in policy order.
    pub fn scopes(&self) -> &[BoundScope] {
        &self.scopes
    }
}

fn scopes(rules: &Rules, labels: &impl Lookup) -> Scopes {
    let scope = |index: u16| {
        let rule = rules.get(index);
        let per = rule.map_or(&[] as &[_], |found| &found.matcher.per);
        BoundScope { rule: index, key: labels.key(index, per), rate: rule.and_then(Rule::rate), hint: AtomicU64::new(u64::MAX) }
    };
    rules.matching(labels).into_iter().map(scope).collect()
}
