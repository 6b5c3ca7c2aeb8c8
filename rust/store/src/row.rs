//! Ledger entries as rows: names and JSON instead of indexes and bytes, so that the file explains itself.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tierkit_core::labels::{Key, Labels, key_values};
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
    /// The scope of each posting.
    pub scopes: Vec<Arc<Scope>>,
}

/// A scope by its names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The rule's name.
    pub rule: String,
    /// The labels that key it, as JSON.
    pub key: String,
}

/// Scopes that were named before: a busy one is named once, not with each entry.
#[derive(Debug, Default)]
pub struct Scopes {
    names: Arc<Names>,
    known: HashMap<(u16, Key), Arc<Scope>>,
}

/// Scopes that are remembered at most; then all are forgotten.
const MOST_SCOPES: usize = 16_384;

impl Scopes {
    /// Scopes under these names.
    pub fn new(names: Arc<Names>) -> Self {
        Self { names, known: HashMap::new() }
    }

    /// Goes on with the names in force.
    pub fn follow(&mut self, names: &Arc<Names>) {
        if !Arc::ptr_eq(&self.names, names) {
            *self = Self::new(Arc::clone(names));
        }
    }

    fn of(&mut self, rule: u16, key: &Key) -> Arc<Scope> {
        if self.known.len() > MOST_SCOPES {
            self.known.clear();
        }
        let named = self.known.entry((rule, Arc::clone(key))).or_insert_with(|| {
            let (rule, key) = self.names.scope(rule, key);
            Arc::new(Scope { rule, key })
        });
        Arc::clone(named)
    }
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
    pub fn new(entry: Entry, scopes: &mut Scopes) -> Self {
        let scopes = entry.postings.iter().map(|posting| scopes.of(posting.rule, &posting.key)).collect();
        let labels = labels_json(&entry.labels);
        let units = units_json(&entry.units);
        let usage = entry.usage.as_ref().map(usage_json);
        Self { entry, labels, units, usage, scopes }
    }
}

/// Labels as a JSON object, sorted by name.
pub fn labels_json(labels: &Labels) -> String {
    let mut object = Object::default();
    for (name, value) in labels.iter() {
        object.name(name);
        object.text(value);
    }
    object.end()
}

/// A JSON object being written: each entry has three, and a tree of each would cost more than the rest of it.
struct Object(String);

impl Default for Object {
    fn default() -> Self {
        Self(String::with_capacity(128))
    }
}

impl Object {
    fn number(&mut self, name: &str, value: impl std::fmt::Display) {
        self.name(name);
        let _ = write!(self.0, "{value}");
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.text(name);
        self.0.push(':');
    }

    fn text(&mut self, text: &str) {
        if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
            return self.0.push_str(&Value::from(text).to_string());
        }
        self.0.push('"');
        self.0.push_str(text);
        self.0.push('"');
    }

    fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// Labels from a JSON object.
pub fn labels_from(text: &str) -> Option<Labels> {
    let Value::Object(map) = serde_json::from_str(text).ok()? else { return None };
    let pairs = map.iter().map(|(name, value)| Some((name.as_str().into(), value.as_str()?.into())));
    Labels::new(pairs.collect::<Option<Vec<_>>>()?).ok()
}

fn units_json(units: &Units) -> String {
    let mut object = Object::default();
    for dimension in Dimension::ALL {
        object.number(dimension.as_str(), units.get(dimension));
    }
    object.end()
}

/// Units from a JSON object.
pub fn units_from(text: &str) -> Option<Units> {
    let value: Value = serde_json::from_str(text).ok()?;
    let amount = |dimension: Dimension| value.get(dimension.as_str()).and_then(Value::as_i64);
    Dimension::ALL.into_iter().try_fold(Units::default(), |units, dimension| Some(units.with(dimension, amount(dimension)?)))
}

fn usage_json(usage: &Usage) -> String {
    let mut object = Object::default();
    for (name, tokens) in [
        ("input_tokens", usage.input_tokens),
        ("output_tokens", usage.output_tokens),
        ("cache_read_tokens", usage.cache_read_tokens),
        ("cache_write_5m_tokens", usage.cache_write_5m_tokens),
        ("cache_write_1h_tokens", usage.cache_write_1h_tokens),
        ("reasoning_tokens", usage.reasoning_tokens),
    ] {
        object.number(name, tokens);
    }
    object.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_come_back_whatever_they_hold() {
        for pairs in [vec![], vec![("team", "a")], vec![("a\"b", "c\\\n\u{1}"), ("team", "größe 🦀"), ("z", "")]] {
            let labels = Labels::new(pairs.into_iter().map(|(name, value)| (name.into(), value.into()))).unwrap_or_default();
            assert_eq!(labels_from(&labels_json(&labels)), Some(labels));
        }
        let units = Units([1, -2, i64::MAX, i64::MIN, 0, 5]);
        assert_eq!(units_from(&units_json(&units)), Some(units));
    }
}
