//! The ledger's file format, version 4.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::StateError;
use crate::older::{OLDER, bring_up_to_date};

/// Marks the file as a tierkit ledger in the SQLite header.
pub const APPLICATION_ID: i64 = 0x7469_6572;
/// The format that this code reads and writes.
pub const VERSION: i64 = 4;

/// The tables. `head` repeats the last entry, so that one that is gone from the end shows. `entry.changes` is a JSON array with
/// `[account, posted, pending]` for each account that it changed, and as a fourth number the end of the window where that is
/// another one than the account's; `posting` shows them as rows.
pub const TABLES: &str = "
CREATE TABLE entry(
  seq INTEGER PRIMARY KEY,
  reservation TEXT NOT NULL,
  kind TEXT NOT NULL CHECK(kind IN ('reserve', 'post', 'void', 'expire', 'adjust')),
  at_ns INTEGER NOT NULL,
  nano_usd INTEGER NOT NULL,
  labels TEXT NOT NULL,
  units TEXT NOT NULL,
  usage TEXT,
  flags INTEGER NOT NULL DEFAULT 0,
  saved_nano_usd INTEGER NOT NULL DEFAULT 0,
  expires_ns INTEGER NOT NULL DEFAULT 0,
  hash BLOB NOT NULL,
  adjustment TEXT,
  changes TEXT NOT NULL
) STRICT;
CREATE INDEX entry_of ON entry(reservation);
CREATE TABLE account(
  id INTEGER PRIMARY KEY,
  rule TEXT NOT NULL,
  scope TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  posted INTEGER NOT NULL,
  pending INTEGER NOT NULL CHECK(pending >= 0),
  UNIQUE(rule, scope, start_ns)
) STRICT;
CREATE VIEW posting(seq, rule, scope, start_ns, end_ns, posted, pending) AS
SELECT e.seq, a.rule, a.scope, a.start_ns, coalesce(c.value ->> 3, a.end_ns), c.value ->> 1, c.value ->> 2
FROM entry e CROSS JOIN json_each(e.changes) c CROSS JOIN account a ON a.id = c.value ->> 0;
CREATE TABLE open(
  reservation TEXT PRIMARY KEY,
  seq INTEGER NOT NULL REFERENCES entry(seq),
  expires_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE head(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  seq INTEGER NOT NULL,
  hash BLOB NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0, x'');
CREATE TABLE bucket(
  rule TEXT NOT NULL,
  scope TEXT NOT NULL,
  dimension TEXT NOT NULL,
  level INTEGER NOT NULL,
  at_ns INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY(rule, scope)
) STRICT, WITHOUT ROWID;
";

/// Opens the ledger for the one writer, and makes it if it is not there.
///
/// # Errors
/// A file that is no ledger, damaged, of a newer version, or that cannot be written.
pub fn open_writer(path: &Path) -> Result<Connection, StateError> {
    let failed = |error: rusqlite::Error| StateError::new(path, error, "check that the disk has room and the file is writable");
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(failed)?;
    // SQLite opens a file that may not be written for reading, and says nothing until the first entry.
    if connection.is_readonly(rusqlite::MAIN_DB).map_err(failed)? {
        return Err(StateError::new(path, "this user may not write it", "make the file writable for the user of the governor"));
    }
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(|error| {
        StateError::new(path, error, "this is not a readable ledger; move it away or restore it from a backup")
    })?;
    // More than FULL: while the file is made, a journal that comes back after a power cut would take everything back.
    connection.pragma_update(None, "synchronous", "EXTRA").map_err(failed)?;
    if tables == 0 {
        connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
        let make = format!("BEGIN; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;");
        connection.execute_batch(&make).map_err(failed)?;
    }
    if format(&connection).map_err(failed)?.is_older() {
        bring_up_to_date(&connection).map_err(failed)?;
        drop(connection);
        // The one that changed the schema under its own feet is not trusted with it.
        return open_writer(path);
    }
    check_format(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    // A page that many groups change goes into the file once in so many pages of the log, which takes 8 MiB then.
    connection.pragma_update(None, "wal_autocheckpoint", 2_000).map_err(failed)?;
    // The one writer takes entries away nowhere, so that no reference can break; `verify` looks at all of them.
    connection.pragma_update(None, "foreign_keys", false).map_err(failed)?;
    Ok(connection)
}

/// Opens the ledger for reading only; a writer may be at work.
///
/// # Errors
/// No file, or one that is no ledger of a known version.
pub fn open_reader(path: &Path) -> Result<Connection, StateError> {
    if !path.is_file() {
        return Err(StateError::new(path, "no ledger here", "give the directory that a Governor was opened with as state="));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| StateError::new(path, error, "check that the file is readable"))?;
    check_format(&connection, path)?;
    Ok(connection)
}

/// What an SQLite file says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    application: i64,
    version: i64,
}

impl Format {
    fn is_older(self) -> bool {
        self.application == APPLICATION_ID && OLDER.contains(&self.version)
    }
}

fn format(connection: &Connection) -> rusqlite::Result<Format> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(Format { application: number("application_id")?, version: number("user_version")? })
}

fn check_format(connection: &Connection, path: &Path) -> Result<(), StateError> {
    let damaged = |error: rusqlite::Error| StateError::new(path, error, "restore the file from a backup or move it away");
    let found = format(connection).map_err(damaged)?;
    if found.application != APPLICATION_ID {
        return Err(StateError::new(
            path,
            "an SQLite file that is no tierkit ledger",
            "give another directory or move the file away",
        ));
    }
    if found.version != VERSION {
        let seen = format!("ledger format {}, this version reads {VERSION}", found.version);
        let fix = if found.is_older() {
            "open its directory once with a Governor, which brings it up to date"
        } else {
            "use the tierkit version that wrote it, or a newer one"
        };
        return Err(StateError::new(path, seen, fix));
    }
    Ok(())
}
