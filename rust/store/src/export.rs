//! Every entry of a ledger in order, a portion at a time: no snapshot is held between portions, since entries never change.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row as SqlRow, params};

use crate::error::StateError;
use crate::schema::open_reader;

const ENTRIES: &str = "SELECT seq, reservation, kind, at_ns, nano_usd, saved_nano_usd, flags, labels, units, usage, adjustment
  FROM entry NOT INDEXED WHERE seq > ? AND seq <= ? AND at_ns >= ? AND at_ns < ? ORDER BY seq LIMIT ?";
const POSTINGS: &str = "SELECT rule, scope, start_ns, end_ns, posted, pending FROM posting WHERE seq = ? ORDER BY rule, scope";

/// The change of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule's name.
    pub rule: String,
    /// The scope as JSON.
    pub scope: String,
    /// Start and end of the window, nanoseconds since 1970.
    pub window_ns: (i64, i64),
    /// Change of what is spent, nano-USD.
    pub posted: i64,
    /// Change of what is on hold, nano-USD.
    pub pending: i64,
}

/// One entry with everything that it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Its place in the ledger.
    pub seq: i64,
    /// The reservation.
    pub id: String,
    /// `reserve`, `post`, `void`, `expire` or `adjust`.
    pub kind: String,
    /// When, nanoseconds since 1970.
    pub at_ns: i64,
    /// Amount and what a cache hit saved, nano-USD.
    pub nusd: (i64, i64),
    /// Marks, see `tierkit_core::ledger::Flags`.
    pub flags: i64,
    /// Labels as JSON.
    pub labels: String,
    /// Units as JSON; `usd` in nano-USD.
    pub units: String,
    /// Usage as JSON.
    pub usage: Option<String>,
    /// The adjustment's own id.
    pub adjustment: Option<String>,
    /// The accounts that it changed.
    pub changes: Vec<Change>,
}

/// A walk through the entries of a span of time, up to the last that was there at its start.
#[derive(Debug)]
pub struct Entries {
    connection: Connection,
    path: PathBuf,
    seq: i64,
    last: i64,
    span_ns: (i64, i64),
}

impl Entries {
    /// Opens the ledger of a state directory; `span_ns` is from its first instant to before its second, since 1970.
    ///
    /// # Errors
    /// No ledger, or a file that is none.
    pub fn open(directory: &Path, span_ns: (i64, i64)) -> Result<Self, StateError> {
        let path = directory.join("ledger.db");
        let connection = open_reader(&path)?;
        let last = connection.query_row("SELECT max(seq) FROM entry", [], |row| row.get::<_, Option<i64>>(0));
        let last = last.map_err(|error| unreadable(&path, error))?.unwrap_or(0);
        Ok(Self { connection, path, seq: 0, last, span_ns })
    }

    /// The next entries, so many at most; none at the end.
    ///
    /// # Errors
    /// A ledger that cannot be read.
    pub fn portion(&mut self, most: u32) -> Result<Vec<LedgerEntry>, StateError> {
        let found = self.read(most).map_err(|error| unreadable(&self.path, error))?;
        self.seq = found.last().map_or(self.last, |entry| entry.seq);
        Ok(found)
    }

    fn read(&self, most: u32) -> rusqlite::Result<Vec<LedgerEntry>> {
        let mut select = self.connection.prepare_cached(ENTRIES)?;
        let mut changes = self.connection.prepare_cached(POSTINGS)?;
        let mut found = Vec::new();
        let mut rows = select.query(params![self.seq, self.last, self.span_ns.0, self.span_ns.1, most])?;
        while let Some(row) = rows.next()? {
            let mut entry = entry(row)?;
            entry.changes = changes.query_map([entry.seq], change)?.collect::<rusqlite::Result<_>>()?;
            found.push(entry);
        }
        Ok(found)
    }
}

fn unreadable(path: &Path, error: rusqlite::Error) -> StateError {
    StateError::new(path, error, "see what `tierkit ledger verify` says, and restore the file from a backup")
}

fn entry(row: &SqlRow<'_>) -> rusqlite::Result<LedgerEntry> {
    Ok(LedgerEntry {
        seq: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        at_ns: row.get(3)?,
        nusd: (row.get(4)?, row.get(5)?),
        flags: row.get(6)?,
        labels: row.get(7)?,
        units: row.get(8)?,
        usage: row.get(9)?,
        adjustment: row.get(10)?,
        changes: Vec::new(),
    })
}

fn change(row: &SqlRow<'_>) -> rusqlite::Result<Change> {
    let window_ns = (row.get(2)?, row.get(3)?);
    Ok(Change { rule: row.get(0)?, scope: row.get(1)?, window_ns, posted: row.get(4)?, pending: row.get(5)? })
}
