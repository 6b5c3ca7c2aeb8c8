//! The one writer thread: entries go in order into transactions of at most 256 entries or 5 ms.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, params};
use tierkit_core::clock::Clock;

use crate::chain::Link;
use crate::clock::SystemClock;
use crate::error::StateError;
use crate::place::{Place, files};
use crate::row::Row;
use crate::segment::fork;
use crate::worker::Worker;

const GROUP_ENTRIES: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(5);
const RETRY: Duration = Duration::from_millis(100);
/// Entries that may wait for the disk before admissions are refused.
const BACKLOG: usize = 65_536;

enum Message {
    Rows(Vec<Row>),
    Flush(SyncSender<Result<(), StateError>>),
    Stop,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    fault: Mutex<Option<StateError>>,
}

/// The journal's handle: appends never wait for the disk.
#[derive(Debug)]
pub struct Journal {
    sender: Sender<Message>,
    shared: Arc<Shared>,
    worker: Worker,
    path: PathBuf,
}

impl Journal {
    /// Starts the writer on an open ledger.
    ///
    /// # Errors
    /// When the thread cannot be started or the last entry cannot be read.
    pub fn start(connection: Connection, path: &Path) -> Result<Self, StateError> {
        let failed = |error: &dyn std::fmt::Display| StateError::new(path, error, "check the file and the process limits");
        let (last, chain) = last_entry(&connection, path)?;
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = channel();
        let (place, pending) = (Place::new(files(path)), Vec::new());
        let mut writer = Writer { connection, last, chain, shared: Arc::clone(&shared), path: path.to_owned(), place, pending };
        let worker = Worker::start("tierkit-journal", move || writer.run(&receiver)).map_err(|error| failed(&error))?;
        Ok(Self { sender, shared, worker, path: path.to_owned() })
    }

    /// Queues rows in order.
    pub fn append(&self, rows: Vec<Row>) {
        self.shared.waiting.fetch_add(rows.len(), Ordering::Relaxed);
        // A writer that is gone leaves its fault behind; `check` reports it.
        let _ = self.sender.send(Message::Rows(rows));
    }

    /// The fault of the last write, if it failed.
    pub fn fault(&self) -> Option<StateError> {
        lock(&self.shared.fault).clone()
    }

    /// Whether new admissions can be made durable.
    ///
    /// # Errors
    /// The fault of the last write, or a backlog that the disk does not keep up with.
    pub fn check(&self) -> Result<(), StateError> {
        if let Some(fault) = self.fault() {
            return Err(fault);
        }
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        if waiting > BACKLOG {
            return Err(StateError::new(
                &self.path,
                format!("{waiting} entries wait for the disk"),
                "use a faster disk or fewer requests",
            ));
        }
        Ok(())
    }

    /// Waits until everything appended so far is committed.
    ///
    /// # Errors
    /// The fault that keeps the writer from committing; what was appended is kept and tried again.
    pub fn flush(&self) -> Result<(), StateError> {
        let gone = || StateError::new(&self.path, "the writer has stopped", "open the Governor again");
        let (reply, answer) = sync_channel(1);
        self.sender.send(Message::Flush(reply)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }

    /// Ends the writer, which writes what is left. False when the disk keeps it for more than 10 s.
    pub fn end(&self) -> bool {
        let _ = self.sender.send(Message::Stop);
        self.worker.has_ended()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer {
    connection: Connection,
    last: i64,
    chain: Vec<u8>,
    shared: Arc<Shared>,
    path: PathBuf,
    place: Place,
    pending: Vec<Row>,
}

impl Writer {
    fn run(&mut self, receiver: &Receiver<Message>) {
        loop {
            let wait = if self.pending.is_empty() { Duration::from_secs(3_600) } else { RETRY };
            match receiver.recv_timeout(wait) {
                Ok(Message::Rows(rows)) => {
                    self.pending.extend(rows);
                    if !self.gather(receiver) {
                        return;
                    }
                }
                Ok(Message::Flush(reply)) => {
                    let _ = reply.send(self.commit());
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.commit();
                    return;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.commit();
                }
            }
        }
    }

    /// Collects a group and commits it; false when the journal is to stop.
    fn gather(&mut self, receiver: &Receiver<Message>) -> bool {
        let started_ns = SystemClock.boot_ns();
        while self.pending.len() < GROUP_ENTRIES {
            let elapsed = Duration::from_nanos(SystemClock.boot_ns().saturating_sub(started_ns));
            match receiver.recv_timeout(GROUP_TIME.saturating_sub(elapsed)) {
                Ok(Message::Rows(rows)) => self.pending.extend(rows),
                Ok(Message::Flush(reply)) => {
                    let _ = reply.send(self.commit());
                    return true;
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.commit();
                    return false;
                }
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        let _ = self.commit();
        true
    }

    /// Commits what is pending; on a fault everything is kept for the next try.
    fn commit(&mut self) -> Result<(), StateError> {
        if self.pending.is_empty() {
            return lock(&self.shared.fault).clone().map_or(Ok(()), Err);
        }
        let _unforked = fork::hold();
        let rows: Vec<(i64, Row)> = (self.last + 1..).zip(std::mem::take(&mut self.pending)).collect();
        let fix = "free disk space or make the file writable; entries are kept and tried again";
        let written = self.place.check().and_then(|()| {
            write(&mut self.connection, &rows, &self.chain).map_err(|error| StateError::new(&self.path, error, fix))
        });
        match written {
            Ok(chain) => {
                self.chain = chain;
                self.last += i64::try_from(rows.len()).unwrap_or(0);
                self.shared.waiting.fetch_sub(rows.len(), Ordering::Relaxed);
                *lock(&self.shared.fault) = None;
                Ok(())
            }
            Err(fault) => {
                self.pending = rows.into_iter().map(|(_, row)| row).collect();
                *lock(&self.shared.fault) = Some(fault.clone());
                Err(fault)
            }
        }
    }
}

/// The number and the hash of a ledger's last entry.
///
/// # Errors
/// A ledger that cannot be read.
pub fn last_entry(connection: &Connection, path: &Path) -> Result<(i64, Vec<u8>), StateError> {
    let last = connection
        .query_row("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .or_else(|error| if error == rusqlite::Error::QueryReturnedNoRows { Ok((0, Vec::new())) } else { Err(error) });
    last.map_err(|error| StateError::new(path, error, "restore the file from a backup or move it away"))
}

/// Writes numbered rows in one transaction and gives the hash of the last.
///
/// # Errors
/// What SQLite says; then nothing was written.
pub fn write(connection: &mut Connection, rows: &[(i64, Row)], chain: &[u8]) -> rusqlite::Result<Vec<u8>> {
    let transaction = connection.transaction()?;
    let mut chain = chain.to_vec();
    {
        let mut entry = transaction.prepare_cached(
            "INSERT INTO entry(seq, reservation, kind, at_ns, nano_usd, labels, units, usage, flags, saved_nano_usd, expires_ns, hash,
                               adjustment)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut posting = transaction.prepare_cached(
            "INSERT INTO posting(seq, rule, scope, start_ns, end_ns, posted, pending) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut account = transaction
            .prepare_cached("INSERT INTO account(rule, scope, start_ns, end_ns, posted, pending) VALUES (?, ?, ?, ?, ?, ?)")?;
        let mut open =
            transaction.prepare_cached("INSERT OR REPLACE INTO open(reservation, seq, expires_ns) VALUES (?, ?, ?)")?;
        let mut close = transaction.prepare_cached("DELETE FROM open WHERE reservation = ?")?;
        let mut change_account = transaction.prepare_cached(
            "UPDATE account SET posted = posted + ?, pending = pending + ? WHERE rule = ? AND scope = ? AND start_ns = ?",
        )?;
        for (seq, row) in rows {
            let (kind, id) = (row.entry.kind.as_str(), row.entry.id.as_str());
            chain = Link::of(*seq, row).hash(&chain).to_vec();
            entry.execute(params![
                seq,
                id,
                kind,
                row.entry.at_ns,
                row.entry.nusd,
                row.labels,
                row.units,
                row.usage,
                row.entry.flags.0,
                row.entry.saved_nusd,
                row.entry.expires_ns,
                chain,
                row.entry.adjustment.as_ref().map(tierkit_core::ledger::ReservationId::as_str)
            ])?;
            for (change, (rule, scope)) in row.entry.postings.iter().zip(&row.scopes) {
                posting.execute(params![seq, rule, scope, change.start_ns, change.end_ns, change.posted, change.pending])?;
                // A release updates the row that its reserve made; only a fresh account is inserted, with pending >= 0.
                let known = change_account.execute(params![change.posted, change.pending, rule, scope, change.start_ns])?;
                if known == 0 {
                    account.execute(params![
                        rule,
                        scope,
                        change.start_ns,
                        change.end_ns,
                        change.posted,
                        change.pending.max(0)
                    ])?;
                }
            }
            if row.entry.kind == tierkit_core::ledger::EntryKind::Reserve {
                open.execute(params![id, seq, row.entry.expires_ns])?;
            } else {
                close.execute(params![id])?;
            }
        }
        if let Some((last, _)) = rows.last() {
            transaction.prepare_cached("UPDATE head SET seq = ?, hash = ?")?.execute(params![last, chain])?;
        }
    }
    transaction.commit()?;
    Ok(chain)
}
