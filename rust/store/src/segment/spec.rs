//! What the rules of a segment count, kept in it as text: whoever only looks has no policy.

use serde_json::{Value, json};
use tierkit_core::gate::Layout;
use tierkit_core::rules::{Mode, Rule, RuleKind, Rules};
use tierkit_core::segment::{Memory, Tx};
use tierkit_core::throttle::Quota;

use crate::segment::Word;
use crate::segment::map::Map;

/// Rules in one text: a text is one change, and a change has a most.
const RULES_PER_TEXT: usize = 64;

/// The numbers of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A rate.
    Refill(Quota),
    /// Slots.
    Hold(i64),
    /// Nano-USD per window.
    Budget(i64),
}

/// What a rule counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The dimension's word.
    pub dimension: String,
    /// The numbers.
    pub measure: Measure,
    /// Whether it only counts and never refuses.
    pub observes: bool,
}

impl Spec {
    fn json(rule: &Rule) -> Value {
        let (kind, numbers) = match &rule.kind {
            RuleKind::Refill(_, quota) => ("refill", json!([quota.num, quota.den_ns, quota.burst])),
            RuleKind::Hold(slots) => ("hold", json!([slots])),
            RuleKind::Budget(budget) => ("budget", json!([budget.limit_nusd])),
        };
        json!([kind, rule.kind.dimension().as_str(), numbers, rule.mode == Mode::Observe])
    }

    fn from_json(value: &Value) -> Option<Self> {
        let number = |place: usize| value.get(2)?.get(place);
        let measure = match value.get(0)?.as_str()? {
            "refill" => Measure::Refill(Quota::new(number(0)?.as_u64()?, number(1)?.as_u64()?, number(2)?.as_u64()?).ok()?),
            "hold" => Measure::Hold(number(0)?.as_i64()?),
            "budget" => Measure::Budget(number(0)?.as_i64()?),
            _ => return None,
        };
        Some(Self { dimension: value.get(1)?.as_str()?.to_owned(), measure, observes: value.get(3)?.as_bool()? })
    }
}

/// Writes what the rules count into a fresh segment, in policy order.
///
/// # Errors
/// A segment that is damaged.
pub fn write(map: &Map, layout: &Layout, rules: &Rules) -> tierkit_core::error::Result<()> {
    let specs: Vec<Value> = rules.iter().map(|(_, rule)| Spec::json(rule)).collect();
    let mut names = Vec::new();
    for chunk in specs.chunks(RULES_PER_TEXT) {
        names.push(put(map, layout, &json!(chunk).to_string(), None)?);
    }
    put(map, layout, &json!(names).to_string(), Some(Word::Specs)).map(|_| ())
}

fn put(map: &Map, layout: &Layout, text: &str, word: Option<Word>) -> tierkit_core::error::Result<u64> {
    let mut tx = Tx::begin(map.view(), layout.log())?;
    let name = layout.put_text(&mut tx, text).unwrap_or_default();
    if let Some(word) = word {
        tx.store(layout.header(word as usize), name);
    }
    tx.commit().map(|()| name)
}

/// What the rules of a segment count, in policy order; empty where it does not say.
pub fn read(map: &Map, layout: &Layout) -> Vec<Spec> {
    let list = |name: u64| match serde_json::from_str(&layout.text(map.view(), name)?).ok()? {
        Value::Array(rows) => Some(rows),
        _ => None,
    };
    let names = list(map.view().load(layout.header(Word::Specs as usize))).unwrap_or_default();
    let rows = names.iter().filter_map(|name| list(name.as_u64()?)).flatten();
    rows.map(|row| Spec::from_json(&row)).collect::<Option<Vec<_>>>().unwrap_or_default()
}
