//! Whether the files of a state directory are still in their place: a process goes on in files that were removed or replaced,
//! and what it writes there nobody finds again.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::StateError;

/// The files that a process uses, by their names and numbers.
#[derive(Debug)]
pub struct Place(Vec<(PathBuf, u64)>);

/// A ledger and its log, as they are now.
pub fn files(ledger: &Path) -> impl Iterator<Item = (PathBuf, u64)> + use<> {
    let mut log = ledger.as_os_str().to_owned();
    log.push("-wal");
    [ledger.to_owned(), log.into()].into_iter().filter_map(|file| {
        let number = std::fs::symlink_metadata(&file).ok()?.ino();
        Some((file, number))
    })
}

impl Place {
    /// Files with their numbers.
    pub fn new(files: impl IntoIterator<Item = (PathBuf, u64)>) -> Self {
        Self(files.into_iter().collect())
    }

    /// Looks whether all are where they were. A directory that may not be looked into says nothing: its files are open.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), StateError> {
        self.0.iter().try_for_each(|(file, number)| {
            let gone = |seen| StateError::new(file, seen, "put it back, or start again every process that uses the directory");
            match std::fs::symlink_metadata(file) {
                Ok(found) if found.ino() == *number => Ok(()),
                Ok(_) => Err(gone("replaced by another file while it was in use")),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    Err(gone("removed while it was in use"))
                }
                Err(_) => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_gone_replaced_or_back_is_seen() -> std::io::Result<()> {
        let folder = std::env::temp_dir().join(format!("tierkit-place-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let (ledger, aside) = (folder.join("ledger.db"), folder.join("aside"));
        std::fs::write(&ledger, "ours")?;
        let place = Place::new(files(&ledger));
        let seen = || place.check().err().map(|error| error.seen);
        assert_eq!(seen(), None);
        std::fs::rename(&ledger, &aside)?;
        assert_eq!(seen().as_deref(), Some("removed while it was in use"));
        std::fs::write(&ledger, "theirs")?;
        assert_eq!(seen().as_deref(), Some("replaced by another file while it was in use"));
        std::fs::rename(&aside, &ledger)?;
        assert_eq!(seen(), None);
        std::fs::remove_dir_all(&folder)?;
        assert_eq!(seen().as_deref(), Some("removed while it was in use"));
        Ok(())
    }
}
