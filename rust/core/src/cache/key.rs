//! The two digests of a request: the partition it may share answers with, and the exact request.
//!
//! # Source
//! Length-prefixed fields rather than a JSON dump, so that no text can imitate a field boundary; BLAKE3 keyed with a secret
//! of the store, so that nothing can be precomputed or collided from outside.

use std::fmt;

use super::form::{Form, Value, normalised};
use crate::error::{Error, Result};

/// Version of the canonical form; a change makes every older key a miss.
const FORMAT: u8 = 1;
/// Parameters that choose how an answer travels, never what it says.
const TRANSPORT: [&[u8]; 2] = [b"stream", b"stream_options"];
/// Parameters that describe tools.
const TOOLS: [&[u8]; 2] = [b"tools", b"functions"];

/// A request as its caller wrote it.
#[derive(Debug)]
pub struct Request<'a, S> {
    /// Values of the labels that part the cache, in the order of the policy.
    pub namespace: &'a [S],
    /// The model asked for, a name or "auto".
    pub model: &'a S,
    /// Chat messages: maps with `role` and `content`.
    pub messages: &'a [Value<S>],
    /// Further parameters of the request, unknown ones included.
    pub params: &'a [(S, Value<S>)],
}

/// What a request is called in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// Digest of everything but the last user text.
    pub partition: [u8; 16],
    /// Digest of everything.
    pub key: [u8; 16],
    /// The last user text, normalised; empty unless a user's message comes last (such turns use the exact layer only).
    pub text: String,
}

/// Makes [`Keys`] under one secret.
pub struct Keyer {
    secret: [u8; 32],
}

impl fmt::Debug for Keyer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Keyer { secret: … }")
    }
}

impl Keyer {
    /// A keyer with 32 random bytes, one secret per store.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The partition, the exact key and the last user text of a request.
    ///
    /// # Errors
    /// `Config` when a message is not a map or has no text role.
    ///
    /// # Example
    /// ```
    /// use tierkit_core::cache::{form::Value, key::{Keyer, Request}};
    /// let message = Value::Map(vec![("role", Value::Text("user")), ("content", Value::Text("Hi"))]);
    /// let request = Request { namespace: &["acme"], model: &"auto", messages: &[message], params: &[] };
    /// let keys = Keyer::new([7; 32]).keys(&request).unwrap();
    /// assert_eq!(keys.text, "Hi");
    /// assert_ne!(keys.partition, keys.key);
    /// ```
    pub fn keys<S: AsRef<[u8]>>(&self, request: &Request<'_, S>) -> Result<Keys> {
        let turns = Turns::of(request.messages)?;
        let mut form = Form::with_capacity(1024);
        self.partition_fields(&mut form, request, &turns);
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        hasher.update(form.as_bytes());
        let partition = short(&hasher.finalize());
        let shared = form.as_bytes().len();
        form.field(9, |form| match turns.question().and_then(|message| message.get("content")) {
            Some(content) => write_content(form, content),
            None => form.value::<S>(&Value::Null),
        });
        hasher.update(&form.as_bytes()[shared..]);
        Ok(Keys { partition, key: short(&hasher.finalize()), text: turns.question_text() })
    }

    fn partition_fields<S: AsRef<[u8]>>(&self, form: &mut Form, request: &Request<'_, S>, turns: &Turns<'_, S>) {
        form.field(1, |form| form.count(b'v', usize::from(FORMAT)));
        form.field(2, |form| {
            form.count(b'l', request.namespace.len());
            request.namespace.iter().for_each(|value| form.raw(value.as_ref()));
        });
        form.field(3, |form| form.raw(request.model.as_ref()));
        form.field(4, |form| {
            form.count(b'l', turns.lead);
            turns.all.iter().take(turns.lead).for_each(|message| write_message(form, message, true));
        });
        form.field(5, |form| write_params(form, request.params, |name| TOOLS.contains(&name)));
        form.field(6, |form| write_params(form, request.params, |name| !TOOLS.contains(&name) && !TRANSPORT.contains(&name)));
        form.field(7, |form| self.write_attachments(form, turns.all));
        form.field(8, |form| {
            form.count(b'l', turns.all.len() - turns.lead);
            for (at, message) in turns.all.iter().enumerate().skip(turns.lead) {
                write_message(form, message, turns.asked != Some(at));
            }
        });
    }

    /// Images and files by position and digest: their bytes may be large, and similar is not equal for them.
    fn write_attachments<S: AsRef<[u8]>>(&self, form: &mut Form, messages: &[Value<S>]) {
        for (at, message) in messages.iter().enumerate() {
            let Some(Value::List(parts)) = message.get("content") else { continue };
            for (place, part) in parts.iter().enumerate().filter(|(_, part)| part_text(part).is_none()) {
                let mut bytes = Form::default();
                bytes.value(part);
                form.count(b'a', at);
                form.count(b'p', place);
                form.raw(blake3::keyed_hash(&self.secret, bytes.as_bytes()).as_bytes());
            }
        }
    }
}

/// The messages, and where the question stands among them.
struct Turns<'a, S> {
    all: &'a [Value<S>],
    /// How many leading messages are the system's.
    lead: usize,
    /// Index of the last message of a user.
    asked: Option<usize>,
}

impl<'a, S: AsRef<[u8]>> Turns<'a, S> {
    fn of(all: &'a [Value<S>]) -> Result<Self> {
        for (at, message) in all.iter().enumerate() {
            if !matches!(message.get("role"), Some(Value::Text(_))) {
                return Err(Error::config(format!("message {at}: expected a map with a text 'role' such as 'user'")));
            }
        }
        let role = |message: &Value<S>, wanted: &str| message.get("role").is_some_and(|role| role.is_text(wanted));
        let system = |message: &Value<S>| role(message, "system") || role(message, "developer");
        let lead = all.iter().take_while(|message| system(message)).count();
        Ok(Self { all, lead, asked: all.iter().rposition(|message| role(message, "user")) })
    }

    fn question(&self) -> Option<&'a Value<S>> {
        self.asked.and_then(|at| self.all.get(at))
    }

    fn question_text(&self) -> String {
        if self.asked.is_none_or(|at| at + 1 != self.all.len()) {
            return String::new();
        }
        let lossy = |text: &S| String::from_utf8_lossy(&normalised(text.as_ref())).into_owned();
        match self.question().and_then(|message| message.get("content")) {
            Some(Value::Text(text)) => lossy(text),
            Some(Value::List(parts)) => parts.iter().filter_map(part_text).map(lossy).collect::<Vec<_>>().join("\n"),
            _ => String::new(),
        }
    }
}

/// The text of a content part, or None when the part is an image, a file or anything else.
fn part_text<S: AsRef<[u8]>>(part: &Value<S>) -> Option<&S> {
    match (part.get("type"), part.get("text")) {
        (Some(kind), Some(Value::Text(text))) if kind.is_text("text") => Some(text),
        _ => None,
    }
}

fn write_params<S: AsRef<[u8]>>(form: &mut Form, params: &[(S, Value<S>)], keep: impl Fn(&[u8]) -> bool) {
    let mut kept: Vec<&(S, Value<S>)> = params.iter().filter(|(name, _)| keep(name.as_ref())).collect();
    kept.sort_unstable_by(|a, b| a.0.as_ref().cmp(b.0.as_ref()));
    form.count(b'm', kept.len());
    for (name, value) in kept {
        form.raw(name.as_ref());
        form.value(value);
    }
}

/// A message with or without its content; the question's content is the exact key's own field.
fn write_message<S: AsRef<[u8]>>(form: &mut Form, message: &Value<S>, with_content: bool) {
    let Value::Map(entries) = message else { return };
    form.map(entries, |form, name, value| match (name == b"content", with_content) {
        (true, true) => write_content(form, value),
        (true, false) => form.count(b'q', 0),
        (false, _) => form.value(value),
    });
}

fn write_content<S: AsRef<[u8]>>(form: &mut Form, content: &Value<S>) {
    match content {
        Value::Text(text) => form.text(text.as_ref()),
        Value::List(parts) => {
            form.count(b'l', parts.len());
            for part in parts {
                write_part(form, part);
            }
        }
        other => form.value(other),
    }
}

fn write_part<S: AsRef<[u8]>>(form: &mut Form, part: &Value<S>) {
    let Value::Map(entries) = part else { return form.count(b'x', 0) };
    if part_text(part).is_none() {
        return form.count(b'x', 0);
    }
    form.map(entries, |form, name, value| match value {
        Value::Text(text) if name == b"text" => form.text(text.as_ref()),
        other => form.value(other),
    });
}

fn short(digest: &blake3::Hash) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&digest.as_bytes()[..16]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &'static str, content: &'static str) -> Value<&'static str> {
        Value::Map(vec![("role", Value::Text(role)), ("content", Value::Text(content))])
    }

    fn keys(
        namespace: &[&'static str],
        messages: &[Value<&'static str>],
        params: &[(&'static str, Value<&'static str>)],
    ) -> Keys {
        let request = Request { namespace, model: &"auto", messages, params };
        match Keyer::new([9; 32]).keys(&request) {
            Ok(keys) => keys,
            Err(error) => unreachable!("{error}"),
        }
    }

    #[test]
    fn the_question_is_outside_the_partition() {
        let a = keys(&["acme"], &[message("system", "Be brief"), message("user", "One?")], &[]);
        let b = keys(&["acme"], &[message("system", "Be brief"), message("user", "Two?")], &[]);
        assert_eq!(a.partition, b.partition);
        assert_ne!(a.key, b.key);
    }

    #[test]
    fn namespaces_do_not_join() {
        let ask = [message("user", "Hi")];
        let all: Vec<[u8; 16]> = [&["a", "b"][..], &["ab"], &["ab", ""], &["", "ab"], &[""], &[]]
            .iter()
            .map(|ns| keys(ns, &ask, &[]).partition)
            .collect();
        for (i, a) in all.iter().enumerate() {
            assert!(all.iter().skip(i + 1).all(|b| a != b), "{i}");
        }
    }

    #[test]
    fn streaming_is_not_part_of_the_answer_and_temperature_is() {
        let ask = [message("user", "Hi")];
        let plain = keys(&["a"], &ask, &[]);
        assert_eq!(plain, keys(&["a"], &ask, &[("stream", Value::Bool(true))]));
        assert_ne!(plain.partition, keys(&["a"], &ask, &[("temperature", Value::Int(0))]).partition);
    }

    #[test]
    fn a_turn_that_no_user_ends_has_no_question_text() {
        let turns = keys(&["a"], &[message("user", "Hi"), message("assistant", "Hello")], &[]);
        assert_eq!(turns.text, "");
        assert_ne!(turns.partition, keys(&["a"], &[message("user", "Hi")], &[]).partition);
    }

    #[test]
    fn a_message_needs_a_role() {
        let bad = [Value::Text("Hi")];
        assert!(Keyer::new([0; 32]).keys(&Request { namespace: &["a"], model: &"m", messages: &bad, params: &[] }).is_err());
    }
}
