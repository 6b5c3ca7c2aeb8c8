//! What is due first.

use super::{Plan, Region, Tx, Words};

/// Words before the first entry: the count, then the rest of a cache line.
const HEADER: usize = 8;
const COUNT: usize = 0;

/// A binary heap of times and payloads, the earliest first; equal times in the order of their payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heap {
    region: Region,
    capacity: usize,
}

impl Heap {
    /// The next region of the plan as a heap of so many entries.
    pub fn take(plan: &mut Plan, entries: u32) -> Self {
        let capacity = entries as usize;
        Self { region: plan.take(capacity.saturating_mul(2).saturating_add(HEADER)), capacity }
    }

    /// How many entries it holds at most.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many entries it holds.
    #[inline]
    pub fn len(&self, words: Words<'_>) -> usize {
        usize::try_from(words.load(self.region.at(COUNT))).unwrap_or(usize::MAX).min(self.capacity)
    }

    /// The earliest entry.
    #[inline]
    pub fn peek(&self, words: Words<'_>) -> Option<(u64, u64)> {
        (self.len(words) > 0).then(|| self.entry(words, 0))
    }

    /// Adds an entry; false when the heap is full, or the change has failed.
    pub fn push(&self, tx: &mut Tx<'_>, time: u64, payload: u64) -> bool {
        let len = self.len(tx.words());
        if len >= self.capacity {
            return false;
        }
        tx.store(self.region.at(COUNT), len as u64 + 1);
        let mut hole = len;
        while let Some(parent) = hole.checked_sub(1).map(|child| child / 2) {
            let above = self.entry(tx.words(), parent);
            if above <= (time, payload) {
                break;
            }
            self.set(tx, hole, above);
            hole = parent;
        }
        self.set(tx, hole, (time, payload));
        !tx.has_failed()
    }

    /// Takes the earliest entry out.
    pub fn pop(&self, tx: &mut Tx<'_>) -> Option<(u64, u64)> {
        let first = self.peek(tx.words())?;
        let len = self.len(tx.words()).saturating_sub(1);
        let last = self.entry(tx.words(), len);
        tx.store(self.region.at(COUNT), len as u64);
        let mut hole = 0;
        while let Some((child, below)) = self.earlier_child(tx.words(), hole, len) {
            if last <= below {
                break;
            }
            self.set(tx, hole, below);
            hole = child;
        }
        if hole < len {
            self.set(tx, hole, last);
        }
        tx.unless_failed(first)
    }

    fn earlier_child(&self, words: Words<'_>, parent: usize, len: usize) -> Option<(usize, (u64, u64))> {
        let left = 2 * parent + 1;
        (left..len.min(left + 2)).map(|child| (child, self.entry(words, child))).min_by_key(|(_, entry)| *entry)
    }

    #[inline]
    fn entry(&self, words: Words<'_>, place: usize) -> (u64, u64) {
        (words.load(self.at(place, 0)), words.load(self.at(place, 1)))
    }

    #[inline]
    fn set(&self, tx: &mut Tx<'_>, place: usize, (time, payload): (u64, u64)) {
        tx.store(self.at(place, 0), time);
        tx.store(self.at(place, 1), payload);
    }

    #[inline]
    fn at(&self, place: usize, word: usize) -> usize {
        self.region.at(HEADER + 2 * place + word)
    }
}
