//! A state directory that one process keeps for itself: one with a clock of its own, whose time the others do not have.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::error::StateError;
use crate::plain;
use crate::segment::retire;

/// Makes a state directory if need be. Whatever the umask, only its owner may write to a new one: who can replace its files can
/// forge what is left of a budget.
///
/// # Errors
/// A directory that cannot be made.
pub fn make_directory(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// An opened state directory; the lock ends with the process, however it ends.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    lock: File,
}

impl Directory {
    /// Makes the directory if need be and takes its lock.
    ///
    /// # Errors
    /// A directory that cannot be made or written, a link in place of a file, or another process that owns it.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let writable = "give a directory that this user may write to";
        make_directory(path).map_err(|error| StateError::new(path, error, writable))?;
        for name in ["lock", "ledger.db"] {
            plain::check(&path.join(name))?;
        }
        let file = path.join("lock");
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&file);
        let lock = lock.map_err(|error| StateError::new(&file, error, writable))?;
        match lock.try_lock() {
            Ok(()) => {
                retire(path)?;
                Ok(Self { path: path.to_owned(), lock })
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

    /// Gives the directory free.
    pub fn leave(&self) {
        let _ = self.lock.unlock();
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}
