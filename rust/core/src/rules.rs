//! One matching engine for limits and budgets: `where` says when a rule applies, `per` which of its scopes.

use crate::error::{Error, Result};
use crate::labels::Labels;
use crate::ledger::BudgetSpec;
use crate::throttle::{Dimension, Quota};
use crate::units::shorten;

/// Labels that the governor adds for each candidate; a rule that names one is tier-wide, not key-wide.
pub const TIER_LABELS: [&str; 3] = ["tier", "model", "backend"];

/// When a rule applies and which scope it uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matcher {
    /// Labels whose values choose the scope; empty: one scope for all.
    pub per: Vec<Box<str>>,
    /// Every clause must hold: the label is present and has one of the values.
    pub clauses: Vec<(Box<str>, Vec<Box<str>>)>,
}

impl Matcher {
    /// Whether the rule applies to these labels.
    pub fn matches(&self, labels: &Labels) -> bool {
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

/// All rules of a policy, checked together.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    replaces: Vec<Vec<u16>>,
}

impl Rules {
    /// Checks names and replacements.
    ///
    /// # Errors
    /// `Config` for a name used twice, an unknown or cyclic `replaces`, or more than 4,096 rules.
    pub fn new(rules: Vec<Rule>) -> Result<Self> {
        if rules.len() > 4_096 {
            return Err(Error::config(format!("{} rules: at most 4096 are kept", rules.len())));
        }
        let mut replaces = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            if rules.iter().take(index).any(|other| other.name == rule.name) {
                return Err(Error::config(format!(
                    "rule '{}': the name is used twice; give each rule its own",
                    shorten(&rule.name)
                )));
            }
            let mut targets = Vec::new();
            for name in &rule.replaces {
                let found = rules.iter().position(|other| other.name == *name).and_then(|found| u16::try_from(found).ok());
                targets.push(found.ok_or_else(|| {
                    Error::config(format!(
                        "rule '{}': replaces '{}', which no rule is called",
                        shorten(&rule.name),
                        shorten(name)
                    ))
                })?);
            }
            replaces.push(targets);
        }
        let rules = Self { rules, replaces };
        rules.refuse_cycles()?;
        Ok(rules)
    }

    fn refuse_cycles(&self) -> Result<()> {
        for start in 0..self.rules.len() {
            let mut seen = vec![false; self.rules.len()];
            let mut open = self.replaces.get(start).cloned().unwrap_or_default();
            while let Some(next) = open.pop() {
                let next = usize::from(next);
                if next == start {
                    let name = self.rules.get(start).map_or("", |rule| &rule.name);
                    return Err(Error::config(format!("rule '{}': replaces itself by a cycle", shorten(name))));
                }
                if let Some(seen) = seen.get_mut(next).filter(|seen| !**seen) {
                    *seen = true;
                    open.extend(self.replaces.get(next).into_iter().flatten());
                }
            }
        }
        Ok(())
    }

    /// A rule by index.
    pub fn get(&self, index: u16) -> Option<&Rule> {
        self.rules.get(usize::from(index))
    }

    /// Index of a rule by name.
    pub fn position(&self, name: &str) -> Option<u16> {
        self.rules.iter().position(|rule| &*rule.name == name).and_then(|found| u16::try_from(found).ok())
    }

    /// All rules, in policy order.
    pub fn iter(&self) -> impl Iterator<Item = (u16, &Rule)> {
        (0_u16..).zip(self.rules.iter())
    }

    /// The rules that apply to these labels, replaced ones left out, in policy order.
    pub fn matching(&self, labels: &Labels) -> Vec<u16> {
        let mut found: Vec<u16> = self.iter().filter(|(_, rule)| rule.matcher.matches(labels)).map(|(index, _)| index).collect();
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
        assert_eq!(rules.matching(&labels("vip")), vec![1]);
        assert_eq!(rules.matching(&labels("search")), vec![0]);
        assert_eq!(rules.matching(&Labels::default()), vec![0]);
    }

    #[test]
    fn broken_rule_sets_are_refused() {
        assert!(Rules::new(vec![rule("a", &[], &[]), rule("a", &[], &[])]).is_err());
        assert!(Rules::new(vec![rule("a", &[], &["b"])]).is_err());
        assert!(Rules::new(vec![rule("a", &[], &["b"]), rule("b", &[], &["a"])]).is_err());
    }
}
