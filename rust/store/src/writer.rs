//! The writer of a shared ledger: every process has a thread that would be it, and one is elected.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tierkit_core::clock::Clock;
use tierkit_core::segment::Tx;

use crate::clock::SystemClock;
use crate::error::StateError;
use crate::journal::{last_entry, write};
use crate::place::{Place, files};
use crate::row::Row;
use crate::schema::open_writer;
use crate::segment::{Segment, Word, bell, bury, fork, head};
use crate::snapshot::Snapshots;
use crate::worker::Worker;

/// Entries in one transaction at most.
const GROUP: u64 = 256;
/// How long entries are gathered when nobody waits for the commit.
const GATHER: Duration = Duration::from_millis(5);
/// How often it is looked meanwhile whether a group is full.
const NAP: Duration = Duration::from_micros(500);
/// How often a process asks whether the writer is gone, and whether others died holding slots.
const WATCH: Duration = Duration::from_millis(100);
/// How often it is looked whether the files are still there.
const LOOK_NS: u64 = 1_000_000_000;
/// The byte of `procs` that the writer holds.
const ELECTION: u64 = 0;

#[derive(Debug, Default)]
struct Stop {
    asked: AtomicBool,
    changed: Condvar,
    lock: Mutex<()>,
}

/// The handle of this process's thread.
#[derive(Debug)]
pub struct Writer {
    segment: Arc<Segment>,
    stop: Arc<Stop>,
    worker: Worker,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system gives no thread, or the ledger cannot be opened.
    pub fn start(segment: &Arc<Segment>) -> Result<Self, StateError> {
        let stop = Arc::new(Stop::default());
        let mut work = Work { segment: Arc::clone(segment), stop: Arc::clone(&stop), ledger: None, watched_ns: 0 };
        // Here and not on the thread: what keeps the ledger from being opened is an error of the opening, not of a later call.
        work.stand_for_election()?;
        let worker = Worker::start("tierkit-journal", move || work.run())
            .map_err(|error| StateError::new(&segment.path, error, "check the process limits"))?;
        Ok(Self { segment: Arc::clone(segment), stop, worker })
    }

    /// Ends the thread; it writes what is left. False when the disk keeps it for more than 10 s.
    pub fn end(&self) -> bool {
        {
            let _held = self.stop.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.stop.asked.store(true, Ordering::Release);
            self.stop.changed.notify_all();
        }
        bell::ring(self.segment.word(Word::Work), self.segment.word(Word::WorkSleepers));
        self.worker.has_ended()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.segment.is_ours() {
            self.end();
        }
    }
}

struct Ledger {
    connection: Connection,
    last: i64,
    chain: Vec<u8>,
    snapshots: Snapshots,
    place: Place,
    /// When all files were seen in their place; 0 while they are not.
    placed_ns: u64,
}

struct Work {
    segment: Arc<Segment>,
    stop: Arc<Stop>,
    ledger: Option<Ledger>,
    watched_ns: u64,
}

impl Work {
    fn run(&mut self) {
        while !self.stop.asked.load(Ordering::Acquire) {
            self.watch();
            if self.ledger.is_none() && !matches!(self.stand_for_election(), Ok(true)) {
                self.rest(WATCH);
            } else if let Err(error) = self.look(false).and_then(|()| self.serve()) {
                self.report(Some(&error));
                self.rest(WATCH);
            } else {
                self.keep_levels(false);
            }
        }
        // One that ends before it was elected still writes what nobody else would.
        if self.look(true).is_ok() && (self.ledger.is_some() || matches!(self.stand_for_election(), Ok(true))) {
            while matches!(self.commit(), Ok(more) if more) {}
            self.keep_levels(true);
        }
        if self.ledger.is_some() {
            let unforked = fork::hold();
            self.ledger = None;
            drop(unforked);
            self.segment.procs().unlock(ELECTION);
        }
    }

    /// Each second and at the end: whether the files are where they were. While they are not, nothing is written.
    fn look(&mut self, at_once: bool) -> Result<(), StateError> {
        let now_ns = SystemClock.boot_ns();
        let Some(ledger) = &mut self.ledger else { return Ok(()) };
        if !at_once && now_ns.saturating_sub(ledger.placed_ns) < LOOK_NS {
            return Ok(());
        }
        let before_ns = std::mem::take(&mut ledger.placed_ns);
        ledger.place.check()?;
        ledger.placed_ns = now_ns;
        if before_ns == 0 {
            self.report(None);
        }
        Ok(())
    }

    /// Writes the levels of buckets, each second and at the end. What fails is tried again: nobody waits for it.
    fn keep_levels(&mut self, at_once: bool) {
        if let Some(ledger) = &mut self.ledger {
            let _ = ledger.snapshots.take(&self.segment, &mut ledger.connection, at_once);
        }
    }

    fn rest(&self, time: Duration) {
        let held = self.stop.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.stop.asked.load(Ordering::Acquire) {
            drop(self.stop.changed.wait_timeout(held, time));
        }
    }

    /// Now and then: frees what dead processes hold.
    fn watch(&mut self) {
        let now_ns = SystemClock.boot_ns();
        if now_ns.saturating_sub(self.watched_ns) >= u64::try_from(WATCH.as_nanos()).unwrap_or(0) {
            self.watched_ns = now_ns;
            // A segment that cannot be locked now is looked at again the next time.
            let _ = bury(&self.segment);
        }
    }

    /// Whether this process is the writer now.
    fn stand_for_election(&mut self) -> Result<bool, StateError> {
        if !self.segment.procs().try_lock(ELECTION) {
            return Ok(false);
        }
        match self.open() {
            Ok(ledger) => {
                self.ledger = Some(ledger);
                self.report(None);
                Ok(true)
            }
            Err(error) => {
                self.report(Some(&error));
                self.segment.procs().unlock(ELECTION);
                Err(error)
            }
        }
    }

    fn open(&self) -> Result<Ledger, StateError> {
        let _unforked = fork::hold();
        let path = self.segment.path.join("ledger.db");
        // The ledger of a directory that was made again is not the one of this segment.
        Place::new([self.segment.file()]).check()?;
        let connection = open_writer(&path)?;
        let (last, chain) = last_entry(&connection, &path)?;
        let place = Place::new(files(&path).chain([self.segment.file()]));
        let placed_ns = SystemClock.boot_ns();
        Ok(Ledger { connection, last, chain, snapshots: Snapshots::default(), place, placed_ns })
    }

    /// Waits for work, gathers a group, and commits it.
    fn serve(&mut self) -> Result<(), StateError> {
        let (work, sleepers) = (self.segment.word(Word::Work), self.segment.word(Word::WorkSleepers));
        let seen = work.load(Ordering::Acquire);
        if self.segment.layout.waiting(self.segment.words()).is_empty() {
            bell::wait(work, sleepers, seen, WATCH);
            return Ok(());
        }
        let began_ns = SystemClock.boot_ns();
        let gathering = || {
            let waiting = self.segment.layout.waiting(self.segment.words());
            let waited = Duration::from_nanos(SystemClock.boot_ns().saturating_sub(began_ns));
            let nobody_waits = self.segment.word(Word::DoneSleepers).load(Ordering::Acquire) == 0;
            nobody_waits && waiting.end - waiting.start < GROUP && waited < GATHER && !self.stop.asked.load(Ordering::Acquire)
        };
        let (hurry, sleepers) = (self.segment.word(Word::Hurry), self.segment.word(Word::HurrySleepers));
        loop {
            let seen = hurry.load(Ordering::Acquire);
            if !gathering() {
                break;
            }
            bell::wait(hurry, sleepers, seen, NAP);
        }
        self.commit().map(|_| ())
    }

    /// Commits the next group; true when more waits.
    fn commit(&mut self) -> Result<bool, StateError> {
        let segment = Arc::clone(&self.segment);
        let Some(ledger) = &mut self.ledger else { return Ok(false) };
        let path = segment.path.join("ledger.db");
        let (waiting, names) = {
            let turn = segment.turn()?;
            (segment.layout.waiting(segment.words()), Arc::clone(&turn.known.directory.names))
        };
        let upto = waiting.end.min(waiting.start + GROUP);
        // Without the lock, so that nobody waits: only the writer lets entries go, and nobody changes one that waits.
        let entry = |seq| Some((segment.ledger_seq(seq), segment.layout.entry(segment.words(), seq)?));
        let entries = (waiting.start..upto).filter_map(entry);
        // The last writer may have died between its commit and its note of it.
        let fresh = entries.filter(|(seq, _)| *seq > ledger.last);
        let rows: Vec<(i64, Row)> = fresh.map(|(seq, entry)| (seq, Row::new(entry, &names))).collect();
        let unforked = fork::hold();
        if let Some((last, _)) = rows.last() {
            let last = *last;
            let fix = "free disk space or make the file writable; entries are kept and tried again";
            let written = write(&mut ledger.connection, &rows, &ledger.chain);
            ledger.chain = written.map_err(|error| StateError::new(&path, error, fix))?;
            ledger.last = last;
        }
        drop(unforked);
        {
            let _turn = segment.turn()?;
            let failed = |error| StateError::new(&segment.path, error, "rebuild it: stop all processes first");
            let mut tx = Tx::begin(segment.words(), segment.layout.log()).map_err(failed)?;
            segment.layout.release(&mut tx, upto);
            tx.store(segment.layout.header(Word::Head as usize), head(&ledger.chain));
            tx.commit().map_err(failed)?;
        }
        self.report(None);
        Ok(upto < waiting.end)
    }

    /// Tells all processes how the last commit went, and wakes who waits for it.
    fn report(&self, error: Option<&StateError>) {
        let fault = self.segment.word(Word::Fault);
        match error {
            None if fault.load(Ordering::Relaxed) == 0 => {}
            None => fault.store(0, Ordering::Release),
            Some(error) => self.segment.write_fault(error),
        }
        bell::ring(self.segment.word(Word::Done), self.segment.word(Word::DoneSleepers));
    }
}
