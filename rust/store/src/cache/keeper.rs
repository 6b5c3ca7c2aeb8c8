//! The thread that keeps a cache and its file alike: it writes what waits, in groups, and takes in what others wrote.
//!
//! Every process has one, and they take turns by SQLite's own lock. An elected writer, as the ledger has one, would need the
//! answers of all other processes copied through shared memory first.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use tierkit_core::cache::entry::Record;
use tierkit_core::cache::owner::Tally;
use tierkit_core::clock::Clock;

use super::changes::{self, Gone};
use super::format::begin;
use super::handle::Fault;
use super::queue::Change;
use super::store::{Disk, Inner};
use crate::clock::SystemClock;
use crate::error::StateError;
use crate::segment::fork;

/// Changes in one transaction at most, and bytes of values after which one ends.
const GROUP: usize = 256;
const GROUP_BYTES: u64 = 16 << 20;
/// How long changes are gathered when nobody waits for them.
const GATHER: Duration = Duration::from_millis(5);
/// How often the file is looked at unasked: who wrote it last may have been killed before it rang.
const WATCH: Duration = Duration::from_secs(1);
/// A pause after a failure.
const RETRY: Duration = Duration::from_millis(100);
/// Rows taken in under one lock.
const CHUNK: usize = 64;
/// Changes after which old ones are forgotten.
const TIDY: i64 = 16_384;

/// The id, version and number of an entry that is in the file now.
type Written = (u64, u64, i64);

/// Starts the thread.
///
/// # Errors
/// When the system gives no thread.
pub fn start(inner: &Arc<Inner>, disk: &Arc<Disk>) -> Result<JoinHandle<()>, StateError> {
    let (inner, disk, looked_ns) = (Arc::clone(inner), Arc::clone(disk), SystemClock.boot_ns());
    let path = disk.path.clone();
    let mut keeper = Keeper { inner, disk, tallies: Vec::new(), looked_ns };
    std::thread::Builder::new()
        .name("tierkit-cache".to_owned())
        .spawn(move || keeper.run())
        .map_err(|error| StateError::new(&path, error, "check the process limits"))
}

struct Keeper {
    inner: Arc<Inner>,
    disk: Arc<Disk>,
    /// What hits saved, until the file has it.
    tallies: Vec<Tally>,
    looked_ns: u64,
}

impl Keeper {
    fn run(&mut self) {
        loop {
            let rung = self.disk.bell.rung();
            let stopping = self.disk.stop.load(Ordering::Acquire);
            let result = self.step(stopping);
            if stopping {
                break;
            }
            match result {
                Err(fault) => self.failed(&fault),
                Ok(true) => {}
                Ok(false) => self.disk.bell.wait(rung, WATCH),
            }
        }
        self.disk.writer.close();
        self.disk.reader.close();
    }

    /// Does what there is to do; false when there was nothing.
    fn step(&mut self, stopping: bool) -> Result<bool, Fault> {
        if self.disk.off.load(Ordering::Acquire) {
            return Ok(false);
        }
        let waits = {
            let _unforked = fork::hold();
            self.disk.queue.len().0 > 0
        };
        if waits {
            self.gather();
        }
        let due = self.is_due() || stopping;
        if due {
            let _unforked = fork::hold();
            self.tallies.extend(self.inner.write().take_tallies());
        }
        if waits || !self.tallies.is_empty() {
            while self.commit()? {}
            return Ok(true);
        }
        let behind = i64::try_from(self.disk.bell.head()).unwrap_or(0) > self.disk.seen.load(Ordering::Acquire);
        if behind || due {
            look(&self.inner, &self.disk)?;
        }
        Ok(behind)
    }

    fn is_due(&mut self) -> bool {
        let now_ns = SystemClock.boot_ns();
        let due = now_ns.saturating_sub(self.looked_ns) >= u64::try_from(WATCH.as_nanos()).unwrap_or(0);
        if due {
            self.looked_ns = now_ns;
        }
        due
    }

    /// Lets a group grow while nobody waits for it.
    fn gather(&self) {
        let began_ns = SystemClock.boot_ns();
        loop {
            let (waiting, hurry) = {
                let _unforked = fork::hold();
                self.disk.queue.len()
            };
            let waited = Duration::from_nanos(SystemClock.boot_ns().saturating_sub(began_ns));
            if hurry || waiting >= GROUP || waited >= GATHER || self.disk.stop.load(Ordering::Acquire) {
                return;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Writes the next group; true when more waits.
    fn commit(&mut self) -> Result<bool, Fault> {
        let _unforked = fork::hold();
        let disk = Arc::clone(&self.disk);
        let taken = disk.queue.take(GROUP, GROUP_BYTES);
        match self.write(&taken) {
            Ok((head, written)) => {
                let mut store = self.inner.write();
                // What left memory while it was written was told to leave a file that did not hold it yet.
                let left = written.into_iter().filter(|(id, version, seq)| !store.written(*id, *version, *seq));
                let left: Vec<Change> = left.map(|(id, _, seq)| Change::Drop(id, seq)).collect();
                // Before anything else can leave: its removal must reach up to here.
                disk.seen.store(head, Ordering::Release);
                drop(store);
                disk.queue.push(left);
                self.tallies.clear();
                disk.queue.finish(&taken);
                disk.bell.tell(head);
                Ok(disk.queue.len().0 > 0)
            }
            Err(fault) => {
                let state = fault.as_state(&disk.path);
                disk.queue.fail(taken, state);
                Err(fault)
            }
        }
    }

    /// One transaction: first what others wrote, so that a purge of theirs meets our puts, then ours.
    fn write(&self, taken: &[Change]) -> Result<(i64, Vec<Written>), Fault> {
        self.disk.writer.with(&self.disk.path, |connection| {
            let transaction = begin(connection)?;
            let before = follow(&self.inner, &self.disk, &transaction)?;
            let (mut head, mut written) = (before, Vec::new());
            for change in taken {
                head += i64::from(self.apply(&transaction, change, head + 1, &mut written)?);
            }
            for tally in &self.tallies {
                changes::add_tally(&transaction, tally)?;
            }
            if before / TIDY != head / TIDY {
                let times = &self.inner.times;
                changes::tidy(&transaction, times.keep(times.now().0))?;
            }
            changes::set_head(&transaction, head)?;
            transaction.commit()?;
            Ok((head, written))
        })
    }

    /// Makes one change under a number; true when it used the number.
    fn apply(&self, connection: &Connection, change: &Change, seq: i64, written: &mut Vec<Written>) -> rusqlite::Result<bool> {
        match change {
            Change::Put(id, _) => {
                let record = self.inner.read().record(*id);
                // Gone, or written already under an earlier change.
                let Some(record) = record.filter(|record| record.seq == 0) else { return Ok(false) };
                self.disk.rows.write(connection, &record, seq, &self.inner.times)?;
                written.push((*id, record.version, seq));
                Ok(true)
            }
            Change::Drop(id, upto) => changes::drop_entry(connection, *id, *upto, seq),
            Change::Strike(row) => changes::strike(connection, *row).map(|()| false),
            Change::Cut(id) => changes::cut(connection, *id, seq).map(|_| true),
            Change::Praise(id) => changes::praise(connection, *id).map(|()| false),
            Change::Purge(mark, before) => changes::purge(connection, mark, *before, seq).map(|_| true),
        }
    }

    fn failed(&self, fault: &Fault) {
        if fault.is_damage() {
            // Nothing more can be told from this file; what is in memory stays good.
            self.disk.off.store(true, Ordering::Release);
            let _unforked = fork::hold();
            let left = self.disk.queue.take(usize::MAX, u64::MAX);
            self.disk.queue.fail(left, fault.as_state(&self.disk.path));
        }
        let mut waited = Duration::ZERO;
        while waited < RETRY && !self.disk.stop.load(Ordering::Acquire) {
            std::thread::sleep(GATHER);
            waited += GATHER;
        }
    }
}

/// Takes in what others wrote since the last look.
///
/// # Errors
/// A file that cannot be read.
pub fn look(inner: &Inner, disk: &Disk) -> Result<(), Fault> {
    disk.reader.with(&disk.path, |connection| {
        let snapshot = connection.transaction()?;
        follow(inner, disk, &snapshot).map(|_| ())
    })
}

/// Applies to memory all changes above the last one seen; gives the number of the last.
fn follow(inner: &Inner, disk: &Disk, connection: &Connection) -> rusqlite::Result<i64> {
    let (head, trimmed) = changes::head(connection)?;
    let mut seen = disk.seen.load(Ordering::Acquire);
    if head == seen {
        return Ok(head);
    }
    if seen > head || (seen > 0 && seen < trimmed) {
        // The file is another one, or what was removed since is not remembered any more.
        inner.write().forget_all();
        seen = 0;
    }
    let gone = changes::gone_above(connection, seen)?;
    for some in gone.chunks(CHUNK) {
        let mut store = inner.write();
        for (seq, gone) in some {
            match gone {
                Gone::Drop(id) => store.forget(*id, *seq),
                Gone::Cut(id) => store.cut_too(*id),
                Gone::Purge(mark, before) => store.purge_too(&mark.mark(inner.times.local(*before))),
            }
        }
    }
    let mut at = seen;
    loop {
        let rows = disk.rows.above(connection, at, CHUNK, &inner.times)?;
        let Some(last) = rows.last() else { break };
        at = last.as_ref().map_or_else(|seq| *seq, |record| record.seq);
        take_in(inner, disk, rows, head);
    }
    disk.seen.store(head, Ordering::Release);
    Ok(head)
}

/// Keeps rows as entries; what is none, or has no room, is to leave the file as it was up to `head`.
fn take_in(inner: &Inner, disk: &Disk, rows: Vec<Result<Record, i64>>, head: i64) {
    let now_ns = inner.times.now().0;
    let mut store = inner.write();
    let mut wrong = Vec::new();
    for row in rows {
        match row {
            Ok(record) if store.is_own(&record) => store.adopt(record, now_ns),
            Ok(record) => wrong.push(Change::Strike(record.seq)),
            Err(seq) => wrong.push(Change::Strike(seq)),
        }
    }
    let gone = store.take_gone();
    drop(store);
    disk.damaged.fetch_add(wrong.len() as u64, Ordering::Relaxed);
    disk.queue.push(wrong.into_iter().chain(gone.into_iter().map(|id| Change::Drop(id, head))));
}
