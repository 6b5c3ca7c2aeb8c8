//! Rules as JSON: whoever reads a segment decides by what stands in it, and needs no policy of its own.

use serde_json::{Value, json};
use tierkit_core::ledger::{BudgetSpec, Calendar};
use tierkit_core::rules::{Matcher, Mode, Rule, RuleKind};
use tierkit_core::throttle::{Dimension, Quota};

/// A rule as JSON.
pub fn rule_json(rule: &Rule) -> Value {
    let kind = match &rule.kind {
        RuleKind::Refill(dimension, quota) => json!(["refill", dimension.as_str(), quota_json(quota)]),
        RuleKind::Hold(slots) => json!(["hold", slots]),
        RuleKind::Budget(budget) => {
            let calendar = &budget.calendar;
            let (period, zone) = (calendar.period().to_string(), calendar.zone());
            json!(["budget", budget.limit_nusd, period, zone, budget.downgrade, budget.warn_at_permille])
        }
    };
    json!({
        "name": rule.name,
        "per": rule.matcher.per,
        "where": rule.matcher.clauses,
        "kind": kind,
        "observes": rule.mode == Mode::Observe,
        "replaces": rule.replaces,
    })
}

/// The rule of such JSON.
pub fn rule_from(value: &Value) -> Option<Rule> {
    let clause = |value: &Value| Some((text(value.get(0)?)?, texts(value.get(1)?)?));
    let clauses = value.get("where")?.as_array()?.iter().map(clause).collect::<Option<Vec<_>>>()?;
    Some(Rule {
        name: text(value.get("name")?)?,
        matcher: Matcher { per: texts(value.get("per")?)?, clauses },
        kind: kind_from(value.get("kind")?)?,
        mode: if value.get("observes")?.as_bool()? { Mode::Observe } else { Mode::Enforce },
        replaces: texts(value.get("replaces")?)?,
    })
}

fn kind_from(value: &Value) -> Option<RuleKind> {
    Some(match value.get(0)?.as_str()? {
        "refill" => {
            let name = value.get(1)?.as_str()?;
            let dimension = Dimension::ALL.into_iter().find(|dimension| dimension.as_str() == name)?;
            RuleKind::Refill(dimension, quota_from(value.get(2)?)?)
        }
        "hold" => RuleKind::Hold(value.get(1)?.as_i64()?),
        "budget" => {
            let thresholds = value.get(5)?.as_array()?.iter().map(|share| u32::try_from(share.as_u64()?).ok());
            RuleKind::Budget(BudgetSpec {
                limit_nusd: value.get(1)?.as_i64()?,
                calendar: Calendar::new(value.get(2)?.as_str()?, value.get(3)?.as_str()?).ok()?,
                downgrade: value.get(4)?.as_bool()?,
                warn_at_permille: thresholds.collect::<Option<_>>()?,
            })
        }
        _ => return None,
    })
}

/// The numbers of a rate as JSON.
pub fn quota_json(quota: &Quota) -> Value {
    json!([quota.num, quota.den_ns, quota.burst])
}

/// The numbers of such JSON.
pub fn quota_from(value: &Value) -> Option<Quota> {
    let number = |place: usize| value.get(place)?.as_u64();
    Quota::new(number(0)?, number(1)?, number(2)?).ok()
}

fn text(value: &Value) -> Option<Box<str>> {
    value.as_str().map(Into::into)
}

fn texts(value: &Value) -> Option<Vec<Box<str>>> {
    value.as_array()?.iter().map(text).collect()
}
