//! A state directory that one process keeps for itself: one with a clock of its own, whose time the others do not have.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::StateError;
use crate::plain;
use crate::segment::retire;

/// An opened state directory; the lock ends with the process, however it ends.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if need be and takes its lock.
    ///
    /// # Errors
    /// A directory that cannot be made or written, a link in place of a file, or another process that owns it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let writable = "give a directory that this user may write to";
        std::fs::create_dir_all(path).map_err(|error| StateError::new(path, error, writable))?;
        for name in ["lock", "ledger.db"] {
            plain::check(&path.join(name))?;
        }
        let file = path.join("lock");
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&file);
        let lock = lock.map_err(|error| StateError::new(&file, error, writable))?;
        match lock.try_lock() {
            Ok(()) => {
                retire(path)?;
                Ok(Self { path: path.to_owned(), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => Err(StateError::new(
                path,
                "used by another running process, and a Governor with a clock of its own shares it with none",
                "close the other one or give this one its own directory",
            )),
            Err(TryLockError::Error(error)) => Err(StateError::new(&file, error, "use a local file system that supports locks")),
        }
    }

    /// The ledger's file.
    pub fn ledger(&self) -> PathBuf {
        self.path.join("ledger.db")
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
