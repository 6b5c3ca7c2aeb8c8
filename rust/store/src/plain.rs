//! Files that are what they seem: no link, no device, private to their user.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::StateError;

const WRITABLE: &str = "give a directory on a local disk with room that this user may write to";
const LINK: &str = "move it away; links and devices are not followed";

/// How such a file is opened: created for its user alone, never through a link, never waiting for a device.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK).bits()).unwrap_or(0);
    options.read(true).write(true).mode(0o600).custom_flags(flags);
    options
}

/// Opens a file, and makes it if it is not there.
///
/// # Errors
/// A file that cannot be made or written, or is none.
pub fn open(file: &Path) -> Result<File, StateError> {
    let opened = options().create(true).truncate(false).open(file).map_err(|error| StateError::new(file, error, WRITABLE))?;
    match opened.metadata() {
        Ok(found) if found.is_file() => Ok(opened),
        Ok(_) => Err(StateError::new(file, "not a plain file", LINK)),
        Err(error) => Err(StateError::new(file, error, WRITABLE)),
    }
}

/// Makes a file if it is not there, and never opens one that is: closing it would drop SQLite's locks of this process.
///
/// # Errors
/// As [`open`].
pub fn make(file: &Path) -> Result<(), StateError> {
    match options().create_new(true).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => check(file),
        Err(error) => Err(StateError::new(file, error, WRITABLE)),
    }
}

/// Refuses what is there and is no plain file; nothing there is well.
///
/// # Errors
/// A link, a directory or a device.
pub fn check(file: &Path) -> Result<(), StateError> {
    match std::fs::symlink_metadata(file) {
        Ok(found) if !found.is_file() => Err(StateError::new(file, "not a plain file", LINK)),
        _ => Ok(()),
    }
}
