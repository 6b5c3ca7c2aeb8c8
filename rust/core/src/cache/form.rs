//! The canonical bytes of JSON-like values: type-tagged and length-prefixed, so that two different values never share bytes.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A JSON-like value over any kind of text `S`.
///
/// Text is bytes, since a Python `str` may hold lone surrogates that UTF-8 does not know.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<S> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits.
    Int(i64),
    /// The decimal digits of an integer that does not fit `i64`.
    BigInt(String),
    /// A finite float; never equal to an integer, since servers may render the two differently.
    Float(f64),
    /// A text, kept as it is.
    Text(S),
    /// A list.
    List(Vec<Value<S>>),
    /// A map with distinct keys, in any order.
    Map(Vec<(S, Value<S>)>),
}

impl<S: AsRef<[u8]>> Value<S> {
    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(entries) => entries.iter().find(|(name, _)| name.as_ref() == key.as_bytes()).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Whether this is exactly that text.
    pub fn is_text(&self, wanted: &str) -> bool {
        matches!(self, Self::Text(text) if text.as_ref() == wanted.as_bytes())
    }
}

/// A growing canonical form.
///
/// # Invariant
/// Every write is self-delimiting, so a sequence of writes can be read back in one way only.
#[derive(Debug, Default)]
pub struct Form {
    bytes: Vec<u8>,
}

impl Form {
    /// An empty form with room for a usual request.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    /// What was written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes one field: `tag u8 | length u64 LE | bytes`.
    pub fn field(&mut self, tag: u8, write: impl FnOnce(&mut Self)) {
        self.bytes.push(tag);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]);
        write(self);
        let length = (self.bytes.len() - start - 8) as u64;
        self.bytes[start..start + 8].copy_from_slice(&length.to_le_bytes());
    }

    /// Writes a type tag and a count.
    pub fn count(&mut self, tag: u8, count: usize) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&(count as u64).to_le_bytes());
    }

    /// Writes a text as it is.
    pub fn raw(&mut self, text: &[u8]) {
        self.count(b's', text.len());
        self.bytes.extend_from_slice(text);
    }

    /// Writes a text that a person wrote: NFC, and CRLF as LF.
    pub fn text(&mut self, text: &[u8]) {
        self.raw(&normalised(text));
    }

    /// Writes a value; keys in byte order.
    pub fn value<S: AsRef<[u8]>>(&mut self, value: &Value<S>) {
        match value {
            Value::Null => self.bytes.push(b'n'),
            Value::Bool(true) => self.bytes.push(b't'),
            Value::Bool(false) => self.bytes.push(b'f'),
            Value::Int(number) => {
                self.bytes.push(b'i');
                self.bytes.extend_from_slice(&number.to_le_bytes());
            }
            Value::BigInt(digits) => {
                self.count(b'I', digits.len());
                self.bytes.extend_from_slice(digits.as_bytes());
            }
            Value::Float(number) => {
                self.bytes.push(b'd');
                self.bytes.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Value::Text(text) => self.raw(text.as_ref()),
            Value::List(items) => {
                self.count(b'l', items.len());
                for item in items {
                    self.value(item);
                }
            }
            Value::Map(entries) => self.map(entries, |form, _, value| form.value(value)),
        }
    }

    /// Writes a map in byte order of its keys, each value by `write`.
    pub fn map<S: AsRef<[u8]>>(&mut self, entries: &[(S, Value<S>)], mut write: impl FnMut(&mut Self, &[u8], &Value<S>)) {
        let mut order: Vec<&(S, Value<S>)> = entries.iter().collect();
        order.sort_unstable_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
        self.count(b'm', order.len());
        for (key, value) in order {
            self.raw(key.as_ref());
            write(self, key.as_ref(), value);
        }
    }
}

/// A text in NFC with CRLF as LF; bytes that are not UTF-8 keep their spelling and only lose the CR of each CRLF.
pub fn normalised(text: &[u8]) -> Cow<'_, [u8]> {
    let composed = if text.is_ascii() { Cow::Borrowed(text) } else { composed(text) };
    if !composed.contains(&b'\r') {
        return composed;
    }
    let mut out = Vec::with_capacity(composed.len());
    for (at, byte) in composed.iter().enumerate() {
        if *byte != b'\r' || composed.get(at + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    Cow::Owned(out)
}

fn composed(text: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(text) {
        Ok(valid) if is_nfc_quick(valid.chars()) != IsNormalized::Yes => Cow::Owned(valid.nfc().collect::<String>().into_bytes()),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(value: &Value<&str>) -> Vec<u8> {
        let mut form = Form::default();
        form.value(value);
        form.bytes
    }

    #[test]
    fn key_order_does_not_matter_and_nesting_does() {
        let a = Value::Map(vec![("a", Value::Int(1)), ("b", Value::List(vec![Value::Null]))]);
        let b = Value::Map(vec![("b", Value::List(vec![Value::Null])), ("a", Value::Int(1))]);
        assert_eq!(bytes(&a), bytes(&b));
        assert_ne!(bytes(&a), bytes(&Value::List(vec![a.clone()])));
    }

    #[test]
    fn kinds_that_look_alike_stay_apart() {
        let all = [
            Value::Null,
            Value::Bool(false),
            Value::Bool(true),
            Value::Int(0),
            Value::Int(1),
            Value::Float(0.0),
            Value::Float(1.0),
            Value::BigInt("1".into()),
            Value::Text(""),
            Value::Text("1"),
            Value::Text("n"),
            Value::List(vec![]),
            Value::Map(vec![]),
            Value::List(vec![Value::Text("a"), Value::Text("b")]),
            Value::List(vec![Value::Text("ab")]),
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(bytes(a) == bytes(b), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn people_write_one_text_in_several_ways() {
        assert_eq!(normalised(b"a\r\nb\rc\n"), Cow::Borrowed(b"a\nb\rc\n"));
        assert_eq!(normalised("e\u{301}\r\n".as_bytes()), Cow::Borrowed("é\n".as_bytes()));
        assert!(matches!(normalised("é straight".as_bytes()), Cow::Borrowed(_)));
        assert_eq!(normalised(b"\xed\xa0\x80\r\n"), Cow::Borrowed(b"\xed\xa0\x80\n"));
    }
}
