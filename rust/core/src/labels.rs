//! Who asks: the labels of a request, and the key that a rule makes of them.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::{Error, Result};
use crate::units::shorten;

/// Most labels a request may carry.
pub const MAX_LABELS: usize = 64;
/// Longest label name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;
/// Longest label value, in bytes.
pub const MAX_VALUE_BYTES: usize = 256;

/// Labels of one request, sorted by name, each name once.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Labels(Vec<(Box<str>, Box<str>)>);

/// The bytes of a scope's key: the rule and, for each `per` label, its value or its absence, all length-prefixed.
pub type Key = Arc<[u8]>;

/// Labels of one call, sorted by name, where the caller keeps them: what a take needs that remembers no labels.
#[derive(Debug, Default, Hash)]
pub struct LabelRefs<'a>(SmallVec<[(&'a str, &'a str); 4]>);

/// Values by label name: all that a rule asks of labels.
pub trait Lookup {
    /// The value of a label, if the request carries it.
    fn get(&self, name: &str) -> Option<&str>;

    /// The key of a rule's scope for these labels. A missing label has its own tag, so that it equals no value, "" included.
    fn key(&self, rule: u16, per: &[Box<str>]) -> Key {
        let mut bytes: SmallVec<[u8; 128]> = SmallVec::new();
        bytes.extend_from_slice(&rule.to_le_bytes());
        for name in per {
            match self.get(name) {
                None => bytes.push(0),
                Some(value) => {
                    bytes.push(1);
                    bytes.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
                    bytes.extend_from_slice(value.as_bytes());
                }
            }
        }
        bytes.as_slice().into()
    }
}

impl Lookup for Labels {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }
}

impl Lookup for LabelRefs<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

impl<'a> LabelRefs<'a> {
    /// Checks and adds a label.
    ///
    /// # Errors
    /// As [`Labels::new`].
    pub fn add(&mut self, name: &'a str, value: &'a str) -> Result<()> {
        check_count(self.0.len() + 1)?;
        check_pair(name, value)?;
        match self.0.binary_search_by_key(&name, |(known, _)| known) {
            Ok(_) => return Err(twice(name)),
            Err(place) => self.0.insert(place, (name, value)),
        }
        Ok(())
    }

    /// A copy that outlives the call.
    pub fn kept(&self) -> Labels {
        Labels(self.0.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }
}

impl Labels {
    /// Checks and sorts labels.
    ///
    /// # Errors
    /// `Config` for an empty or overlong name, an overlong value, a name given twice, or too many labels.
    pub fn new(pairs: impl IntoIterator<Item = (Box<str>, Box<str>)>) -> Result<Self> {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        check_count(pairs.len())?;
        pairs.iter().try_for_each(|(name, value)| check_pair(name, value))?;
        pairs.sort();
        match pairs.windows(2).find(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
            Some(pair) => Err(twice(pair.first().map_or("", |p| &p.0))),
            None => Ok(Self(pairs)),
        }
    }

    /// Whether they are those of a call.
    pub fn are(&self, refs: &LabelRefs<'_>) -> bool {
        self.iter().eq(refs.0.iter().copied())
    }

    /// Name and value of each label, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

fn check_count(labels: usize) -> Result<()> {
    if labels > MAX_LABELS {
        return Err(Error::config(format!("{labels} labels: at most {MAX_LABELS} are kept")));
    }
    Ok(())
}

fn check_pair(name: &str, value: &str) -> Result<()> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(Error::config(format!("label name '{}': expected 1 to {MAX_NAME_BYTES} bytes", shorten(name))));
    }
    if value.len() > MAX_VALUE_BYTES {
        let seen = value.len();
        return Err(Error::config(format!("label {name}: a value of {seen} bytes, expected at most {MAX_VALUE_BYTES}")));
    }
    Ok(())
}

fn twice(name: &str) -> Error {
    Error::config(format!("label {name}: given twice"))
}

/// The rule of a key and the bytes of its values.
pub fn key_split(key: &[u8]) -> (u16, &[u8]) {
    key.split_first_chunk::<2>().map_or((0, &[]), |(rule, values)| (u16::from_le_bytes(*rule), values))
}

/// The key of a rule for the bytes of its values.
pub fn key_of(rule: u16, values: &[u8]) -> Key {
    rule.to_le_bytes().iter().chain(values).copied().collect()
}

/// The part of a key that shares a quota of the table with all keys that begin so: the rule and the value of its first label.
/// Where a rule has one label, all its keys are one part.
pub fn key_part(key: &[u8]) -> &[u8] {
    let (_, values) = key_split(key);
    key.get(..2 + first_value(values).len()).unwrap_or(key)
}

/// Of the bytes of a key's values those of the first, none where it is the only one.
pub fn first_value(values: &[u8]) -> &[u8] {
    let first = match values.split_first() {
        Some((1, tail)) => tail.first_chunk::<4>().map_or(0, |size| 5 + u32::from_le_bytes(*size) as usize),
        Some(_) => 1,
        None => 0,
    };
    if first < values.len() { values.get(..first).unwrap_or_default() } else { &[] }
}

/// Reads the values back from a key, in the order of `per`; `None` stands for a label that was missing.
pub fn key_values(key: &[u8]) -> Vec<Option<&str>> {
    let mut rest = key.get(2..).unwrap_or_default();
    let mut values = Vec::new();
    while let Some((&tag, tail)) = rest.split_first() {
        if tag == 0 {
            values.push(None);
            rest = tail;
            continue;
        }
        let Some((size, tail)) = tail.split_first_chunk::<4>() else { break };
        let (value, tail) = tail.split_at(tail.len().min(u32::from_le_bytes(*size) as usize));
        values.push(std::str::from_utf8(value).ok());
        rest = tail;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().map(|(a, b)| ((*a).into(), (*b).into()))).unwrap_or_default()
    }

    #[test]
    fn keys_are_injective() {
        let per: Vec<Box<str>> = vec!["a".into(), "b".into()];
        let keys = [
            labels(&[("a", "x"), ("b", "y")]).key(0, &per),
            labels(&[("a", "xy"), ("b", "")]).key(0, &per),
            labels(&[("a", "xy")]).key(0, &per),
            labels(&[("b", "xy")]).key(0, &per),
            labels(&[]).key(0, &per),
            labels(&[]).key(1, &per),
        ];
        for (i, one) in keys.iter().enumerate() {
            assert!(keys.iter().skip(i + 1).all(|other| one != other));
        }
        assert_eq!(key_values(&labels(&[("b", "y")]).key(7, &per)), vec![None, Some("y")]);
    }

    #[test]
    fn a_part_is_the_rule_and_the_first_of_several_labels() {
        let per: Vec<Box<str>> = vec!["a".into(), "b".into()];
        let key = |pairs, per: &[Box<str>]| labels(pairs).key(7, per);
        let part = |pairs| key_part(&key(pairs, &per)).to_vec();
        assert_eq!(part(&[("a", "x"), ("b", "1")]), part(&[("a", "x"), ("b", "2")]));
        assert_eq!(part(&[("a", "x")]), part(&[("a", "x"), ("b", "2")]));
        assert_ne!(part(&[("a", "x"), ("b", "1")]), part(&[("a", "y"), ("b", "1")]));
        assert_ne!(part(&[("b", "1")]), part(&[("a", ""), ("b", "1")]));
        assert_eq!(part(&[("b", "1")]), part(&[("b", "2")]));
        assert_eq!(key_part(&key(&[("a", "x")], &per[..1])), 7_u16.to_le_bytes());
        assert_eq!(key_part(&key(&[], &[])), 7_u16.to_le_bytes());
        assert_eq!(key_part(&[7]), [7]);
    }

    #[test]
    fn bad_labels_are_refused() {
        let long = "v".repeat(MAX_VALUE_BYTES + 1);
        for pairs in [vec![("", "x")], vec![("a", long.as_str())], vec![("a", "1"), ("a", "2")]] {
            let mut refs = LabelRefs::default();
            assert!(pairs.iter().try_for_each(|(name, value)| refs.add(name, value)).is_err());
            assert!(Labels::new(pairs.into_iter().map(|(a, b)| (a.into(), b.into()))).is_err());
        }
    }

    #[test]
    fn labels_that_the_caller_keeps_lead_to_the_same_keys() {
        let per: Vec<Box<str>> = vec!["b".into(), "c".into(), "a".into()];
        let pairs = [("b", "y"), ("a", "")];
        let mut refs = LabelRefs::default();
        assert!(pairs.iter().all(|(name, value)| refs.add(name, value).is_ok()));
        assert_eq!(refs.key(3, &per), labels(&pairs).key(3, &per));
        assert_eq!(refs.kept(), labels(&pairs));
        assert!(labels(&pairs).are(&refs) && !labels(&pairs[..1]).are(&refs) && !labels(&[("b", "y"), ("a", "z")]).are(&refs));
    }
}
