//! Old values, kept in the same words until the change that replaced them is whole.

use super::{Plan, Region, Words};
use crate::error::{Error, Result};

/// Where old values are kept while a change is under way: a count, then pairs of index and old value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    region: Region,
}

impl Log {
    /// The next region of the plan as a log for as many stores in one change.
    pub fn take(plan: &mut Plan, stores: usize) -> Self {
        Self { region: plan.take(stores.saturating_mul(2).saturating_add(1)) }
    }

    /// How many stores one change may have.
    #[inline]
    pub fn capacity(self) -> usize {
        self.region.words.saturating_sub(1) / 2
    }

    /// The words that it uses.
    #[inline]
    pub fn region(self) -> Region {
        self.region
    }

    /// An error when the words end before the log does.
    pub(super) fn check(self, words: Words<'_>) -> Result<()> {
        if self.region.end() <= words.count() {
            return Ok(());
        }
        let (end, count) = (self.region.end(), words.count());
        Err(Error::Damaged(format!("the segment has {count} words and its undo log ends at {end}; the file was cut short")))
    }

    /// How many old values it says that it keeps.
    #[inline]
    pub(super) fn count(self, words: Words<'_>) -> u64 {
        words.load(self.region.at(0))
    }

    /// Sets that; 0 makes the change last.
    #[inline]
    pub(super) fn set_count(self, words: Words<'_>, count: usize) {
        words.store(self.region.at(0), count as u64);
    }

    /// Keeps one old value. The count comes last, so that a half-written entry is not an entry.
    #[inline]
    pub(super) fn append(self, words: Words<'_>, place: usize, index: usize, old: u64) {
        words.store(self.region.at(1 + 2 * place), index as u64);
        words.store(self.region.at(2 + 2 * place), old);
        self.set_count(words, place + 1);
    }

    /// The index and old value of one entry; `None` when no change can have written it.
    fn entry(self, words: Words<'_>, place: usize) -> Option<(usize, u64)> {
        let index = usize::try_from(words.load(self.region.at(1 + 2 * place))).ok()?;
        let writable = index < words.count() && !self.region.contains(index);
        writable.then(|| (index, words.load(self.region.at(2 + 2 * place))))
    }

    /// Puts the old values back, the newest first. The count stays until the end: whoever dies in here is repeated.
    pub(super) fn restore(self, words: Words<'_>, count: usize) {
        for place in (0..count).rev() {
            if let Some((index, old)) = self.entry(words, place) {
                words.store(index, old);
            }
        }
        self.set_count(words, 0);
    }
}

/// Undoes what a dead owner of the lock left behind; true when there was something. To be called after every lock that was
/// taken from a dead process. Being killed in here is fine: the next call starts over.
pub fn recover(words: Words<'_>, log: Log) -> Result<bool> {
    log.check(words)?;
    let claimed = log.count(words);
    let count = usize::try_from(claimed).unwrap_or(usize::MAX);
    if count > log.capacity() {
        let most = log.capacity();
        return Err(Error::Damaged(format!("the undo log counts {claimed} entries of at most {most}; the file is damaged")));
    }
    // All entries are looked at before the first is used: a damaged log changes nothing.
    if let Some(place) = (0..count).find(|place| log.entry(words, *place).is_none()) {
        return Err(Error::Damaged(format!("entry {place} of the undo log points outside the data; the file is damaged")));
    }
    if count > 0 {
        log.restore(words, count);
    }
    Ok(count > 0)
}
