//! A change that happens as a whole or not at all, even when its process is killed in the middle.

use super::{Log, Words};
use crate::error::{Error, Result};

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
        if self.log.region().contains(index) {
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
