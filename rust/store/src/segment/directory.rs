//! The rule directory as the processes read it: the rules by number, and the policy that they come from.

use std::sync::Arc;

use serde_json::{Value, json};
use tierkit_core::gate::Layout;
use tierkit_core::rules::{Numbered, Rule, Rules};
use tierkit_core::segment::Words;

use crate::row::Names;
use crate::segment::written::{quota_from, quota_json, rule_from, rule_json};

/// A policy as a process brings it to a state directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// Its limits and budgets.
    pub rules: Vec<Rule>,
    /// What makes two policies versions of one: a process follows a whole policy of its own line, and of another its rules.
    pub line: String,
    /// All of it as text, for processes of its line.
    pub policy: String,
    /// When it was loaded, on the wall clock.
    pub loaded_ns: i64,
}

/// What the directory of a segment says.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// The rules with their numbers.
    pub rules: Arc<Rules>,
    /// Their names, for the ledger.
    pub names: Arc<Names>,
    /// The line of the policy in force.
    pub line: String,
    /// The policy in force.
    pub policy: String,
}

impl Directory {
    /// The directory of an offer with its rules numbered.
    pub fn new(rules: Rules, offer: &Offer) -> Self {
        let names = Arc::new(Names::new(&rules));
        Self { rules: Arc::new(rules), names, line: offer.line.clone(), policy: offer.policy.clone() }
    }

    /// The directory in force, for one that has the lock or glances; `None` in a segment that has none, or a damaged one.
    pub fn read(words: Words<'_>, layout: &Layout) -> Option<Self> {
        let (version, text) = layout.rules_text(words)?;
        Self::from_json(&serde_json::from_str(&text).ok()?, version)
    }

    /// The directory as text.
    pub fn text(&self) -> String {
        let parts = self.rules.parts();
        json!({
            "rules": parts.rules.iter().map(rule_json).collect::<Vec<_>>(),
            "order": parts.order,
            "was": parts.was.iter().map(|was| was.as_ref().map(quota_json)).collect::<Vec<_>>(),
            "since_boot_ns": parts.since_boot_ns,
            "line": self.line,
            "policy": self.policy,
        })
        .to_string()
    }

    fn from_json(value: &Value, version: u64) -> Option<Self> {
        let list = |name: &str| value.get(name)?.as_array();
        let was = |was: &Value| if was.is_null() { Some(None) } else { quota_from(was).map(Some) };
        let parts = Numbered {
            rules: list("rules")?.iter().map(rule_from).collect::<Option<_>>()?,
            order: list("order")?.iter().map(|number| u16::try_from(number.as_u64()?).ok()).collect::<Option<_>>()?,
            was: list("was")?.iter().map(was).collect::<Option<_>>()?,
            version,
            since_boot_ns: value.get("since_boot_ns")?.as_u64()?,
        };
        let told = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        let (line, policy) = (told("line")?, told("policy")?);
        Some(Self::new(Rules::numbered(parts).ok()?, &Offer { line, policy, ..Offer::default() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierkit_core::ledger::{BudgetSpec, Calendar};
    use tierkit_core::rules::{Matcher, Mode, RuleKind};
    use tierkit_core::throttle::{Dimension, Quota};

    fn rules() -> Vec<Rule> {
        let quota = Quota::new(7, 60_000_000_000, 3).unwrap_or_else(|error| unreachable!("{error}"));
        let calendar = |period, zone| Calendar::new(period, zone).unwrap_or_else(|error| unreachable!("{error}"));
        let budget = |period, zone| BudgetSpec {
            limit_nusd: 5,
            calendar: calendar(period, zone),
            downgrade: true,
            warn_at_permille: vec![500, 800],
        };
        let clauses = vec![("tier".into(), vec!["small".into(), "größer \"x\"\n".into()])];
        let matcher = Matcher { per: vec!["team".into()], clauses };
        let all = [
            RuleKind::Refill(Dimension::OutputTokens, quota),
            RuleKind::Hold(4),
            RuleKind::Budget(budget("month", "Europe/Berlin")),
            RuleKind::Budget(budget("90m", "UTC")),
            RuleKind::Budget(budget("total", "UTC")),
        ];
        let named = all.into_iter().enumerate();
        let rule = |(at, kind)| Rule {
            name: format!("rule {at}").into(),
            matcher: matcher.clone(),
            kind,
            mode: Mode::Observe,
            replaces: if at == 0 { vec![] } else { vec!["rule 0".into()] },
        };
        named.map(rule).collect()
    }

    #[test]
    fn what_is_written_is_read() {
        let offer = Offer { rules: rules(), line: "code".into(), policy: "{\"ü\": 1}".into(), loaded_ns: 0 };
        let first = Rules::new(offer.rules.clone()).unwrap_or_default();
        let mut next = offer.rules.clone();
        next.truncate(2);
        if let Some(RuleKind::Refill(_, quota)) = next.first_mut().map(|rule| &mut rule.kind) {
            quota.burst = 9;
        }
        let second = first.succeed(next, 12, 34).unwrap_or_default();
        let directory = Directory::new(second, &offer);
        let value = serde_json::from_str(&directory.text()).unwrap_or_default();
        let again = Directory::from_json(&value, 12).unwrap_or_default();
        assert_eq!(again.rules.parts(), directory.rules.parts());
        assert_eq!((again.line, again.policy, again.names), (directory.line, directory.policy, directory.names));
        assert!(Directory::from_json(&serde_json::Value::Null, 1).is_none());
    }
}
