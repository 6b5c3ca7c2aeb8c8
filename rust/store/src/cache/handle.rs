//! An SQLite connection that no fork passes on.
//!
//! SQLite keeps lists of open files and their locks per process. A child that inherits them believes in locks it does not
//! have, and may damage the file that its parent writes. So every connection is closed before a fork, and opened again by
//! whoever needs it, on either side.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rusqlite::Connection;

use crate::error::StateError;
use crate::segment::fork;

type Slot = Mutex<Option<Connection>>;

static SLOTS: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Called while no thread is inside: nobody holds a slot.
fn close_all() {
    for slot in lock(&SLOTS).iter().filter_map(Weak::upgrade) {
        *lock(&slot) = None;
    }
}

/// A connection that is opened when it is needed. Use it only while forks are held up.
#[derive(Debug)]
pub struct Handle {
    slot: Arc<Slot>,
    opener: fn(&Path) -> Result<Connection, StateError>,
}

impl Handle {
    /// A handle on nothing yet.
    pub fn new(opener: fn(&Path) -> Result<Connection, StateError>) -> Self {
        fork::close_before(close_all);
        let slot = Arc::new(Slot::default());
        let _unforked = fork::hold();
        let mut slots = lock(&SLOTS);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(&slot));
        Self { slot, opener }
    }

    /// Works with the connection; one that failed is opened anew the next time.
    ///
    /// # Errors
    /// A file that cannot be opened, or what SQLite says.
    pub fn with<T>(&self, path: &Path, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, Fault> {
        let _unforked = fork::hold();
        let mut slot = lock(&self.slot);
        if slot.is_none() {
            *slot = Some((self.opener)(path).map_err(Fault::State)?);
        }
        let Some(connection) = slot.as_mut() else { return Err(Fault::Sqlite(rusqlite::Error::InvalidQuery)) };
        work(connection).map_err(|error| {
            *slot = None;
            Fault::Sqlite(error)
        })
    }

    /// In a child: whether the fork did not wait. Then the connection, and the lists behind it, are its parent's for ever.
    pub fn was_passed_on(&self) -> bool {
        match self.slot.try_lock() {
            Ok(mut slot) => slot.take().map(std::mem::forget).is_some(),
            Err(_) => true,
        }
    }

    /// Closes it.
    pub fn close(&self) {
        let _unforked = fork::hold();
        *lock(&self.slot) = None;
    }
}

/// Why work with a file failed.
#[derive(Debug)]
pub enum Fault {
    /// It could not be opened.
    State(StateError),
    /// SQLite refused.
    Sqlite(rusqlite::Error),
}

impl Fault {
    /// Whether the file itself is damaged, so that trying again is useless.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(error) if is_damage(error))
    }

    /// The same as a sentence.
    pub fn as_state(&self, path: &Path) -> StateError {
        let fix = "free disk space or make the file writable; answers stay in memory meanwhile";
        match self {
            Self::State(error) => error.clone(),
            Self::Sqlite(error) if is_damage(error) => {
                StateError::new(path, error, "end its processes; the next one that opens it moves it aside and starts anew")
            }
            Self::Sqlite(error) => StateError::new(path, error, fix),
        }
    }
}

/// Whether SQLite says that the file is damaged.
pub fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        // A column of another type than the table says: a page was overwritten.
        || matches!(error, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..))
}
