//! Which words belong to which structure.

/// An index that no memory has: loads give 0, stores fail.
const NOWHERE: usize = usize::MAX;

/// Words per cache line.
const LINE: usize = 8;

/// A run of words that belongs to one structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Index of its first word.
    pub start: usize,
    /// How many words it has.
    pub words: usize,
}

impl Region {
    /// The index of its word `offset`; one beyond every memory when the region is shorter.
    #[inline]
    pub fn at(self, offset: usize) -> usize {
        if offset < self.words { self.start.saturating_add(offset) } else { NOWHERE }
    }

    /// The index after its last word.
    #[inline]
    pub fn end(self) -> usize {
        self.start.saturating_add(self.words)
    }

    /// Whether an index lies inside.
    #[inline]
    pub fn contains(self, index: usize) -> bool {
        index.wrapping_sub(self.start) < self.words
    }
}

/// Places regions one after the other. The same calls in the same order give the same places in every process.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    next: usize,
}

impl Plan {
    /// The next region, from the start of a cache line.
    pub fn take(&mut self, words: usize) -> Region {
        let region = Region { start: self.next, words };
        self.next = region.end().checked_next_multiple_of(LINE).unwrap_or(NOWHERE);
        region
    }

    /// How many words all regions need.
    pub fn words(&self) -> usize {
        self.next
    }
}
