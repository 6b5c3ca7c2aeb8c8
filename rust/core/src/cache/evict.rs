//! Who leaves when the store is full: the least money per byte in a small sample.
//!
//! # Source
//! Sampled GDSF: a heap would cost a lock on every hit; the best of 8 random entries comes close (Redis' LRU samples 5).

use super::entry::Entry;

const SAMPLE: usize = 8;
/// Above this the inflation value is set back, so that priorities never saturate.
const REBASE_AT: u64 = 1 << 62;

/// The inflation value `L` of GDSF, and the source of samples.
#[derive(Debug)]
pub struct Evictor {
    clock: u64,
    state: u64,
}

impl Evictor {
    /// An evictor whose samples follow from a seed.
    pub fn new(seed: u64) -> Self {
        Self { clock: 0, state: seed | 1 }
    }

    /// The priority of the last victim: what a new entry starts from.
    pub fn clock(&self) -> u64 {
        self.clock
    }

    /// The place of the entry to drop; None when there is none.
    ///
    /// Expired entries go first, then those of namespaces above their share (`greedy`), then the lowest priority, then the oldest.
    pub fn choose(&mut self, entries: &[Entry], now_ns: i64, greedy: impl Fn(&Entry) -> bool) -> Option<usize> {
        let count = entries.len();
        let places: Vec<usize> =
            if count <= SAMPLE { (0..count).collect() } else { (0..SAMPLE).map(|_| self.below(count)).collect() };
        let chosen = places.into_iter().min_by_key(|place| {
            entries.get(*place).map(|entry| (entry.alive(now_ns), !greedy(entry), entry.priority(), entry.expires_ns))
        })?;
        if let Some(entry) = entries.get(chosen).filter(|entry| entry.alive(now_ns)) {
            self.clock = self.clock.max(entry.priority());
        }
        if self.clock > REBASE_AT {
            for entry in entries {
                entry.rebase(self.clock);
            }
            self.clock = 0;
        }
        Some(chosen)
    }

    #[allow(clippy::cast_possible_truncation)] // the remainder is below `count`
    fn below(&mut self, count: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % (count as u64).max(1)) as usize
    }
}
