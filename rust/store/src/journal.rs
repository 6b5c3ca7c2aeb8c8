//! The one writer thread: entries go in order into transactions of at most 256 entries or 5 ms.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tierkit_core::clock::Clock;

use crate::book::Book;
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
    /// When the thread cannot be started.
    pub fn start(book: Book) -> Result<Self, StateError> {
        let path = book.path().to_owned();
        let failed = |error: &dyn std::fmt::Display| StateError::new(&path, error, "check the file and the process limits");
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = channel();
        let (place, pending) = (Place::new(files(&path)), Vec::new());
        let mut writer = Writer { book, shared: Arc::clone(&shared), place, pending };
        let worker = Worker::start("tierkit-journal", move || writer.run(&receiver)).map_err(|error| failed(&error))?;
        Ok(Self { sender, shared, worker, path })
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
    book: Book,
    shared: Arc<Shared>,
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
        let rows: Vec<(i64, Row)> = (self.book.last() + 1..).zip(std::mem::take(&mut self.pending)).collect();
        match self.place.check().and_then(|()| self.book.write(&rows)) {
            Ok(()) => {
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
