//! Records in the order of their making, each with a number that never returns.

use super::{Plan, Region, Tx, Words};

/// Words before the first record: the number of the next record and of the oldest kept one, then the rest of a cache line.
const HEADER: usize = 8;
const HEAD: usize = 0;
const TAIL: usize = 1;

/// A queue of records of one size. Records are numbered from 0; `tail..head` are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    region: Region,
    capacity: usize,
    width: usize,
}

impl Ring {
    /// The next region of the plan as a queue of so many records with `width` words each.
    pub fn take(plan: &mut Plan, records: u32, width: usize) -> Self {
        let capacity = records as usize;
        Self { region: plan.take(capacity.saturating_mul(width).saturating_add(HEADER)), capacity, width }
    }

    /// How many records it holds at most.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The number of the next record.
    #[inline]
    pub fn head(&self, words: Words<'_>) -> u64 {
        words.load(self.region.at(HEAD))
    }

    /// The number of the oldest kept record; the head when there is none, and when the two contradict each other.
    #[inline]
    pub fn tail(&self, words: Words<'_>) -> u64 {
        let (head, tail) = (self.head(words), words.load(self.region.at(TAIL)));
        if head.wrapping_sub(tail) <= self.capacity as u64 { tail } else { head }
    }

    /// How many records fit before the queue is full.
    #[inline]
    pub fn free_slots(&self, words: Words<'_>) -> usize {
        let kept = self.head(words).wrapping_sub(self.tail(words));
        self.capacity.saturating_sub(usize::try_from(kept).unwrap_or(usize::MAX))
    }

    /// Adds a record and gives its number; words that it lacks become 0. `None` when the queue is full, the record is wider
    /// than a slot, or the change has failed.
    pub fn push(&self, tx: &mut Tx<'_>, record: &[u64]) -> Option<u64> {
        if record.len() > self.width || self.free_slots(tx.words()) == 0 {
            return None;
        }
        let seq = self.head(tx.words());
        let Some(next) = seq.checked_add(1) else {
            tx.fail_damaged("the queue is at the last number");
            return None;
        };
        for word in 0..self.width {
            tx.store(self.at(seq, word), record.get(word).copied().unwrap_or(0));
        }
        tx.store(self.region.at(HEAD), next);
        tx.unless_failed(seq)
    }

    /// The words of a kept record.
    pub fn get<'a>(&self, words: Words<'a>, seq: u64) -> Option<impl ExactSizeIterator<Item = u64> + use<'a>> {
        let (ring, kept) = (*self, self.tail(words)..self.head(words));
        kept.contains(&seq).then(|| (0..ring.width).map(move |word| words.load(ring.at(seq, word))))
    }

    /// Forgets the records before `upto`.
    pub fn advance(&self, tx: &mut Tx<'_>, upto: u64) {
        let (tail, head) = (self.tail(tx.words()), self.head(tx.words()));
        tx.store(self.region.at(TAIL), upto.min(head).max(tail));
    }

    #[inline]
    fn at(&self, seq: u64, word: usize) -> usize {
        let slot = usize::try_from(seq % (self.capacity as u64).max(1)).unwrap_or(0);
        self.region.at(HEADER + slot.saturating_mul(self.width).saturating_add(word))
    }
}
