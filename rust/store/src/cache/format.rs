//! The cache file's format, version 1.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior, params};
use tierkit_core::cache::row::QUANTISER;
use tierkit_core::clock::Clock;

use super::handle::is_damage;
use crate::clock::SystemClock;
use crate::error::StateError;

/// Marks the file as a tierkit cache in the SQLite header.
const APPLICATION_ID: i64 = 0x746b_6361;
/// The format that this code reads and writes.
const FORMAT: i64 = 1;
/// How long another process that uses the file is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether the first bytes of a file name it as a tierkit cache, however damaged the rest is. Reads it without SQLite, whose
/// locks of this process end with that: only for one who is alone with the file.
pub fn is_marked(path: &Path) -> bool {
    let mut header = [0; 72];
    let read = std::fs::File::open(path).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut header));
    let mark = header.last_chunk::<4>().map(|bytes| i64::from(i32::from_be_bytes(*bytes)));
    read.is_ok() && mark == Some(APPLICATION_ID)
}

/// The tables. Every change has a number: an entry that of its put, a `gone` row that of what removed entries, so that who has
/// seen all up to one number reads what is above it. Values stand last, so that reading the rest does not touch them.
const TABLES: &str = "
CREATE TABLE meta(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  format INTEGER NOT NULL,
  encoder_id TEXT NOT NULL,
  dim INTEGER NOT NULL,
  quantiser TEXT NOT NULL,
  created_ns INTEGER NOT NULL,
  secret BLOB NOT NULL,
  head INTEGER NOT NULL,
  trimmed INTEGER NOT NULL
) STRICT;
CREATE TABLE entry(
  seq INTEGER PRIMARY KEY,
  id INTEGER NOT NULL UNIQUE,
  part BLOB NOT NULL,
  key BLOB NOT NULL,
  owner TEXT NOT NULL,
  tag TEXT NOT NULL,
  text TEXT NOT NULL,
  row BLOB,
  epoch INTEGER NOT NULL,
  put_ns INTEGER NOT NULL,
  put_wall_ns INTEGER NOT NULL,
  expires_ns INTEGER NOT NULL,
  expires_wall_ns INTEGER NOT NULL,
  saved_nusd INTEGER NOT NULL,
  value_bytes INTEGER NOT NULL,
  value_sum BLOB NOT NULL,
  sum BLOB NOT NULL,
  praise INTEGER NOT NULL DEFAULT 0,
  value BLOB NOT NULL
) STRICT;
CREATE TABLE gone(
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK(kind IN ('drop', 'cut', 'purge')),
  id INTEGER,
  part BLOB,
  owner TEXT,
  tag TEXT,
  epoch INTEGER,
  before_ns INTEGER,
  before_wall_ns INTEGER
) STRICT;
CREATE TABLE tally(
  owner TEXT PRIMARY KEY,
  exact INTEGER NOT NULL,
  semantic INTEGER NOT NULL,
  saved_nusd INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// What a file must have been made for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Values per vector.
    pub dim: usize,
    /// The name of what makes the vectors.
    pub encoder: String,
    /// The secret of a fresh file.
    pub secret: [u8; 32],
    /// When a fresh file is made, since 1970.
    pub created_ns: i64,
}

/// Opens a file that is there.
///
/// # Errors
/// One that cannot be read or written.
pub fn connect(path: &Path) -> Result<Connection, StateError> {
    let failed = |error: rusqlite::Error| StateError::new(path, error, "check that the disk has room and the file is writable");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(StateError::new(path, "this user may not write it", "make the file writable for the user of the cache"));
    }
    // These two wait until the file is read, so a file that is no database fails where its caller looks for that.
    let _ = connection.pragma_update(None, "synchronous", "NORMAL");
    let _ = connection.pragma_update(None, "journal_size_limit", 64 << 20);
    Ok(connection)
}

/// Begins a change of the file.
///
/// # Errors
/// What SQLite says; another process that writes is waited for.
pub fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Makes the tables of a file that has none. Two that begin a file at once are one in the way of the other while its log is
/// begun, and SQLite waits for nobody there.
///
/// # Errors
/// What SQLite says.
pub fn make(connection: &mut Connection, wanted: &Wanted) -> rusqlite::Result<()> {
    let began_ns = SystemClock.boot_ns();
    let waited = || Duration::from_nanos(SystemClock.boot_ns().saturating_sub(began_ns));
    let is_busy = |error: &rusqlite::Error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy);
    loop {
        let made = make_once(connection, wanted);
        if !made.as_ref().is_err_and(is_busy) || waited() > PATIENCE {
            return made;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn make_once(connection: &mut Connection, wanted: &Wanted) -> rusqlite::Result<()> {
    if tables(connection)? > 0 {
        return Ok(());
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = begin(connection)?;
    // Another process may have made them in between.
    if tables(&transaction)? == 0 {
        transaction.execute_batch(TABLES)?;
        let values = params![
            FORMAT,
            wanted.encoder,
            i64::try_from(wanted.dim).unwrap_or(i64::MAX),
            QUANTISER,
            wanted.created_ns,
            wanted.secret
        ];
        transaction.execute("INSERT INTO meta VALUES (1, ?, ?, ?, ?, ?, ?, 0, 0)", values)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()
}

fn tables(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
}

/// What is wrong with a file.
#[derive(Debug)]
pub enum Wrong {
    /// It is ours and damaged: it may be moved aside, since answers can be asked for again.
    Damaged(String),
    /// SQLite cannot read so much as whose it is.
    Unreadable(String),
    /// It is not for us, and not ours to touch.
    Refused(StateError),
}

/// The secret of a file that fits; without `wanted`, of any that this code reads.
///
/// # Errors
/// A file of another program, format, encoder or dimension, or a damaged one.
pub fn check(connection: &Connection, path: &Path, wanted: Option<&Wanted>) -> Result<[u8; 32], Wrong> {
    let refused = |seen: String, fix: &str| Wrong::Refused(StateError::new(path, seen, fix));
    let application = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    match application {
        Ok(APPLICATION_ID) => {}
        Ok(0) if tables(connection) == Ok(0) => {
            return Err(refused(
                "an SQLite file with nothing in it".to_owned(),
                "open a cache on it first, or give another path",
            ));
        }
        Ok(_) => return Err(refused("an SQLite file that is no tierkit cache".to_owned(), "give another path")),
        Err(error) if is_damage(&error) => return Err(Wrong::Unreadable(error.to_string())),
        Err(error) => return Err(refused(error.to_string(), "check that the file is readable and not locked for long")),
    }
    let unreadable = |error: rusqlite::Error| {
        if is_damage(&error) || error == rusqlite::Error::QueryReturnedNoRows {
            return Wrong::Damaged(error.to_string());
        }
        refused(error.to_string(), "check that the file is readable and not locked for long")
    };
    let columns = "SELECT format, encoder_id, dim, quantiser, secret FROM meta";
    let format: i64 = connection.query_row("SELECT format FROM meta", [], |row| row.get(0)).map_err(unreadable)?;
    if format != FORMAT {
        let fix = "use the tierkit version that wrote it, or delete it to start an empty cache";
        return Err(refused(format!("cache format {format}, this version reads {FORMAT}"), fix));
    }
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?));
    let found: (String, i64, String, Vec<u8>) = connection.query_row(columns, [], read).map_err(unreadable)?;
    let (encoder, dim, quantiser, secret) = found;
    let fix = "open it with the encoder that it was made with, or delete it to start an empty cache";
    if let Some(wanted) = wanted {
        if i64::try_from(wanted.dim) != Ok(dim) {
            return Err(refused(format!("vectors of {dim} values, this cache makes {}", wanted.dim), fix));
        }
        if encoder != wanted.encoder {
            return Err(refused(format!("vectors of encoder '{encoder}', this cache uses '{}'", wanted.encoder), fix));
        }
    }
    if quantiser != QUANTISER {
        return Err(refused(format!("rows in the form '{quantiser}', this version reads '{QUANTISER}'"), fix));
    }
    secret.try_into().map_err(|_| Wrong::Damaged("its secret is not 32 bytes".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn all_that_begin_one_file_at_once_get_the_same() {
        for round in 0_u8..40 {
            let path = std::env::temp_dir().join(format!("tierkit-begun-{}-{round}", std::process::id()));
            std::fs::write(&path, b"").unwrap();
            let begun = Barrier::new(6);
            let begin = |me: u8| {
                let wanted = Wanted { dim: 8, encoder: String::new(), secret: [me; 32], created_ns: 0 };
                let mut connection = connect(&path).unwrap();
                begun.wait();
                make(&mut connection, &wanted).unwrap();
                check(&connection, &path, Some(&wanted)).unwrap()
            };
            let secrets: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (1..=6)
                    .map(|me| {
                        let begin = &begin;
                        scope.spawn(move || begin(me))
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(secrets.iter().all(|secret| *secret == secrets[0]), "{secrets:?}");
            for ending in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{ending}", path.display()));
            }
        }
    }
}
