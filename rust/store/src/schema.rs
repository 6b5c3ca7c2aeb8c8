//! The ledger's file format, version 3.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::error::StateError;

/// Marks the file as a tierkit ledger in the SQLite header.
const APPLICATION_ID: i64 = 0x7469_6572;
/// The format that this code reads and writes.
const VERSION: i64 = 3;
/// The one before, which a writer brings up to date: it had no adjustments and no levels of buckets.
const OLDER: i64 = 2;

/// The tables. `head` repeats the last entry, so that one that is gone from the end shows.
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
  adjustment TEXT
) STRICT;
CREATE INDEX entry_of ON entry(reservation);
CREATE INDEX entry_at ON entry(at_ns);
CREATE TABLE posting(
  seq INTEGER NOT NULL REFERENCES entry(seq),
  rule TEXT NOT NULL,
  scope TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  posted INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  PRIMARY KEY(seq, rule, scope)
) STRICT, WITHOUT ROWID;
CREATE TABLE account(
  rule TEXT NOT NULL,
  scope TEXT NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER NOT NULL,
  posted INTEGER NOT NULL,
  pending INTEGER NOT NULL CHECK(pending >= 0),
  PRIMARY KEY(rule, scope, start_ns)
) STRICT, WITHOUT ROWID;
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
    let connection = if format(&connection).map_err(failed)? == (APPLICATION_ID, OLDER) {
        update(&connection).map_err(failed)?;
        drop(connection);
        // The one that changed the schema under its own feet is not trusted with it.
        return open_writer(path);
    } else {
        connection
    };
    check_format(&connection, path)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
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

/// Brings a ledger of the older format up to date, whole or not at all. A column at the end of a table and a wider CHECK need no
/// row to be written again, so only the text of the schema changes.
fn update(connection: &Connection) -> rusqlite::Result<()> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(TABLES)?;
    let text =
        |name: &str| fresh.query_row("SELECT sql FROM sqlite_schema WHERE name = ?", [name], |row| row.get::<_, String>(0));
    let transaction = connection.unchecked_transaction()?;
    let schema: i64 = transaction.pragma_query_value(None, "schema_version", |row| row.get(0))?;
    transaction.execute_batch(&format!("{}; PRAGMA writable_schema = ON;", text("bucket")?))?;
    transaction.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'entry'", [text("entry")?])?;
    transaction.execute_batch(&format!(
        "PRAGMA schema_version = {}; PRAGMA writable_schema = OFF; PRAGMA user_version = {VERSION};",
        schema + 2
    ))?;
    transaction.commit()
}

/// What an SQLite file says that it is: whose, and of which version.
fn format(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((number("application_id")?, number("user_version")?))
}

fn check_format(connection: &Connection, path: &Path) -> Result<(), StateError> {
    let damaged = |error: rusqlite::Error| StateError::new(path, error, "restore the file from a backup or move it away");
    let (application, version) = format(connection).map_err(damaged)?;
    if application != APPLICATION_ID {
        return Err(StateError::new(
            path,
            "an SQLite file that is no tierkit ledger",
            "give another directory or move the file away",
        ));
    }
    if version != VERSION {
        let seen = format!("ledger format {version}, this version reads {VERSION}");
        let fix = match version {
            OLDER => "open its directory once with a Governor, which brings it up to date",
            _ => "use the tierkit version that wrote it, or a newer one",
        };
        return Err(StateError::new(path, seen, fix));
    }
    Ok(())
}
