//! Attaching to the segment of a state directory, or making it from the ledger.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use rustix::fs::{FallocateFlags, fallocate};
use tierkit_core::clock::Clock;
use tierkit_core::gate::{Decide, Gate, Layout, Memo, SharedShelf, Sizes};
use tierkit_core::segment::{Lock, Memory, Owners, Tx};

use crate::book::Book;
use crate::clock::SystemClock;
use crate::directory::make_directory;
use crate::error::{StateError, StoreError};
use crate::plain;
use crate::restore::{restore, rules_over};
use crate::row::{Row, Scopes};
use crate::schema::open_reader;
use crate::segment::header;
use crate::segment::map::Map;
use crate::segment::record::Locks;
use crate::segment::switch::first_version;
use crate::segment::{Directory, Known, Offer, Segment, Word, fork, owners};

const WRITABLE: &str = "give a directory on a local disk with room that this user may write to";

/// How long a private owner of the directory is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Attaches this process to the segment of a directory. The policy that it brings comes into force unless a newer one is.
///
/// # Errors
/// A directory that cannot be used, one that another process keeps for itself, or a policy that cannot be kept.
pub fn open(path: &Path, offer: &Offer) -> Result<Segment, StoreError> {
    make_directory(path).map_err(|error| StateError::new(path, error, WRITABLE))?;
    let lock = plain_file(path, "lock")?;
    let procs = Locks::new(plain_file(path, "procs")?);
    let alone = share(path, &lock)?;
    let layout = Layout::new(&Sizes::default());
    let ledger_is_whole = check_ledger(path, alone)?;
    let map = match attached(path, &layout)? {
        Some(map) if header::fits(&map, &layout) && ledger_is_whole(&map, &layout) => map,
        found if alone => {
            if let Some(old) = found.filter(|map| header::fits(map, &layout)) {
                drain(path, &old, &layout)?;
            }
            make(path, &layout, offer)?
        }
        _ => {
            let seen = "its segment is damaged or of another version, and other running processes use the directory";
            let fix = "end all processes that use it; the next one rebuilds the segment from the ledger";
            return Err(StateError::new(path, seen, fix).into());
        }
    };
    let segment = join(path, layout, map, procs, lock)?;
    if alone {
        // What kept a process from writing that is gone now says nothing of today.
        segment.word(Word::Fault).store(0, Ordering::Release);
        // From here on others may share it. In between, one that is alone with the directory may have made its own.
        segment.lock_file.lock_shared().map_err(|error| StateError::new(path, error, WRITABLE))?;
        if !segment.is_in_place() {
            drop(segment);
            return open(path, offer);
        }
    }
    owners::bury(&segment)?;
    segment.agree(offer)?;
    Ok(segment)
}

/// Puts into the ledger what a segment still holds and takes the segment away, for an owner who keeps the directory for itself.
///
/// # Errors
/// A segment that cannot be read or a ledger that cannot be written.
pub fn retire(path: &Path) -> Result<(), StateError> {
    let layout = Layout::new(&Sizes::default());
    if let Some(map) = attached(path, &layout)? {
        if header::fits(&map, &layout) {
            drain(path, &map, &layout)?;
        }
        let file = path.join("segment");
        std::fs::remove_file(&file).map_err(|error| StateError::new(&file, error, WRITABLE))?;
    }
    Ok(())
}

fn plain_file(path: &Path, name: &str) -> Result<File, StateError> {
    plain::open(&path.join(name))
}

/// Locks the directory: true when this process is the only one, and may make the segment anew.
fn share(path: &Path, lock: &File) -> Result<bool, StateError> {
    let failed = |error: std::io::Error| StateError::new(path, error, "use a local file system that supports locks");
    let mut waited = Duration::ZERO;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        match lock.try_lock_shared() {
            Ok(()) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) if waited >= PATIENCE => {
                let fix = "close that one, or give this one its own directory";
                return Err(StateError::new(
                    path,
                    "owned by a process that does not share it (one with a clock of its own)",
                    fix,
                ));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        std::thread::sleep(Duration::from_millis(5));
        waited += Duration::from_millis(5);
    }
}

/// Refuses a ledger that cannot be used. Gives whether a segment stands on it: one that was replaced by an older copy lacks
/// entries that the segment saw committed, and then the ledger counts.
fn check_ledger(path: &Path, alone: bool) -> Result<impl Fn(&Map, &Layout) -> bool, StateError> {
    let ledger = path.join("ledger.db");
    plain::check(&ledger)?;
    let last = if alone { Book::open(&ledger)?.last() } else { open_reader(&ledger).map(|_| i64::MAX)? };
    Ok(move |map: &Map, layout: &Layout| {
        let committed = layout.waiting(map.view()).start;
        let base = map.view().load(layout.header(Word::Base as usize)).cast_signed();
        last >= base.saturating_add_unsigned(committed)
    })
}

/// The mapped segment file, if there is one of the right length.
fn attached(path: &Path, layout: &Layout) -> Result<Option<Map>, StateError> {
    let file = path.join("segment");
    if std::fs::symlink_metadata(&file).is_err() {
        return Ok(None);
    }
    let opened = plain_file(path, "segment")?;
    let length = opened.metadata().map_or(0, |found| found.len());
    if length != layout.words() as u64 * 8 {
        return Ok(None);
    }
    Map::new(&opened, layout.words()).map(Some).map_err(|error| StateError::new(&file, error, WRITABLE))
}

/// Makes a segment from the ledger beside the old one, then puts it in its place.
fn make(path: &Path, layout: &Layout, offer: &Offer) -> Result<Map, StoreError> {
    let (fresh, file) = (path.join("segment.new"), path.join("segment"));
    let failed = |error: &dyn std::fmt::Display| StateError::new(&file, error, WRITABLE);
    let _ = std::fs::remove_file(&fresh);
    let opened = plain_file(path, "segment.new")?;
    fallocate(&opened, FallocateFlags::empty(), 0, layout.words() as u64 * 8).map_err(|error| failed(&error))?;
    let map = Map::new(&opened, layout.words()).map_err(|error| failed(&error))?;
    let ledger = path.join("ledger.db");
    let mut book = Book::open(&ledger)?;
    header::write(&map, layout, offer.loaded_ns, (book.last(), book.chain())).map_err(|error| failed(&error))?;
    let connection = book.connection();
    let rules = rules_over(connection, &ledger, &offer.rules, first_version())?;
    let directory = Directory::new(rules, offer);
    let rules = &directory.rules;
    layout.draft(map.view(), &directory.text())?;
    layout.put_in_force(map.view(), rules.version())?;
    layout.finish_switch(map.view(), rules)?;
    let seed = seed(&map, layout);
    restore(connection, &ledger, rules, SystemClock.now(), &mut |step| {
        let shelf = SharedShelf::begin(map.view(), layout, seed, 0)?;
        let mut gate = Gate::resume(Arc::clone(rules), shelf, Memo::new(rules));
        step(&mut gate as &mut dyn Decide);
        gate.into_parts().0.commit()
    })?;
    header::seal(&map, layout);
    std::fs::rename(&fresh, &file).map_err(|error| failed(&error))?;
    Ok(map)
}

fn seed(map: &Map, layout: &Layout) -> [u8; 32] {
    let mut seed = [0_u8; 32];
    for (offset, chunk) in seed.chunks_mut(8).enumerate() {
        let word = map.view().load(layout.header(Word::Seed as usize + offset));
        chunk.iter_mut().zip(word.to_le_bytes()).for_each(|(to, from)| *to = from);
    }
    seed
}

/// Writes entries that no writer took to the ledger; nobody else is there.
fn drain(path: &Path, map: &Map, layout: &Layout) -> Result<(), StateError> {
    let (file, ledger) = (path.join("segment"), path.join("ledger.db"));
    let damaged = |error: tierkit_core::error::Error| {
        StateError::new(&file, error, "move it away; the ledger has all but its last entries")
    };
    tierkit_core::segment::recover(map.view(), layout.log()).map_err(damaged)?;
    let names = Directory::read(map.view(), layout).unwrap_or_default().names;
    let base = map.view().load(layout.header(Word::Base as usize)).cast_signed();
    let (mut book, mut scopes) = (Book::open(&ledger)?, Scopes::new(names));
    let last = book.last();
    let waiting = layout.waiting(map.view());
    let entries = waiting.filter_map(|seq| Some((base.saturating_add_unsigned(seq) + 1, layout.entry(map.view(), seq)?)));
    let rows: Vec<(i64, Row)> =
        entries.filter(|(seq, _)| *seq > last).map(|(seq, entry)| (seq, Row::new(entry, &mut scopes))).collect();
    book.write(&rows)
}

/// Gives this process a number in the segment.
fn join(path: &Path, layout: Layout, map: Map, procs: Locks, lock_file: File) -> Result<Segment, StateError> {
    let most = layout.owners().words;
    let number = owners::claim(&procs, most).ok_or_else(|| {
        let seen = format!("{} processes use it", most - 1);
        StateError::new(path, seen, "use fewer processes per state directory")
    })?;
    let seed = seed(&map, &layout);
    let base = map.view().load(layout.header(Word::Base as usize)).cast_signed();
    let at = |word: Word| layout.header(word as usize);
    let lock = Lock { holder: at(Word::Lock), turns: at(Word::Turns), log: layout.log() };
    let owners = Owners { names: layout.owners(), given: at(Word::Given) };
    let previous = owners.named(map.view(), number);
    let me = owners.name(map.view(), number).unwrap_or(number);
    let (path, forks) = (path.to_owned(), fork::forks());
    let (turn, latest) = (Mutex::new(Known::default()), RwLock::default());
    let segment = Segment { path, layout, map, procs, lock_file, lock, owners, seed, me, base, forks, turn, latest };
    if previous != 0 {
        owners::release(&segment, previous)?;
    }
    let held = segment.turn()?;
    let failed = |error: tierkit_core::error::Error| StateError::new(&segment.path, error, WRITABLE);
    let mut tx = Tx::begin(segment.words(), segment.layout.log()).map_err(failed)?;
    segment.owners.write(&mut tx, me);
    tx.commit().map_err(failed)?;
    drop(held);
    Ok(segment)
}
