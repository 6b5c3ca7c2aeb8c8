//! Open reservations by their expiry: a binary heap that knows where each row is, so that a settle takes it out at once.

use crate::segment::{Plan, Pool, Region, Tx, Words};

const HEADER: usize = 8;

/// A heap of (time, row); word `place` of the row keeps its place plus one.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    region: Region,
    capacity: usize,
}

/// Where rows keep their place.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// The rows.
    pub pool: Pool,
    /// The word.
    pub word: usize,
}

impl Due {
    /// The next region of the plan for so many rows.
    pub fn take(plan: &mut Plan, rows: u32) -> Self {
        let capacity = rows as usize;
        Self { region: plan.take(HEADER + 2 * capacity), capacity }
    }

    /// How many rows wait.
    pub fn len(&self, words: Words<'_>) -> usize {
        usize::try_from(words.load(self.region.at(0))).unwrap_or(usize::MAX).min(self.capacity)
    }

    /// The row that is due first, and when.
    pub fn first(&self, words: Words<'_>) -> Option<(u64, u32)> {
        (self.len(words) > 0).then(|| self.at(words, 0))
    }

    /// Sets when a row is due.
    pub fn set(&self, tx: &mut Tx<'_>, places: Places, row: u32, time: u64) {
        let place = self.place(tx.words(), places, row).or_else(|| self.append(tx));
        if let Some(place) = place {
            self.put(tx, places, place, (time, row));
            let place = self.rise(tx, places, place);
            self.sink(tx, places, place);
        }
    }

    /// Takes a row out.
    pub fn remove(&self, tx: &mut Tx<'_>, places: Places, row: u32) {
        let Some(place) = self.place(tx.words(), places, row) else { return };
        let last = self.len(tx.words()) - 1;
        let moved = self.at(tx.words(), last);
        tx.store(self.region.at(0), last as u64);
        tx.store(places.pool.word_index(row, places.word), 0);
        if place < last {
            self.put(tx, places, place, moved);
            let place = self.rise(tx, places, place);
            self.sink(tx, places, place);
        }
    }

    fn append(&self, tx: &mut Tx<'_>) -> Option<usize> {
        let len = self.len(tx.words());
        if len >= self.capacity {
            return None;
        }
        tx.store(self.region.at(0), len as u64 + 1);
        Some(len)
    }

    fn place(&self, words: Words<'_>, places: Places, row: u32) -> Option<usize> {
        let stored = words.load(places.pool.word_index(row, places.word));
        let place = usize::try_from(stored.checked_sub(1)?).ok()?;
        (place < self.len(words) && self.at(words, place).1 == row).then_some(place)
    }

    fn at(&self, words: Words<'_>, place: usize) -> (u64, u32) {
        let word = |offset| words.load(self.region.at(HEADER + 2 * place + offset));
        (word(0), u32::try_from(word(1)).unwrap_or(u32::MAX))
    }

    fn put(&self, tx: &mut Tx<'_>, places: Places, place: usize, (time, row): (u64, u32)) {
        tx.store(self.region.at(HEADER + 2 * place), time);
        tx.store(self.region.at(HEADER + 2 * place + 1), u64::from(row));
        tx.store(places.pool.word_index(row, places.word), place as u64 + 1);
    }

    fn rise(&self, tx: &mut Tx<'_>, places: Places, mut place: usize) -> usize {
        while place > 0 {
            let parent = (place - 1) / 2;
            let (above, below) = (self.at(tx.words(), parent), self.at(tx.words(), place));
            if above.0 <= below.0 {
                break;
            }
            self.put(tx, places, parent, below);
            self.put(tx, places, place, above);
            place = parent;
        }
        place
    }

    fn sink(&self, tx: &mut Tx<'_>, places: Places, mut place: usize) {
        loop {
            let (left, right, len) = (2 * place + 1, 2 * place + 2, self.len(tx.words()));
            let time = |place: usize| if place < len { self.at(tx.words(), place).0 } else { u64::MAX };
            let child = if time(right) < time(left) { right } else { left };
            if child >= len || time(place) <= time(child) {
                return;
            }
            let (above, below) = (self.at(tx.words(), place), self.at(tx.words(), child));
            self.put(tx, places, place, below);
            self.put(tx, places, child, above);
            place = child;
        }
    }
}
