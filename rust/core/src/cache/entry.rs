//! One stored answer: what it weighs in bytes, and what it is worth in money.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use super::index::Flat;
use super::owner::Owner;
use super::row::Row;
use super::sketch::{Sketch, allowance};

/// Bytes of map slots, allocation headers and counters around one entry, rounded up.
const OVERHEAD_BYTES: u64 = 128;
/// The most that one entry's worth adds to a priority, so that sums stay inside `u64`.
const MAX_WORTH: u64 = 1 << 48;

/// An answer and what decides about it.
#[derive(Debug)]
pub struct Entry {
    /// Stable for a (namespace, key).
    pub id: u64,
    /// Equality key of the partition.
    pub namespace: Arc<[u8]>,
    /// Exact key inside the partition.
    pub key: Box<[u8]>,
    /// The question, for the guards.
    pub text: Box<str>,
    /// The same as the guards read it.
    pub sketch: Sketch,
    /// The answer; None while it lies in a file alone.
    pub value: Option<Arc<[u8]>>,
    /// Digest of the answer, equal for equal ones; None while the value was not seen.
    pub class: Option<u64>,
    /// Whom it is kept for.
    pub owner: Arc<Owner>,
    /// What the owner wrote on it, for [`super::semantic::Store::purge`]; may be empty.
    pub tag: Box<str>,
    /// When it was put, in ns.
    pub put_ns: i64,
    /// First instant at which the entry is no more, in ns.
    pub expires_ns: i64,
    /// What one hit saves, in nano-USD.
    pub saved_nusd: i64,
    /// What the entry weighs.
    pub bytes: u64,
    /// Place of its row in the partition, if it has one.
    pub row: Option<usize>,
    /// Good reports.
    pub praise: u32,
    /// Its place in the file that keeps it, growing with every change there; 0 while no file does.
    pub seq: i64,
    /// Which put of this process made it.
    pub version: u64,
    /// Whether its value was given since this was last looked at.
    pub used: AtomicBool,
    hits: AtomicU32,
    priority: AtomicU64,
}

impl Entry {
    /// An entry that was used once, by its own put.
    pub fn new(new: &Put<'_>, (id, version): (u64, u64), owner: Arc<Owner>, bytes: u64, now_ns: i64) -> Self {
        Self {
            id,
            namespace: new.namespace.into(),
            key: new.key.into(),
            text: new.text.into(),
            sketch: Sketch::default(),
            value: Some(new.value.into()),
            class: None,
            owner,
            tag: new.tag.into(),
            put_ns: now_ns,
            expires_ns: now_ns.saturating_add(new.ttl_ns),
            saved_nusd: new.saved_nusd,
            bytes,
            row: None,
            praise: 0,
            seq: 0,
            version,
            used: AtomicBool::new(false),
            hits: AtomicU32::new(0),
            priority: AtomicU64::new(0),
        }
    }

    /// An entry that a file kept; its value stays there until it is asked for.
    pub fn kept(record: Record, owner: Arc<Owner>, bytes: u64) -> Self {
        Self {
            id: record.id,
            namespace: record.namespace,
            key: record.key,
            text: record.text,
            sketch: Sketch::default(),
            value: None,
            class: None,
            owner,
            tag: record.tag,
            put_ns: record.put_ns,
            expires_ns: record.expires_ns,
            saved_nusd: record.saved_nusd,
            bytes,
            row: None,
            praise: record.praise,
            seq: record.seq,
            version: 0,
            used: AtomicBool::new(false),
            hits: AtomicU32::new(0),
            priority: AtomicU64::new(0),
        }
    }

    /// Bytes of its value that lie in memory.
    pub fn hot_bytes(&self) -> u64 {
        self.value.as_ref().map_or(0, |value| value.len() as u64)
    }

    /// Whether the entry may still answer.
    pub fn alive(&self, now_ns: i64) -> bool {
        now_ns < self.expires_ns
    }

    /// Counts one use and raises the priority: `L + uses * saved_nusd * 2^16 / bytes`.
    ///
    /// # Source
    /// GreedyDual-Size-Frequency (Cherkasova 1998) with money as the cost; an entry that saves nothing counts as one nano-USD,
    /// so that use still orders such entries.
    pub fn touch(&self, clock: u64) {
        let uses = self.hits.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let saved = u128::from(self.saved_nusd.unsigned_abs().max(1));
        let worth = ((u128::from(uses) * saved) << 16) / u128::from(self.bytes.max(1));
        let worth = u64::try_from(worth).unwrap_or(MAX_WORTH).min(MAX_WORTH);
        self.priority.store(clock.saturating_add(worth), Ordering::Relaxed);
    }

    /// The higher, the longer it stays.
    pub fn priority(&self) -> u64 {
        self.priority.load(Ordering::Relaxed)
    }

    /// Lowers the priority when the store's inflation value is set back to zero.
    pub fn rebase(&self, clock: u64) {
        self.priority.store(self.priority().saturating_sub(clock), Ordering::Relaxed);
    }
}

/// What a caller wants to keep.
#[derive(Debug, Clone, Copy)]
pub struct Put<'a> {
    /// Equality key of the partition, not empty.
    pub namespace: &'a [u8],
    /// Exact key inside the partition.
    pub key: &'a [u8],
    /// The question, for the guards; may be empty.
    pub text: &'a str,
    /// The answer.
    pub value: &'a [u8],
    /// What to find it by when it must go; may be empty.
    pub tag: &'a str,
    /// Life in ns from now; zero or less keeps nothing.
    pub ttl_ns: i64,
    /// What one hit saves, in nano-USD, not negative.
    pub saved_nusd: i64,
    /// Whom it is kept for, as people name them; may be empty, and decides nothing.
    pub owner: &'a str,
}

impl Put<'_> {
    /// What the entry would weigh, keys, text, row and bookkeeping included.
    pub fn bytes(&self, dim: Option<usize>) -> u64 {
        weight([self.namespace.len(), self.key.len(), self.text.len(), self.value.len(), self.tag.len()], dim)
    }
}

/// An entry as a file keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The number of its namespace and key.
    pub id: u64,
    /// Its place in the file; 0 when it is on its way there.
    pub seq: i64,
    /// Which put of this process made it.
    pub version: u64,
    /// Equality key of the partition.
    pub namespace: Arc<[u8]>,
    /// Exact key inside the partition.
    pub key: Box<[u8]>,
    /// Whom it is kept for.
    pub owner: Box<str>,
    /// The question.
    pub text: Box<str>,
    /// What its owner wrote on it.
    pub tag: Box<str>,
    /// Its vector, if it has one.
    pub row: Option<Row>,
    /// When it was put, in ns.
    pub put_ns: i64,
    /// First instant at which it is no more, in ns.
    pub expires_ns: i64,
    /// What one hit saves, in nano-USD.
    pub saved_nusd: i64,
    /// Good reports.
    pub praise: u32,
    /// The length of its value.
    pub value_bytes: usize,
    /// The value; None where only its length is known.
    pub value: Option<Arc<[u8]>>,
}

impl Record {
    /// What the entry weighs.
    pub fn bytes(&self, dim: usize) -> u64 {
        let parts = [self.namespace.len(), self.key.len(), self.text.len(), self.value_bytes, self.tag.len()];
        weight(parts, self.row.as_ref().map(|_| dim))
    }
}

fn weight(parts: [usize; 5], dim: Option<usize>) -> u64 {
    let [_, _, text, ..] = parts;
    let row = dim.map_or(0, |dim| Flat::row_bytes(dim) + allowance(text));
    OVERHEAD_BYTES + size_of::<Entry>() as u64 + (parts.iter().sum::<usize>() + row) as u64
}
