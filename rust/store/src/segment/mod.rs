//! The segment: a mapped file that all processes of a state directory share, its lock, and who holds it.

pub mod bell;
mod directory;
mod fault;
pub mod fork;
mod header;
mod lock;
pub mod map;
mod open;
mod owners;
pub mod record;
mod switch;
mod view;
mod written;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tierkit_core::gate::{Layout, Memo};
use tierkit_core::rules::Rules;
use tierkit_core::segment::{Lock, Memory, Owners, Words};

use crate::error::StateError;
pub use directory::{Directory, Offer};
pub use header::{Word, boot, head};
pub use open::{open, retire};
pub use owners::bury;
pub use view::View;
pub use written::rule_json;

use map::Map;
use record::Locks;

/// One process's part in a shared segment.
#[derive(Debug)]
pub struct Segment {
    /// The state directory.
    pub path: PathBuf,
    /// Where everything is.
    pub layout: Layout,
    map: Map,
    /// Its record locks say which processes live.
    procs: Locks,
    /// Held in shared mode while the segment is in use; alone, a process may make it anew.
    lock_file: File,
    /// Where its lock is.
    lock: Lock,
    /// Where those who share it are named.
    owners: Owners,
    seed: [u8; 32],
    /// The name of this process, with its number in the low 16 bits.
    me: u64,
    /// What stands before the first entry of this segment in the ledger.
    base: i64,
    /// Forks at the time of attaching: a child has to attach for itself.
    forks: u64,
    /// One thread of this process at a time; with what the process remembers.
    turn: Mutex<Known>,
    /// The rules that this process saw last, for those who do not have the lock.
    latest: RwLock<Arc<Rules>>,
}

/// What a process knows of a segment.
#[derive(Debug, Default)]
pub struct Known {
    /// What it remembers for itself.
    pub memo: Memo,
    /// The version of the rules that it read last, beside them: each call compares it.
    pub version: u64,
    /// The rules, as it read them last.
    pub directory: Directory,
    /// Whether it has given its number back.
    has_left: bool,
}

impl Segment {
    /// The words.
    pub fn words(&self) -> Words<'_> {
        self.map.view()
    }

    /// A word of the header.
    pub fn word(&self, word: Word) -> &AtomicU64 {
        // A layout that was checked at the attach has its header; the fallback is never reached, and harmless.
        static NONE: AtomicU64 = AtomicU64::new(0);
        self.map.words().get(self.layout.header(word as usize)).unwrap_or(&NONE)
    }

    /// The number in the ledger of an entry of this segment.
    pub fn ledger_seq(&self, seq: u64) -> i64 {
        self.base.saturating_add_unsigned(seq).saturating_add(1)
    }

    /// The number in the journal of the entry that follows one of the ledger.
    pub fn journal_seq(&self, last: i64) -> u64 {
        u64::try_from(last.saturating_sub(self.base)).unwrap_or(0)
    }

    /// Whether this process made the attachment; false in a child that was forked since.
    pub fn is_ours(&self) -> bool {
        self.forks == fork::forks()
    }

    /// Whether the ledger cannot be written now.
    pub fn has_fault(&self) -> bool {
        self.word(Word::Fault).load(Ordering::Acquire) > 0
    }

    /// What keeps the ledger from being written, in the words of the process that tried.
    pub fn fault(&self) -> Option<StateError> {
        fault::read(&self.path, &self.layout, self.words(), self.word(Word::Fault).load(Ordering::Acquire))
    }

    /// Lets all processes know of a fault.
    pub fn write_fault(&self, told: &StateError) {
        let bytes = fault::write(&self.path, &self.layout, self.map.words(), told);
        self.word(Word::Fault).store(bytes, Ordering::Release);
    }

    /// The rules that this process saw last.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.latest.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key of the digests.
    pub fn seed(&self) -> [u8; 32] {
        self.seed
    }

    /// This process in the segment.
    pub fn me(&self) -> u64 {
        self.me
    }

    /// The record locks.
    pub fn procs(&self) -> &Locks {
        &self.procs
    }

    /// Its file, with the number that it has.
    pub fn file(&self) -> (PathBuf, u64) {
        (self.path.join("segment"), self.map.file_number())
    }

    /// Whether it is still the file that others would map.
    pub fn is_in_place(&self) -> bool {
        let (file, number) = self.file();
        std::fs::symlink_metadata(file).is_ok_and(|found| found.ino() == number)
    }

    /// Gives number and locks back, for good: whoever still has this may look at the words, and takes no turn any more.
    pub fn leave(&self) {
        // A child that inherited this has no locks to give back, and its copy of the turn may be taken for ever.
        if !self.is_ours() {
            return;
        }
        let mut known = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.has_left {
            known.has_left = true;
            owners::leave(self);
            self.procs.end();
            let _ = self.lock_file.unlock();
        }
    }

    /// Whether [`Segment::leave`] was called.
    pub fn has_left(&self) -> bool {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner).has_left
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.leave();
    }
}
