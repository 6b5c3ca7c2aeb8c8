//! One matching engine for limits and budgets: `where` says when a rule applies, `per` which of its scopes.

mod succession;

pub use succession::{MOST_NUMBERS, Numbered};

use smallvec::SmallVec;

use crate::error::Result;
use crate::labels::Lookup;
use crate::ledger::BudgetSpec;
use crate::throttle::{Dimension, Quota};

/// Labels that the governor adds for each candidate; a rule that names one is tier-wide, not key-wide.
pub const TIER_LABELS: [&str; 3] = ["tier", "model", "backend"];

/// When a rule applies and which scope it uses.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Matcher {
    /// Labels whose values choose the scope; empty: one scope for all.
    pub per: Vec<Box<str>>,
    /// Every clause must hold: the label is present and has one of the values.
    pub clauses: Vec<(Box<str>, Vec<Box<str>>)>,
}

impl Matcher {
    /// Whether the rule applies to these labels.
    pub fn matches(&self, labels: &impl Lookup) -> bool {
        self.clauses.iter().all(|(name, values)| labels.get(name).is_some_and(|seen| values.iter().any(|value| **value == *seen)))
    }

    /// Whether the outcome depends on the tier that is tried.
    pub fn tier_wide(&self) -> bool {
        let names = self.per.iter().chain(self.clauses.iter().map(|(name, _)| name));
        names.into_iter().any(|name| TIER_LABELS.contains(&&**name))
    }
}

/// What a rule does with a request that it has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Refuses it.
    Enforce,
    /// Counts it and lets it pass.
    Observe,
}

/// What a rule counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleKind {
    /// Units that refill at a rate.
    Refill(Dimension, Quota),
    /// Slots that are held until the request settles.
    Hold(i64),
    /// Money per window.
    Budget(BudgetSpec),
}

impl RuleKind {
    /// The dimension that is counted.
    pub fn dimension(&self) -> Dimension {
        match self {
            Self::Refill(dimension, _) => *dimension,
            Self::Hold(_) => Dimension::Concurrency,
            Self::Budget(_) => Dimension::Usd,
        }
    }
}

/// A limit or a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique in the policy.
    pub name: Box<str>,
    /// When and for which scope.
    pub matcher: Matcher,
    /// What it counts.
    pub kind: RuleKind,
    /// Enforce or observe.
    pub mode: Mode,
    /// Rules that are switched off where this one matches.
    pub replaces: Vec<Box<str>>,
}

impl Rule {
    /// Whether the scopes of another rule are scopes of this one: the same name, keys and kind of stock.
    pub fn keeps_scopes_of(&self, other: &Self) -> bool {
        let same_stock = match (&self.kind, &other.kind) {
            (RuleKind::Refill(dimension, _), RuleKind::Refill(before, _)) => dimension == before,
            (RuleKind::Hold(_), RuleKind::Hold(_)) => true,
            (RuleKind::Budget(budget), RuleKind::Budget(before)) => budget.calendar == before.calendar,
            _ => false,
        };
        same_stock && self.name == other.name && self.matcher.per == other.matcher.per
    }

    /// Whether another tier may still fit where this rule has no room.
    pub fn next_tier(&self) -> bool {
        matches!(&self.kind, RuleKind::Budget(budget) if budget.downgrade) || self.matcher.tier_wide()
    }

    /// What an enforced rate counts, and the rate; `None` for everything else.
    pub fn rate(&self) -> Option<(Dimension, Quota)> {
        match (&self.kind, self.mode) {
            (RuleKind::Refill(dimension, quota), Mode::Enforce) => Some((*dimension, *quota)),
            _ => None,
        }
    }
}

/// Most rules of one policy.
pub const MOST_RULES: usize = 4_096;

/// All rules of a policy, checked together, and those of the policies before it that scopes may still belong to.
///
/// A rule keeps its number for as long as it keeps its scopes, and a number is never given twice: keys, reservations and
/// entries made under an older policy mean the same rule under a newer one.
#[derive(Debug, Default)]
pub struct Rules {
    by_number: Vec<Rule>,
    order: Vec<u16>,
    ranks: Vec<Option<u16>>,
    replaces: Vec<Vec<u16>>,
    was: Vec<Option<Quota>>,
    version: u64,
    since_boot_ns: u64,
}

impl Rules {
    /// Checks names and replacements.
    ///
    /// # Errors
    /// `Config` for a name used twice, an unknown or cyclic `replaces`, or more than 4,096 rules.
    pub fn new(rules: Vec<Rule>) -> Result<Self> {
        let order = (0_u16..).take(rules.len()).collect();
        Self::numbered(Numbered { rules, order, was: Vec::new(), version: 0, since_boot_ns: 0 })
    }

    /// A rule by number, of this policy or of one before it.
    pub fn get(&self, number: u16) -> Option<&Rule> {
        self.by_number.get(usize::from(number))
    }

    /// Whether a rule belongs to this policy.
    pub fn is_in_force(&self, number: u16) -> bool {
        self.ranks.get(usize::from(number)).is_some_and(Option::is_some)
    }

    /// The number of a rule of this policy.
    pub fn position(&self, name: &str) -> Option<u16> {
        self.iter().find(|(_, rule)| &*rule.name == name).map(|(number, _)| number)
    }

    /// The rules of this policy with their numbers, in its order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Rule)> {
        self.order.iter().filter_map(|number| Some((*number, self.get(*number)?)))
    }

    /// Every rule that has a number, by number.
    pub fn numbers(&self) -> &[Rule] {
        &self.by_number
    }

    /// Where a rule stands in the policy; behind all others when it is not of this policy.
    pub fn rank(&self, number: u16) -> u16 {
        self.ranks.get(usize::from(number)).copied().flatten().unwrap_or(u16::MAX)
    }

    /// Which policy of its line this is: two sets of rules with one version are the same.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// When this policy came into force, on the boot clock; 0 for the first.
    pub fn since_boot_ns(&self) -> u64 {
        self.since_boot_ns
    }

    /// The numbers that a rate had under the policy before, where they are others now.
    pub fn was(&self, number: u16) -> Option<Quota> {
        self.was.get(usize::from(number)).copied().flatten()
    }

    /// The rules that apply to these labels, replaced ones left out, in policy order.
    pub fn matching(&self, labels: &impl Lookup) -> SmallVec<[u16; 8]> {
        let mut found: SmallVec<[u16; 8]> =
            self.iter().filter(|(_, rule)| rule.matcher.matches(labels)).map(|(index, _)| index).collect();
        if self.replaces.iter().any(|targets| !targets.is_empty()) {
            let off: Vec<u16> =
                found.iter().filter_map(|index| self.replaces.get(usize::from(*index))).flatten().copied().collect();
            found.retain(|index| !off.contains(index));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;

    fn rule(name: &str, clauses: &[(&str, &str)], replaces: &[&str]) -> Rule {
        Rule {
            name: name.into(),
            matcher: Matcher {
                per: vec![],
                clauses: clauses.iter().map(|(label, value)| ((*label).into(), vec![(*value).into()])).collect(),
            },
            kind: RuleKind::Hold(1),
            mode: Mode::Enforce,
            replaces: replaces.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn replaced_rules_are_off_only_where_the_other_matches() {
        let rules = Rules::new(vec![rule("all", &[], &[]), rule("vip", &[("team", "vip")], &["all"])]).unwrap_or_default();
        let labels = |team: &str| Labels::new([("team".into(), team.into())]).unwrap_or_default();
        assert_eq!(rules.matching(&labels("vip"))[..], [1]);
        assert_eq!(rules.matching(&labels("search"))[..], [0]);
        assert_eq!(rules.matching(&Labels::default())[..], [0]);
    }

    #[test]
    fn broken_rule_sets_are_refused() {
        assert!(Rules::new(vec![rule("a", &[], &[]), rule("a", &[], &[])]).is_err());
        assert!(Rules::new(vec![rule("a", &[], &["b"])]).is_err());
        assert!(Rules::new(vec![rule("a", &[], &["b"]), rule("b", &[], &["a"])]).is_err());
    }
}
