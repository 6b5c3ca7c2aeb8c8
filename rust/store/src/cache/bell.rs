//! One small mapped file beside a cache: how far the file has come, and a bell for those who follow it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tierkit_core::segment::Memory;

use crate::error::StateError;
use crate::plain;
use crate::segment::bell;
use crate::segment::map::Map;

/// Words of the mapping: the bell, those asleep on it, and the number of the last change.
const WORDS: usize = 3;
const BYTES: u64 = 4096;

/// The mapped words. The lock on the file says that the cache is in use.
#[derive(Debug)]
pub struct Bell {
    map: Map,
    file: File,
}

impl Bell {
    /// Opens or makes the file beside a cache, and tells whether nobody else uses the cache. Whoever is alone stays so until
    /// [`Bell::share`]; whoever is not has waited for one that was.
    ///
    /// # Errors
    /// A file that cannot be made, mapped or locked.
    pub fn open(path: &Path) -> Result<(Self, bool), StateError> {
        let failed = |error: std::io::Error| StateError::new(path, error, "use a local file system that supports locks");
        let file = plain::open(path)?;
        let alone = match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                file.lock_shared().map_err(failed)?;
                false
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        };
        if file.metadata().map_err(failed)?.len() < BYTES {
            file.set_len(BYTES).map_err(failed)?;
        }
        let map = Map::new(&file, WORDS).map_err(failed)?;
        let bell = Self { map, file };
        if alone {
            // What a killed process left here, such as a sleeper that never wakes, ends with the last user.
            (0..WORDS).for_each(|at| bell.word(at).store(0, Ordering::Relaxed));
        }
        Ok((bell, alone))
    }

    /// Lets others in.
    ///
    /// # Errors
    /// What the system says.
    pub fn share(&self) -> std::io::Result<()> {
        self.file.lock_shared()
    }

    /// Says that this user of the cache is gone.
    pub fn leave(&self) {
        let _ = self.file.unlock();
    }

    fn word(&self, at: usize) -> &AtomicU64 {
        // A mapping has its words; the fallback is never reached, and harmless.
        static NONE: AtomicU64 = AtomicU64::new(0);
        self.map.words().get(at).unwrap_or(&NONE)
    }

    /// The number of the last change that anybody told of.
    pub fn head(&self) -> u64 {
        self.word(2).load(Ordering::Acquire)
    }

    /// How often it rang.
    pub fn rung(&self) -> u64 {
        self.word(0).load(Ordering::Acquire)
    }

    /// Tells all who follow that the file has come so far.
    pub fn tell(&self, head: i64) {
        self.word(2).fetch_max(u64::try_from(head).unwrap_or(0), Ordering::AcqRel);
        self.ring();
    }

    /// Wakes whoever waits.
    pub fn ring(&self) {
        bell::ring(self.word(0), self.word(1));
    }

    /// Waits until it has rung since `seen`, or the time is over.
    pub fn wait(&self, seen: u64, time: Duration) {
        bell::wait(self.word(0), self.word(1), seen, time);
    }
}
