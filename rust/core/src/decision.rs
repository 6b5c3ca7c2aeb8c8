//! The answer of the gate: admitted, or a refusal that says who, why and when.

use crate::labels::Key;
use crate::throttle::Dimension;

/// How long until the request fits, if nothing else happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// Fits after so many nanoseconds, and not one earlier.
    For(u64),
    /// Fits once a running request gives back what it holds.
    UntilReleased,
    /// Never fits this rule.
    Never,
}

/// Why a rule refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The rate has no room now.
    Rate,
    /// All slots are held.
    Concurrency,
    /// The budget has no room.
    Budget,
    /// The request is larger than the rule's whole capacity.
    TooLarge,
    /// The table of scopes is full of scopes in use.
    Full,
    /// Others wait for the scope before this request.
    Queued,
    /// The provider asked for a pause.
    Paused,
}

impl Cause {
    /// The word that users read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Concurrency => "concurrency",
            Self::Budget => "budget",
            Self::TooLarge => "too_large",
            Self::Full => "full",
            Self::Queued => "queued",
            Self::Paused => "paused",
        }
    }
}

/// One rule that has no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// Index of the rule.
    pub rule: u16,
    /// Key of its scope.
    pub key: Key,
    /// What it counts.
    pub dimension: Dimension,
    /// Why it refuses.
    pub cause: Cause,
    /// What the request needs, in the dimension's unit.
    pub needed: i64,
    /// What the scope has left; negative when it is in debt.
    pub available: i64,
    /// When it has room.
    pub wait: Wait,
    /// True when another tier may still fit: the rule names tiers, or its budget downgrades.
    pub next_tier: bool,
}

/// Nothing was taken. Holds every failing rule, and which one binds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// All enforced rules without room, in policy order.
    pub failing: Vec<Failing>,
}

impl Refusal {
    /// The rule that keeps the request waiting longest; ties go to policy order.
    pub fn binding(&self) -> Option<&Failing> {
        let longest = self.failing.iter().map(|failing| failing.wait).max()?;
        self.failing.iter().find(|failing| failing.wait == longest)
    }

    /// True when the walk may go on to another tier.
    pub fn next_tier(&self) -> bool {
        self.failing.iter().all(|failing| failing.next_tier)
    }
}
