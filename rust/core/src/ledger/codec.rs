//! Reservations and entries as bytes, for memory that holds no pointers.
//!
//! Counts and amounts take as many bytes as they need (LEB128), instants eight; texts carry their length. What does not decode
//! is `None`, never a panic.

use std::sync::Arc;

use crate::dimension::Units;
use crate::labels::{Key, Labels};
use crate::ledger::{Adjustment, Entry, EntryKind, Flags, Posting, Reservation, ReservationId, State, Take, Window};
use crate::price::Usage;

/// Bytes being written.
#[derive(Debug, Default)]
struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Seven bits a byte, the lowest first; all but the last byte have the eighth set.
    fn count(&mut self, value: u64) {
        let mut rest = value;
        while rest >= 0x80 {
            self.0.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.0.push(rest.to_le_bytes()[0]);
    }

    fn size(&mut self, value: usize) {
        self.count(value as u64);
    }

    /// The sign goes to the lowest bit, so that small amounts of either sign are short.
    fn amount(&mut self, value: i64) {
        self.count((value << 1 ^ value >> 63).cast_unsigned());
    }

    /// Most takes are of rates, which have no window.
    fn window(&mut self, window: Window) {
        self.0.push(u8::from(window != Window::NONE));
        if window != Window::NONE {
            self.number(window.start_ns);
            self.number(window.end_ns);
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn units(&mut self, units: &Units) {
        for amount in units.0 {
            self.amount(amount);
        }
    }

    fn labels(&mut self, labels: &Labels) {
        self.size(labels.iter().count());
        for (name, value) in labels.iter() {
            self.bytes(name.as_bytes());
            self.bytes(value.as_bytes());
        }
    }

    fn usage(&mut self, usage: Option<&Usage>) {
        let Some(usage) = usage else { return self.0.push(0) };
        self.0.push(1);
        let counts = [
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_tokens,
            usage.cache_write_5m_tokens,
            usage.cache_write_1h_tokens,
            usage.reasoning_tokens,
        ];
        for tokens in counts {
            self.count(tokens);
        }
    }
}

/// Bytes being read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<i64> {
        let (head, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(i64::from_le_bytes(*head))
    }

    fn count(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.count()?).ok()
    }

    fn amount(&mut self) -> Option<i64> {
        let stored = self.count()?;
        Some((stored >> 1).cast_signed() ^ -(stored & 1).cast_signed())
    }

    fn window(&mut self) -> Option<Window> {
        match self.byte()? {
            0 => Some(Window::NONE),
            1 => Some(Window { start_ns: self.number()?, end_ns: self.number()? }),
            _ => None,
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (head, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*head)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let size = self.size()?;
        let (head, rest) = self.0.split_at_checked(size)?;
        self.0 = rest;
        Some(head)
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    fn key(&mut self) -> Option<Key> {
        self.bytes().map(Key::from)
    }

    fn units(&mut self) -> Option<Units> {
        let mut units = Units::default();
        for amount in &mut units.0 {
            *amount = self.amount()?;
        }
        Some(units)
    }

    fn labels(&mut self) -> Option<Arc<Labels>> {
        let mut pairs = Vec::new();
        for _ in 0..self.size()? {
            pairs.push((self.text()?.into(), self.text()?.into()));
        }
        Labels::new(pairs).ok().map(Arc::new)
    }

    fn id(&mut self) -> Option<ReservationId> {
        ReservationId::new(self.text()?).ok()
    }

    /// The outer `None`: does not decode.
    #[allow(clippy::option_option)]
    fn usage(&mut self) -> Option<Option<Usage>> {
        if self.byte()? == 0 {
            return Some(None);
        }
        let mut tokens = || self.count();
        Some(Some(Usage {
            input_tokens: tokens()?,
            output_tokens: tokens()?,
            cache_read_tokens: tokens()?,
            cache_write_5m_tokens: tokens()?,
            cache_write_1h_tokens: tokens()?,
            reasoning_tokens: tokens()?,
        }))
    }
}

/// What the same id must ask for again: labels and units.
pub fn encode_body(labels: &Labels, units: &Units) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(128));
    out.labels(labels);
    out.units(units);
    out.0
}

/// A reservation as bytes.
pub fn encode_reservation(reservation: &Reservation) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(256));
    out.bytes(reservation.id.as_str().as_bytes());
    out.labels(&reservation.labels);
    out.units(&reservation.units);
    out.size(reservation.takes.len());
    for take in &reservation.takes {
        out.bytes(&take.key);
        out.count(u64::from(take.slot));
        out.amount(take.amount);
        out.window(take.window);
    }
    let (state, nusd) = match reservation.state {
        State::Open => (0, 0),
        State::Posted(nusd) => (1, nusd),
        State::Void => (2, 0),
        State::Expired => (3, 0),
    };
    out.0.push(state);
    out.0.push(u8::from(reservation.is_written));
    out.amount(nusd);
    out.number(reservation.expires_boot_ns.cast_signed());
    out.number(reservation.at_ns);
    out.usage(reservation.usage.as_ref());
    out.size(reservation.adjustments.len());
    for adjustment in &reservation.adjustments {
        out.bytes(adjustment.id.as_str().as_bytes());
        out.amount(adjustment.nusd);
    }
    out.0
}

/// The reservation of these bytes.
pub fn decode_reservation(bytes: &[u8]) -> Option<Reservation> {
    let mut from = Reader(bytes);
    let (id, labels, units) = (from.id()?, from.labels()?, from.units()?);
    let mut takes = Vec::new();
    for _ in 0..from.size()? {
        let key = from.key()?;
        let (rule, slot) = (rule_of(&key)?, u32::try_from(from.count()?).ok()?);
        let (amount, window) = (from.amount()?, from.window()?);
        takes.push(Take { rule, key, slot, amount, window });
    }
    let (state, is_written, nusd) = (from.byte()?, from.byte()? != 0, from.amount()?);
    let state = match state {
        0 => State::Open,
        1 => State::Posted(nusd),
        2 => State::Void,
        3 => State::Expired,
        _ => return None,
    };
    let (expires_boot_ns, at_ns) = (from.number()?.cast_unsigned(), from.number()?);
    let usage = from.usage()?;
    let mut adjustments = Vec::new();
    for _ in 0..from.size()? {
        adjustments.push(Adjustment { id: from.id()?, nusd: from.amount()? });
    }
    Some(Reservation { id, labels, units, takes, state, expires_boot_ns, at_ns, usage, adjustments, is_written })
}

/// An entry as bytes.
pub fn encode_entry(entry: &Entry) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(256));
    out.bytes(entry.id.as_str().as_bytes());
    out.0.push(match entry.kind {
        EntryKind::Reserve => 0,
        EntryKind::Post => 1,
        EntryKind::Void => 2,
        EntryKind::Expire => 3,
        EntryKind::Adjust => 4,
    });
    out.0.push(entry.flags.0);
    out.number(entry.at_ns);
    out.number(entry.expires_ns);
    out.amount(entry.nusd);
    out.amount(entry.saved_nusd);
    out.labels(&entry.labels);
    out.units(&entry.units);
    out.usage(entry.usage.as_ref());
    out.size(entry.postings.len());
    for posting in &entry.postings {
        out.bytes(&posting.key);
        out.window(Window { start_ns: posting.start_ns, end_ns: posting.end_ns });
        out.amount(posting.posted);
        out.amount(posting.pending);
    }
    out.bytes(entry.adjustment.as_ref().map_or(&[], |id| id.as_str().as_bytes()));
    out.0
}

/// The entry of these bytes.
pub fn decode_entry(bytes: &[u8]) -> Option<Entry> {
    let mut from = Reader(bytes);
    let id = from.id()?;
    let kind = match from.byte()? {
        0 => EntryKind::Reserve,
        1 => EntryKind::Post,
        2 => EntryKind::Void,
        3 => EntryKind::Expire,
        4 => EntryKind::Adjust,
        _ => return None,
    };
    let flags = Flags(from.byte()?);
    let (at_ns, expires_ns, nusd, saved_nusd) = (from.number()?, from.number()?, from.amount()?, from.amount()?);
    let (labels, units, usage) = (from.labels()?, from.units()?, from.usage()?);
    let mut postings = Vec::new();
    for _ in 0..from.size()? {
        let key = from.key()?;
        let (Window { start_ns, end_ns }, posted, pending) = (from.window()?, from.amount()?, from.amount()?);
        postings.push(Posting { rule: rule_of(&key)?, key, start_ns, end_ns, posted, pending });
    }
    let adjustment = match from.text()? {
        "" => None,
        text => Some(ReservationId::new(text).ok()?),
    };
    Some(Entry { id, kind, at_ns, nusd, labels, units, usage, flags, expires_ns, saved_nusd, postings, adjustment })
}

/// The rule that a key begins with.
fn rule_of(key: &[u8]) -> Option<u16> {
    key.first_chunk::<2>().map(|bytes| u16::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Lookup;
    use proptest::prelude::*;

    fn labels(value: &str) -> Arc<Labels> {
        Arc::new(Labels::new([("team".into(), value.into())]).unwrap_or_default())
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            value in "\\PC{0,40}", amounts in proptest::array::uniform6(any::<i64>()), state in 0..4_u8, numbers in proptest::array::uniform4(any::<i64>()),
            used in proptest::option::of(any::<u64>()), takes in 0..5_u16, cut in any::<usize>(),
        ) {
            let (id, who) = (ReservationId::new("request/1")?, labels(&value));
            let usage = used.map(|tokens| Usage { input_tokens: tokens, reasoning_tokens: 7, ..Usage::default() });
            let key = |rule: u16| who.key(rule, &["team".into(), "user".into()]);
            let state = [State::Open, State::Posted(numbers[0]), State::Void, State::Expired][usize::from(state)];
            let window = Window { start_ns: numbers[2], end_ns: numbers[3] };
            let take = |rule| Take { rule, key: key(rule), slot: u32::MAX, amount: numbers[1], window };
            let reservation = Reservation {
                id: id.clone(), labels: Arc::clone(&who), units: Units(amounts), takes: (0..takes).map(take).collect(), state,
                expires_boot_ns: numbers[3].cast_unsigned(), at_ns: numbers[0], usage,
                adjustments: (0..takes).map(|_| Adjustment { id: id.clone(), nusd: numbers[2] }).collect(),
                is_written: numbers[1] > 0,
            };
            let bytes = encode_reservation(&reservation);
            prop_assert_eq!(decode_reservation(&bytes), Some(reservation));
            prop_assert_eq!(decode_reservation(&bytes[..cut % bytes.len()]), None);
            let posting = |rule| Posting { rule, key: key(rule), start_ns: numbers[0], end_ns: numbers[1], posted: numbers[2], pending: numbers[3] };
            let entry = Entry {
                adjustment: used.map(|_| id.clone()), id, kind: EntryKind::Adjust, at_ns: numbers[0], nusd: numbers[1], labels: who.clone(), units: Units(amounts), usage,
                flags: Flags(5), expires_ns: numbers[2], saved_nusd: numbers[3], postings: (0..takes).map(posting).collect(),
            };
            let bytes = encode_entry(&entry);
            prop_assert_eq!(decode_entry(&bytes), Some(entry));
            prop_assert_eq!(decode_entry(&bytes[..cut % bytes.len()]), None);
        }

        #[test]
        fn garbage_is_none_or_a_value(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (decode_reservation(&bytes), decode_entry(&bytes));
        }
    }
}
