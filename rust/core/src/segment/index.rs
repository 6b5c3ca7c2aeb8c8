//! A hash index from 128-bit keys to rows.

use super::{Plan, Region, Tx, Words};

/// Words before the first slot: the count of entries, then the rest of a cache line.
const HEADER: usize = 8;
const COUNT: usize = 0;

/// Words of a slot: the key, then the row plus one; 0 there is an empty slot.
const SLOT: usize = 3;

/// Open addressing with linear probing. Keys are keyed hashes already, so that nobody can choose who collides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    region: Region,
    slots: usize,
}

impl Index {
    /// The next region of the plan as an index for at least so many entries.
    pub fn take(plan: &mut Plan, entries: u32) -> Self {
        let slots = (entries as usize).saturating_mul(8).div_ceil(7).max(8);
        let slots = slots.checked_next_power_of_two().unwrap_or(8);
        Self { region: plan.take(slots.saturating_mul(SLOT).saturating_add(HEADER)), slots }
    }

    /// How many entries it holds at most: 7 of 8 slots, beyond which probes get long.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.slots / 8 * 7
    }

    /// How many entries it holds.
    #[inline]
    pub fn len(&self, words: Words<'_>) -> usize {
        usize::try_from(words.load(self.region.at(COUNT))).unwrap_or(usize::MAX).min(self.slots)
    }

    /// The row of a key.
    #[inline]
    pub fn find(&self, words: Words<'_>, key: [u64; 2]) -> Option<u32> {
        match self.probe(words, key) {
            Probe::Found(slot) => self.row(words, slot),
            Probe::Empty(_) | Probe::Full => None,
        }
    }

    /// Sets the row of a key; false when a new key finds the index full, or the change has failed.
    pub fn insert(&self, tx: &mut Tx<'_>, key: [u64; 2], row: u32) -> bool {
        let len = self.len(tx.words());
        let stored = u64::from(row) + 1;
        match self.probe(tx.words(), key) {
            Probe::Found(slot) => tx.store(self.at(slot, 2), stored),
            Probe::Empty(slot) if len < self.capacity() => {
                self.set(tx, slot, key, stored);
                tx.store(self.region.at(COUNT), len as u64 + 1);
            }
            Probe::Empty(_) | Probe::Full => return false,
        }
        !tx.has_failed()
    }

    /// Forgets a key and gives its row.
    pub fn remove(&self, tx: &mut Tx<'_>, key: [u64; 2]) -> Option<u32> {
        let Probe::Found(slot) = self.probe(tx.words(), key) else { return None };
        let row = self.row(tx.words(), slot);
        let hole = self.close_gap(tx, slot);
        tx.store(self.at(hole, 2), 0);
        tx.store(self.region.at(COUNT), self.len(tx.words()).saturating_sub(1) as u64);
        tx.unless_failed(row)?
    }

    /// Moves later entries of the run back over the hole, so that every probe still ends at the first empty slot.
    fn close_gap(&self, tx: &mut Tx<'_>, slot: usize) -> usize {
        let mut hole = slot;
        for step in 1..self.slots {
            let next = self.wrap(slot + step);
            let stored = tx.load(self.at(next, 2));
            if stored == 0 {
                break;
            }
            let key = self.key(tx.words(), next);
            // An entry may move back only as far as its home.
            if self.wrap(next.wrapping_sub(self.home(key))) >= self.wrap(next.wrapping_sub(hole)) {
                self.set(tx, hole, key, stored);
                hole = next;
            }
        }
        hole
    }

    #[inline]
    fn probe(&self, words: Words<'_>, key: [u64; 2]) -> Probe {
        let home = self.home(key);
        for step in 0..self.slots {
            let slot = self.wrap(home + step);
            if words.load(self.at(slot, 2)) == 0 {
                return Probe::Empty(slot);
            }
            if self.key(words, slot) == key {
                return Probe::Found(slot);
            }
        }
        Probe::Full
    }

    /// How many slots a search looks at.
    #[cfg(test)]
    pub fn probes(&self, words: Words<'_>, key: [u64; 2]) -> usize {
        match self.probe(words, key) {
            Probe::Found(slot) | Probe::Empty(slot) => self.wrap(slot.wrapping_sub(self.home(key))) + 1,
            Probe::Full => self.slots,
        }
    }

    fn set(&self, tx: &mut Tx<'_>, slot: usize, [high, low]: [u64; 2], stored: u64) {
        tx.store(self.at(slot, 0), high);
        tx.store(self.at(slot, 1), low);
        tx.store(self.at(slot, 2), stored);
    }

    #[inline]
    fn key(&self, words: Words<'_>, slot: usize) -> [u64; 2] {
        [words.load(self.at(slot, 0)), words.load(self.at(slot, 1))]
    }

    #[inline]
    fn row(&self, words: Words<'_>, slot: usize) -> Option<u32> {
        u32::try_from(words.load(self.at(slot, 2)).checked_sub(1)?).ok()
    }

    #[inline]
    fn home(&self, [high, _]: [u64; 2]) -> usize {
        usize::try_from(high & (self.slots as u64 - 1)).unwrap_or(0)
    }

    #[inline]
    fn wrap(&self, slot: usize) -> usize {
        slot & (self.slots - 1)
    }

    #[inline]
    fn at(&self, slot: usize, word: usize) -> usize {
        self.region.at(HEADER + SLOT * slot + word)
    }
}

/// Where the probe for a key ends.
enum Probe {
    Found(usize),
    Empty(usize),
    Full,
}
