//! The writer of a shared ledger: every process has a thread that would be it, and one is elected.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tierkit_core::clock::Clock;

use crate::clock::SystemClock;
use crate::desk::Desk;
use crate::error::StateError;
use crate::segment::{Segment, Word, bell, bury};
use crate::worker::Worker;

/// So many entries are not kept waiting for more.
const GROUP: u64 = 256;
/// How long entries are gathered when nobody waits for the commit.
const GATHER: Duration = Duration::from_millis(5);
/// How often it is looked meanwhile whether a group is full.
const NAP: Duration = Duration::from_micros(500);
/// How often a process asks whether the writer is gone, and whether others died holding slots.
const WATCH: Duration = Duration::from_millis(100);

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
    desk: Arc<Desk>,
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
        let desk = Arc::new(Desk::new(Arc::clone(segment)));
        // Here and not on the thread: what keeps the ledger from being opened is an error of the opening, not of a later call.
        desk.stand_for_election()?;
        let mut work = Work { segment: Arc::clone(segment), desk: Arc::clone(&desk), stop: Arc::clone(&stop), watched_ns: 0 };
        let worker = Worker::start("tierkit-journal", move || work.run())
            .map_err(|error| StateError::new(&segment.path, error, "check the process limits"))?;
        Ok(Self { segment: Arc::clone(segment), desk, stop, worker })
    }

    /// The place at which it writes.
    pub fn desk(&self) -> &Desk {
        &self.desk
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

struct Work {
    segment: Arc<Segment>,
    desk: Arc<Desk>,
    stop: Arc<Stop>,
    watched_ns: u64,
}

impl Work {
    fn run(&mut self) {
        while !self.stop.asked.load(Ordering::Acquire) {
            self.watch();
            if !matches!(self.desk.stand_for_election(), Ok(true)) {
                self.rest(WATCH);
            } else if let Err(error) = self.desk.look(false).and_then(|()| self.serve()) {
                self.desk.report(Some(&error));
                self.rest(WATCH);
            } else {
                self.desk.keep_levels(false);
            }
        }
        // One that ends before it was elected still writes what nobody else would.
        if self.desk.look(true).is_ok() && matches!(self.desk.stand_for_election(), Ok(true)) {
            while matches!(self.desk.commit(), Ok(more) if more) {}
            self.desk.keep_levels(true);
        }
        self.desk.leave();
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
        self.desk.commit().map(|_| ())
    }
}
