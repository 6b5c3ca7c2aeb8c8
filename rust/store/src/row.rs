//! Ledger entries as rows: names and JSON instead of indexes and bytes, so that the file explains itself.

use serde_json::{Map, Value, json};
use tierkit_core::labels::{Labels, key_values};
use tierkit_core::ledger::Entry;
use tierkit_core::price::Usage;
use tierkit_core::rules::Rules;
use tierkit_core::throttle::{Dimension, Units};

/// One entry, ready to be written.
#[derive(Debug)]
pub struct Row {
    /// The entry.
    pub entry: Entry,
    /// Its labels as JSON.
    pub labels: String,
    /// Its units as JSON.
    pub units: String,
    /// Its usage as JSON.
    pub usage: Option<String>,
    /// Rule name and scope of each posting.
    pub scopes: Vec<(String, String)>,
}

/// The names of rules and of the labels that key them, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(Vec<(String, Vec<String>)>);

impl Names {
    /// The names of these rules, also of those that are not in force any more: entries may still be about them.
    pub fn new(rules: &Rules) -> Self {
        let per = |per: &[Box<str>]| per.iter().map(ToString::to_string).collect();
        Self(rules.numbers().iter().map(|rule| (rule.name.to_string(), per(&rule.matcher.per))).collect())
    }

    /// The name of a rule and, as JSON, the scope of a key.
    pub fn scope(&self, rule: u16, key: &[u8]) -> (String, String) {
        let Some((name, per)) = self.0.get(usize::from(rule)) else { return (String::new(), String::new()) };
        let map: Map<String, Value> = per.iter().zip(key_values(key)).map(|(name, value)| (name.clone(), json!(value))).collect();
        (name.clone(), Value::Object(map).to_string())
    }
}

impl Row {
    /// Names what an entry refers to.
    pub fn new(entry: Entry, names: &Names) -> Self {
        let scopes = entry.postings.iter().map(|posting| names.scope(posting.rule, &posting.key)).collect();
        let labels = labels_json(&entry.labels);
        let units = units_json(&entry.units);
        let usage = entry.usage.as_ref().map(usage_json);
        Self { entry, labels, units, usage, scopes }
    }
}

/// Labels as a JSON object, sorted by name.
pub fn labels_json(labels: &Labels) -> String {
    let map: Map<String, Value> = labels.iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    Value::Object(map).to_string()
}

/// Labels from a JSON object.
pub fn labels_from(text: &str) -> Option<Labels> {
    let Value::Object(map) = serde_json::from_str(text).ok()? else { return None };
    let pairs = map.iter().map(|(name, value)| Some((name.as_str().into(), value.as_str()?.into())));
    Labels::new(pairs.collect::<Option<Vec<_>>>()?).ok()
}

fn units_json(units: &Units) -> String {
    let named = Dimension::ALL.map(|dimension| (dimension.as_str().to_owned(), json!(units.get(dimension))));
    Value::Object(named.into_iter().collect()).to_string()
}

/// Units from a JSON object.
pub fn units_from(text: &str) -> Option<Units> {
    let value: Value = serde_json::from_str(text).ok()?;
    let amount = |dimension: Dimension| value.get(dimension.as_str()).and_then(Value::as_i64);
    Dimension::ALL.into_iter().try_fold(Units::default(), |units, dimension| Some(units.with(dimension, amount(dimension)?)))
}

fn usage_json(usage: &Usage) -> String {
    json!({
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_5m_tokens": usage.cache_write_5m_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    })
    .to_string()
}
