//! A change that happens as a whole or not at all, even when its process is killed in the middle.

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
    pub fn region(self) -> Region {
        self.region
    }

    fn check(self, words: Words<'_>) -> Result<()> {
        if self.region.end() <= words.count() {
            return Ok(());
        }
        let (end, count) = (self.region.end(), words.count());
        Err(Error::Damaged(format!("the segment has {count} words and its undo log ends at {end}; the file was cut short")))
    }

    #[inline]
    fn count(self, words: Words<'_>) -> u64 {
        words.load(self.region.at(0))
    }

    #[inline]
    fn set_count(self, words: Words<'_>, count: usize) {
        words.store(self.region.at(0), count as u64);
    }

    /// Keeps one old value. The count comes last, so that a half-written entry is not an entry.
    #[inline]
    fn append(self, words: Words<'_>, place: usize, index: usize, old: u64) {
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
    fn restore(self, words: Words<'_>, count: usize) {
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

/// One change of the words. Dropped without [`Tx::commit`], it never happened.
///
/// A store that cannot be made fails the whole change: later stores do nothing and `commit` gives the error. The structures
/// can then be written without an error path at every store.
#[derive(Debug)]
pub struct Tx<'a> {
    words: Words<'a>,
    log: Log,
    count: usize,
    failure: Option<Error>,
}

impl<'a> Tx<'a> {
    /// Starts a change. The caller holds the lock, and has recovered if its last holder died.
    pub fn begin(words: Words<'a>, log: Log) -> Result<Self> {
        log.check(words)?;
        if log.count(words) != 0 {
            return Err(Error::Damaged("a change is under way or its owner died; recover before the next change".into()));
        }
        Ok(Self { words, log, count: 0, failure: None })
    }

    /// The words, with the stores of this change in them.
    #[inline]
    pub fn words(&self) -> Words<'a> {
        self.words
    }

    /// One word; 0 beyond the end.
    #[inline]
    pub fn load(&self, index: usize) -> u64 {
        self.words.load(index)
    }

    /// Writes one word. Writing the value that it has costs nothing.
    #[inline]
    pub fn store(&mut self, index: usize, value: u64) {
        match self.words.get(index) {
            Some(old) if old == value => {}
            Some(old) => self.replace(index, old, value),
            None => self.fail_damaged("a store beyond the end of the segment"),
        }
    }

    #[inline]
    fn replace(&mut self, index: usize, old: u64, value: u64) {
        if self.has_failed() {
            return;
        }
        if self.log.region.contains(index) {
            return self.fail_damaged("a store into the undo log");
        }
        if self.count >= self.log.capacity() {
            return self.fail_full();
        }
        self.log.append(self.words, self.count, index, old);
        self.count += 1;
        self.words.store(index, value);
    }

    /// Whether the change can still be committed.
    pub fn check(&self) -> Result<()> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// Whether a store could not be made.
    #[inline]
    pub fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The value, unless the change has failed: a caller that repeats until it gets nothing must end then.
    #[inline]
    pub(super) fn unless_failed<T>(&self, value: T) -> Option<T> {
        if self.has_failed() { None } else { Some(value) }
    }

    /// Makes the change last; a failed change is undone and gives its first error.
    pub fn commit(mut self) -> Result<()> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        // This one store is the commit: before it the next owner undoes everything, after it nothing.
        if self.count > 0 {
            self.log.set_count(self.words, 0);
            self.count = 0;
        }
        Ok(())
    }

    /// Fails the change: its stores are undone, and `commit` gives the first error.
    #[cold]
    pub fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    /// Fails the change because the words contradict themselves.
    #[cold]
    pub(super) fn fail_damaged(&mut self, what: &str) {
        let error = || Error::Damaged(format!("{what}; the file is damaged, and is to be made anew"));
        self.failure.get_or_insert_with(error);
    }

    #[cold]
    fn fail_full(&mut self) {
        let most = self.log.capacity();
        let error = || Error::Full(format!("one change stores more than the {most} words that the undo log holds; split it"));
        self.failure.get_or_insert_with(error);
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if self.count > 0 {
            self.log.restore(self.words, self.count);
        }
    }
}
