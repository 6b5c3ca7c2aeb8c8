//! From one policy to the next, for all processes at once: the newest loaded one is in force.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use tierkit_core::clock::Clock;
use tierkit_core::error::Error;

use crate::clock::SystemClock;
use crate::error::{StateError, StoreError};
use crate::segment::lock::Turn;
use crate::segment::{Directory, Offer, Segment, Word};

/// The version of a segment's first rules: later than all of a segment before it.
pub fn first_version() -> u64 {
    u64::try_from(SystemClock.now().wall_ns).unwrap_or(1)
}

impl Segment {
    /// Puts an offered policy in force unless a newer one is; that one is then followed.
    ///
    /// # Errors
    /// A policy that cannot be kept, or a segment that cannot be used.
    pub fn agree(&self, offer: &Offer) -> Result<(), StoreError> {
        let mut turn = self.turn()?;
        if offer.loaded_ns < self.loaded_ns() {
            return Ok(());
        }
        self.switch(&mut turn, offer)
    }

    /// Puts a policy in force, however old, and gives its version.
    ///
    /// # Errors
    /// As [`Segment::agree`].
    pub fn reload(&self, offer: &Offer) -> Result<u64, StoreError> {
        let mut turn = self.turn()?;
        self.switch(&mut turn, offer)?;
        Ok(turn.known.directory.rules.version())
    }

    /// The policy in force.
    ///
    /// # Errors
    /// A segment that cannot be used.
    pub fn directory(&self) -> Result<Directory, StateError> {
        Ok(self.turn()?.known.directory.clone())
    }

    fn loaded_ns(&self) -> i64 {
        self.word(Word::Loaded).load(Ordering::Relaxed).cast_signed()
    }

    fn switch(&self, turn: &mut Turn<'_>, offer: &Offer) -> Result<(), StoreError> {
        let seen = &turn.known.directory;
        let same_rules = seen.rules.are(&offer.rules);
        if !same_rules || (seen.line == offer.line && seen.policy != offer.policy) {
            let (version, now_ns) = (seen.rules.version() + 1, SystemClock.boot_ns());
            let next = seen.rules.succeed(offer.rules.clone(), version, now_ns)?;
            self.put_in_force(turn, Directory::new(next, offer))?;
        }
        // Written last: one that dies before it is followed all the same, and only asks again.
        self.word(Word::Loaded).store(offer.loaded_ns.max(self.loaded_ns()).cast_unsigned(), Ordering::Relaxed);
        Ok(())
    }

    fn put_in_force(&self, turn: &mut Turn<'_>, next: Directory) -> Result<(), StoreError> {
        let (words, layout) = (self.words(), &self.layout);
        let version = next.rules.version();
        layout.draft(words, &next.text()).map_err(|error| self.refused(error))?;
        layout.put_in_force(words, version).map_err(|error| self.refused(error))?;
        self.go_on(turn, next)?;
        Ok(())
    }

    /// Reads the rules that another process put in force, and finishes what one that died there left.
    pub(super) fn follow(&self, turn: &mut Turn<'_>) -> Result<(), StateError> {
        let found = Directory::read(self.words(), &self.layout);
        let next = found.ok_or_else(|| self.broken(&"its rules cannot be read"))?;
        self.go_on(turn, next)
    }

    fn go_on(&self, turn: &mut Turn<'_>, next: Directory) -> Result<(), StateError> {
        if self.layout.is_switching(self.words()) {
            self.layout.finish_switch(self.words(), &next.rules).map_err(|error| self.broken(&error))?;
        }
        let rules = Arc::clone(&next.rules);
        turn.known.version = rules.version();
        turn.known.directory = next;
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = rules;
        Ok(())
    }

    fn refused(&self, error: Error) -> StoreError {
        match error {
            Error::Config(_) => error.into(),
            Error::Full(_) => StateError::new(&self.path, error, "try again when requests have ended").into(),
            _ => self.broken(&error).into(),
        }
    }

    fn broken(&self, error: &dyn std::fmt::Display) -> StateError {
        StateError::new(&self.path, error, "stop all processes that use it; the next one rebuilds it from the ledger")
    }
}
