//! Where the elected process writes the ledger: its thread does, and so do callers who would wait for it, one at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use tierkit_core::clock::Clock;
use tierkit_core::error::Error;
use tierkit_core::segment::Tx;

use crate::book::Book;
use crate::clock::SystemClock;
use crate::error::StateError;
use crate::place::{Place, files};
use crate::row::{Row, Scopes};
use crate::segment::{Segment, Word, bell, fork, head};
use crate::snapshot::Snapshots;

/// Entries in one transaction at most: more when the disk is behind, so that it catches up.
const MOST: u64 = 2_048;
/// Entries that are let go under one lock.
const RELEASE: u64 = 128;
/// How often it is looked whether the files are still there.
const LOOK_NS: u64 = 1_000_000_000;
/// The byte of `procs` that the writer holds.
const ELECTION: u64 = 0;

/// What the elected process has open.
#[derive(Debug)]
struct Ledger {
    book: Book,
    scopes: Scopes,
    snapshots: Snapshots,
    place: Place,
    /// When all files were seen in their place; 0 while they are not.
    placed_ns: u64,
}

/// A process's place at the ledger; empty while another one is elected.
#[derive(Debug)]
pub struct Desk {
    segment: Arc<Segment>,
    ledger: Mutex<Option<Ledger>>,
    /// Whether it has the ledger, for those who only want to know.
    is_elected: AtomicBool,
}

impl Desk {
    /// An empty one.
    pub fn new(segment: Arc<Segment>) -> Self {
        Self { segment, ledger: Mutex::default(), is_elected: AtomicBool::new(false) }
    }

    /// Whether this process is elected, as it was a moment ago.
    pub fn is_elected(&self) -> bool {
        self.is_elected.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ledger>> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this process is elected. One that is not stands for it: the writer may be gone.
    ///
    /// # Errors
    /// A ledger that cannot be opened.
    pub fn stand_for_election(&self) -> Result<bool, StateError> {
        let mut ledger = self.lock();
        if ledger.is_some() {
            return Ok(true);
        }
        if !self.segment.procs().try_lock(ELECTION) {
            return Ok(false);
        }
        let opened = self.open();
        if opened.is_err() {
            self.segment.procs().unlock(ELECTION);
        }
        let report = opened.as_ref().map(|_| ()).map_err(Clone::clone);
        *ledger = opened.ok();
        self.is_elected.store(ledger.is_some(), Ordering::Relaxed);
        drop(ledger);
        self.report(report.as_ref().err());
        report.map(|()| true)
    }

    fn open(&self) -> Result<Ledger, StateError> {
        let _unforked = fork::hold();
        // The ledger of a directory that was made again is not the one of this segment.
        Place::new([self.segment.file()]).check()?;
        let book = Book::open(&self.segment.path.join("ledger.db"))?;
        let place = Place::new(files(book.path()).chain([self.segment.file()]));
        let placed_ns = SystemClock.boot_ns();
        Ok(Ledger { book, scopes: Scopes::default(), snapshots: Snapshots::default(), place, placed_ns })
    }

    /// Writes what waits, a group at most; true when more waits. Where another thread writes, it is waited for.
    ///
    /// # Errors
    /// A ledger that cannot be written: what waits is kept.
    pub fn commit(&self) -> Result<bool, StateError> {
        self.commit_in(self.lock())
    }

    /// The same by a caller who waits for its entries: false when this process is not elected or another thread writes. How it
    /// went, all processes are told.
    pub fn commit_at_once(&self) -> bool {
        let ledger = match self.ledger.try_lock() {
            Ok(ledger) => ledger,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if ledger.is_none() {
            return false;
        }
        if let Err(error) = self.commit_in(ledger) {
            self.report(Some(&error));
        }
        true
    }

    fn commit_in(&self, mut ledger: MutexGuard<'_, Option<Ledger>>) -> Result<bool, StateError> {
        let Some(open) = &mut *ledger else { return Ok(false) };
        open.look(false)?;
        let more = self.write(open)?;
        // Whoever found it taken tries again when it hears of this.
        drop(ledger);
        self.report(None);
        Ok(more)
    }

    fn write(&self, ledger: &mut Ledger) -> Result<bool, StateError> {
        let segment = &*self.segment;
        let waiting = {
            let turn = segment.turn()?;
            ledger.scopes.follow(&turn.known.directory.names);
            segment.layout.waiting(segment.words())
        };
        // The last writer may have died between its commit and its note of it.
        let from = segment.journal_seq(ledger.book.last()).clamp(waiting.start, waiting.end);
        let upto = waiting.end.min(from + MOST);
        // Without the lock, so that nobody waits: only the writer lets entries go, and nobody changes one that waits.
        let row = |seq| {
            let entry = segment.layout.entry(segment.words(), seq)?;
            Some((segment.ledger_seq(seq), Row::new(entry, &mut ledger.scopes)))
        };
        let rows: Vec<(i64, Row)> = (from..upto).filter_map(row).collect();
        {
            let _unforked = fork::hold();
            ledger.book.write(&rows)?;
        }
        self.release(&ledger.book, waiting.start..upto)?;
        Ok(upto < waiting.end)
    }

    /// Lets written entries go, a few at a time: meanwhile nobody can call.
    fn release(&self, book: &Book, written: std::ops::Range<u64>) -> Result<(), StateError> {
        let segment = &*self.segment;
        let failed = |error: Error| StateError::new(&segment.path, error, "rebuild it: stop all processes first");
        let mut from = written.start;
        while from < written.end {
            let upto = written.end.min(from + RELEASE);
            let hash = {
                let _unforked = fork::hold();
                head(&book.hash_of(segment.ledger_seq(upto) - 1)?)
            };
            let _turn = segment.turn()?;
            let mut tx = Tx::begin(segment.words(), segment.layout.log()).map_err(failed)?;
            segment.layout.release(&mut tx, upto);
            tx.store(segment.layout.header(Word::Head as usize), hash);
            tx.commit().map_err(failed)?;
            from = upto;
        }
        Ok(())
    }

    /// Each second, and at once when told so: whether the files are where they were. While they are not, nothing is written.
    ///
    /// # Errors
    /// The first file that is not.
    pub fn look(&self, at_once: bool) -> Result<(), StateError> {
        let was_missing = match &mut *self.lock() {
            Some(ledger) => ledger.look(at_once)?,
            None => false,
        };
        if was_missing {
            self.report(None);
        }
        Ok(())
    }

    /// Writes the levels of buckets, each second and at the end. What fails is tried again: nobody waits for it.
    pub fn keep_levels(&self, at_once: bool) {
        if let Some(ledger) = &mut *self.lock() {
            let _ = ledger.snapshots.take(&self.segment, ledger.book.connection(), at_once);
        }
    }

    /// Closes the ledger and lets another process be elected.
    pub fn leave(&self) {
        let mut ledger = self.lock();
        self.is_elected.store(false, Ordering::Relaxed);
        if ledger.is_some() {
            {
                let _unforked = fork::hold();
                *ledger = None;
            }
            self.segment.procs().unlock(ELECTION);
        }
    }

    /// Tells all processes how the last commit went, and wakes who waits for it.
    pub fn report(&self, error: Option<&StateError>) {
        let fault = self.segment.word(Word::Fault);
        match error {
            None if fault.load(Ordering::Relaxed) == 0 => {}
            None => fault.store(0, Ordering::Release),
            Some(error) => self.segment.write_fault(error),
        }
        bell::ring(self.segment.word(Word::Done), self.segment.word(Word::DoneSleepers));
    }
}

impl Ledger {
    /// Whether files are back that were missing.
    fn look(&mut self, at_once: bool) -> Result<bool, StateError> {
        let now_ns = SystemClock.boot_ns();
        if !at_once && now_ns.saturating_sub(self.placed_ns) < LOOK_NS {
            return Ok(false);
        }
        let before_ns = std::mem::take(&mut self.placed_ns);
        self.place.check()?;
        self.placed_ns = now_ns;
        Ok(before_ns == 0)
    }
}
