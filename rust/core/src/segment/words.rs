//! The words themselves.

use crate::sync::{AtomicU64, Ordering};

/// A flat array of words: a box in tests, a mapped file in the store.
pub trait Memory: Send + Sync {
    /// All words.
    fn words(&self) -> &[AtomicU64];

    /// The words as the structures read them.
    fn view(&self) -> Words<'_> {
        Words::new(self.words())
    }
}

impl Memory for Box<[AtomicU64]> {
    fn words(&self) -> &[AtomicU64] {
        self
    }
}

/// Read access to the words. Copies are free; changes go through [`super::Tx`].
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    cells: &'a [AtomicU64],
    /// How many more stores happen before the simulated kill.
    #[cfg(test)]
    fuse: Option<&'a AtomicU64>,
}

impl<'a> Words<'a> {
    /// A view of these words.
    #[inline]
    pub fn new(cells: &'a [AtomicU64]) -> Self {
        Self {
            cells,
            #[cfg(test)]
            fuse: None,
        }
    }

    /// A view whose owner dies after as many stores as the fuse says.
    #[cfg(test)]
    pub fn dying(cells: &'a [AtomicU64], fuse: &'a AtomicU64) -> Self {
        Self { cells, fuse: Some(fuse) }
    }

    /// How many words there are.
    #[inline]
    pub fn count(self) -> usize {
        self.cells.len()
    }

    /// One word; 0 beyond the end.
    #[inline]
    pub fn load(self, index: usize) -> u64 {
        self.get(index).unwrap_or(0)
    }

    /// One word, if it exists.
    #[inline]
    pub fn get(self, index: usize) -> Option<u64> {
        self.cells.get(index).map(|cell| cell.load(Ordering::Relaxed))
    }

    /// The word itself, for what stands outside of every change: the lock, and the count of owners.
    #[inline]
    pub(super) fn cell(self, index: usize) -> Option<&'a AtomicU64> {
        self.cells.get(index)
    }

    /// Writes one word; false beyond the end.
    ///
    /// Every store releases: neither the compiler nor the processor may move it before an earlier one, and the undo log is
    /// right only if its entry, its count and the word change in exactly this order.
    #[inline]
    pub(super) fn store(self, index: usize, value: u64) -> bool {
        #[cfg(test)]
        if self.is_dead() {
            return true;
        }
        let Some(cell) = self.cells.get(index) else { return false };
        cell.store(value, Ordering::Release);
        true
    }

    #[cfg(test)]
    fn is_dead(self) -> bool {
        let burn = |left: u64| left.checked_sub(1);
        self.fuse.is_some_and(|fuse| fuse.fetch_update(Ordering::Relaxed, Ordering::Relaxed, burn).is_err())
    }
}
