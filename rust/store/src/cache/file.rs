//! Opening a cache file: made if it is not there, refused if it is not ours, moved aside if it is damaged.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::bell::Bell;
use super::changes;
use super::format::{self, Wanted, Wrong, begin, connect, is_marked};
use super::times::Times;
use crate::error::StateError;
use crate::plain;
use crate::segment::fork;

/// A file that can be used.
#[derive(Debug)]
pub struct File {
    /// Where it is.
    pub path: PathBuf,
    /// What keys its digests.
    pub secret: [u8; 32],
    /// Its bell; held for as long as the cache is in use.
    pub bell: Bell,
    /// A sentence about a damaged file that was moved aside.
    pub notice: Option<String>,
}

/// A file that belongs to another one.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Opens a cache file.
///
/// # Errors
/// A folder that is not there, a link, another program's file, another format, encoder or dimension, or a damaged file that
/// other processes use.
pub fn open(path: &Path, wanted: &Wanted, times: &Times) -> Result<File, StateError> {
    let whole = std::path::absolute(path).map_err(|error| StateError::new(path, error, "give a path to a file"))?;
    let folder = whole.parent().filter(|folder| folder.is_dir());
    if folder.is_none() {
        return Err(StateError::new(&whole, "its folder is not there", "make the folder, or give another path"));
    }
    for ending in ["", "-wal", "-shm"] {
        plain::check(&beside(&whole, ending))?;
    }
    let _unforked = fork::hold();
    let (bell, alone) = Bell::open(&beside(&whole, "-bell"))?;
    let (secret, notice) = judged(&whole, wanted, times, alone)?;
    if alone {
        bell.share().map_err(|error| StateError::new(&whole, error, "use a local file system that supports locks"))?;
    }
    Ok(File { path: whole, secret, bell, notice })
}

fn judged(path: &Path, wanted: &Wanted, times: &Times, alone: bool) -> Result<([u8; 32], Option<String>), StateError> {
    plain::make(path)?;
    let ours = alone && is_marked(path);
    let seen = match secret_of(path, wanted, times, alone) {
        Ok(secret) => return Ok((secret, None)),
        Err(Wrong::Damaged(seen)) if alone => seen,
        Err(Wrong::Unreadable(seen)) if ours => seen,
        Err(wrong) => return Err(refusal(path, wrong)),
    };
    let aside = put_aside(path)?;
    plain::make(path)?;
    let notice = format!("cache '{}' was damaged ({seen}) and moved to '{}'; starting empty", path.display(), aside.display());
    let secret = secret_of(path, wanted, times, alone).map_err(|wrong| refusal(path, wrong))?;
    Ok((secret, Some(notice)))
}

/// Why a file is left as it is.
pub fn refusal(path: &Path, wrong: Wrong) -> StateError {
    match wrong {
        Wrong::Refused(error) => error,
        Wrong::Unreadable(seen) => StateError::new(path, seen, "this is no cache; delete it, or give another path"),
        Wrong::Damaged(seen) => {
            let fix = "end the processes that use it; the next one moves it aside and starts an empty one";
            StateError::new(path, format!("damaged: {seen}"), fix)
        }
    }
}

/// The secret of the file, made if it is not there yet. Who is alone with it tidies up and looks at every page but the values'.
fn secret_of(path: &Path, wanted: &Wanted, times: &Times, alone: bool) -> Result<[u8; 32], Wrong> {
    let mut connection = connect(path).map_err(Wrong::Refused)?;
    if let Err(error) = format::make(&mut connection, wanted) {
        return Err(unmade(&connection, path, wanted, &error));
    }
    let secret = format::check(&connection, path, Some(wanted))?;
    if alone {
        let tidied = (|| {
            let transaction = begin(&mut connection)?;
            changes::tidy(&transaction, times.keep(times.now().0))?;
            transaction.query_row("SELECT count(*), max(id), max(length(text)), max(length(row)) FROM entry", [], |_| Ok(()))?;
            transaction.commit()
        })();
        tidied.map_err(|error| failed(path, &error))?;
    }
    Ok(secret)
}

/// Why the tables could not be made: a file that is there and says what it is says it best.
fn unmade(connection: &Connection, path: &Path, wanted: &Wanted, error: &rusqlite::Error) -> Wrong {
    match format::check(connection, path, Some(wanted)) {
        Err(wrong) => wrong,
        Ok(_) => failed(path, error),
    }
}

fn failed(path: &Path, error: &rusqlite::Error) -> Wrong {
    if super::handle::is_damage(error) {
        return Wrong::Damaged(error.to_string());
    }
    Wrong::Refused(StateError::new(path, error, "check that the disk has room and the file is writable"))
}

/// Moves the file away under a name that is free, with what belongs to it.
fn put_aside(path: &Path) -> Result<PathBuf, StateError> {
    let name = |number: u32| beside(path, &if number == 0 { ".damaged".to_owned() } else { format!(".damaged-{number}") });
    let free = (0..1_000).map(name).find(|aside| std::fs::symlink_metadata(aside).is_err());
    let fix = "move it away or delete it";
    let aside = free.ok_or_else(|| StateError::new(path, "damaged, and a thousand such files lie beside it", fix))?;
    std::fs::rename(path, &aside).map_err(|error| StateError::new(path, error, fix))?;
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::rename(beside(path, ending), beside(&aside, ending));
    }
    Ok(aside)
}
