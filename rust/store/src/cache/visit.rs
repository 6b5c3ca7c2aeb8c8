//! `CacheFile`: a cache file seen from outside, beside the processes that use it. What is removed here, they follow.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::bell::Bell;
use super::changes::{self, PurgeMark};
use super::file::{beside, refusal};
use super::format::{begin, check, connect};
use super::rows::Rows;
use super::times::Times;
use crate::error::StateError;
use crate::plain;
use crate::segment::fork;

const READABLE: &str = "check that the file is whole; a process that opens it moves a damaged one aside";
/// Lives of entries that a row still has, for all clocks that rows are kept by.
const ALIVE: &str = "((epoch = ?1 AND expires_ns > ?2) OR (epoch <> ?1 AND expires_wall_ns > ?3))";

/// A file of cached answers.
#[derive(Debug)]
pub struct CacheFile {
    path: PathBuf,
    bell: Bell,
    rows: Rows,
    times: Times,
}

/// What a file holds for one owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnerStats {
    /// The owner's name.
    pub owner: String,
    /// Entries that still answer.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Hits by equal key so far.
    pub exact: u64,
    /// Hits by likeness so far.
    pub semantic: u64,
    /// What hits saved so far, in nano-USD.
    pub saved_nusd: i64,
}

/// What a file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileStats {
    /// By owner, sorted by name.
    pub owners: Vec<OwnerStats>,
    /// Reports of wrong answers that are remembered.
    pub reports: u64,
    /// Bytes on disk, the log included.
    pub file_bytes: u64,
    /// The name of what makes the vectors, and their dimension.
    pub encoder: (String, u64),
}

/// One entry of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileEntry {
    /// Its place in the file.
    pub seq: i64,
    /// Its number, as hits show it.
    pub id: u64,
    /// Whom it is kept for.
    pub owner: String,
    /// What its owner wrote on it.
    pub tag: String,
    /// The question.
    pub text: String,
    /// When it was put and when it ends, since 1970.
    pub span_ns: (i64, i64),
    /// What one hit saves, in nano-USD.
    pub saved_nusd: i64,
    /// The length of the value.
    pub value_bytes: usize,
    /// The value, if it was asked for.
    pub value: Option<Vec<u8>>,
}

impl CacheFile {
    /// Looks at a file that is there.
    ///
    /// # Errors
    /// No file, a link, or one that is no cache of this format.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        if std::fs::symlink_metadata(path).is_err() {
            let fix = "give the file of a SemanticCache, or the directory that a Governor was opened with as state=";
            return Err(StateError::new(path, "no cache here", fix));
        }
        plain::check(path)?;
        let _unforked = fork::hold();
        let connection = connect(path)?;
        let (secret, dim) = match check(&connection, path, None) {
            Ok(secret) => (secret, dim_of(&connection).map_err(|error| StateError::new(path, error, READABLE))?),
            Err(wrong) => return Err(refusal(path, wrong)),
        };
        let (bell, alone) = Bell::open(&beside(path, "-bell"))?;
        if alone {
            bell.share().map_err(|error| StateError::new(path, error, "use a local file system that supports locks"))?;
        }
        Ok(Self { path: path.to_owned(), bell, rows: Rows::new(secret, dim), times: Times::new(None) })
    }

    fn work<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, StateError> {
        let _unforked = fork::hold();
        let mut connection = connect(&self.path)?;
        work(&mut connection).map_err(|error| StateError::new(&self.path, error, READABLE))
    }

    /// What it holds, and what hits saved.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn stats(&self) -> Result<FileStats, StateError> {
        let now = self.times.keep(self.times.now().0);
        let size = |ending: &str| std::fs::metadata(beside(&self.path, ending)).map_or(0, |found| found.len());
        let file_bytes = size("") + size("-wal");
        self.work(|connection| {
            let sql = format!(
                "SELECT owner, sum(entries), sum(bytes), sum(exact), sum(semantic), sum(saved) FROM (
                   SELECT owner, count(*) AS entries, sum(value_bytes + length(part) + length(key) + length(CAST(text AS BLOB))
                     + ifnull(length(row), 0)) AS bytes, 0 AS exact, 0 AS semantic, 0 AS saved FROM entry WHERE {ALIVE} GROUP BY owner
                   UNION ALL SELECT owner, 0, 0, exact, semantic, saved_nusd FROM tally)
                 GROUP BY owner ORDER BY owner"
            );
            let mut select = connection.prepare(&sql)?;
            let owners = select.query_map((now.epoch, now.ns, now.wall_ns), |row| {
                let count = |at: usize| row.get::<_, i64>(at).map(|count| u64::try_from(count).unwrap_or(0));
                Ok(OwnerStats {
                    owner: row.get(0)?,
                    entries: count(1)?,
                    bytes: count(2)?,
                    exact: count(3)?,
                    semantic: count(4)?,
                    saved_nusd: row.get(5)?,
                })
            })?;
            let owners = owners.collect::<rusqlite::Result<Vec<_>>>()?;
            let reports: i64 =
                connection.query_row("SELECT count(*) FROM gone WHERE kind = 'cut'", [], |row| row.get(0))?;
            let encoder: String = connection.query_row("SELECT encoder_id FROM meta", [], |row| row.get(0))?;
            let dim = dim_of(connection)? as u64;
            Ok(FileStats { owners, reports: u64::try_from(reports).unwrap_or(0), file_bytes, encoder: (encoder, dim) })
        })
    }

    /// The entries above a place that still answer, in order, and the place to go on from; None at the end.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn entries(&self, above: i64, most: usize, values: bool) -> Result<Option<(i64, Vec<FileEntry>)>, StateError> {
        let now_ns = self.times.now().0;
        self.work(|connection| {
            let rows = self.rows.above(connection, above, most, &self.times)?;
            let Some(last) = rows.last().map(|row| row.as_ref().map_or_else(|seq| *seq, |record| record.seq)) else {
                return Ok(None);
            };
            let mut found = Vec::new();
            for record in rows.into_iter().flatten().filter(|record| now_ns < record.expires_ns) {
                let whole = if values { self.rows.whole(connection, record.seq, &self.times)? } else { None };
                if values && whole.is_none() {
                    continue; // removed in between, or damaged
                }
                let wall_ns = |ns| self.times.keep(ns).wall_ns;
                found.push(FileEntry {
                    seq: record.seq,
                    id: record.id,
                    span_ns: (wall_ns(record.put_ns), wall_ns(record.expires_ns)),
                    owner: record.owner.into(),
                    tag: record.tag.into(),
                    text: record.text.into(),
                    saved_nusd: record.saved_nusd,
                    value_bytes: record.value_bytes,
                    value: whole.and_then(|record| record.value).map(|value| value.to_vec()),
                });
            }
            Ok(Some((last, found)))
        })
    }

    /// Removes what fits a mark and was put longer ago than an age; gives how many entries.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn purge(&self, mark: &PurgeMark, age_ns: i64) -> Result<usize, StateError> {
        let before = self.times.keep(self.times.now().0.saturating_add(1).saturating_sub(age_ns));
        self.change(|connection, seq| changes::purge(connection, mark, before, seq))
    }

    /// Notes that the answer of an entry was wrong; tells whether the file held it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn report(&self, id: u64) -> Result<bool, StateError> {
        self.change(|connection, seq| changes::cut(connection, id, seq))
    }

    fn change<T>(&self, change: impl FnOnce(&Connection, i64) -> rusqlite::Result<T>) -> Result<T, StateError> {
        let (head, answer) = self.work(|connection| {
            let transaction = begin(connection)?;
            let seq = changes::head(&transaction)?.0 + 1;
            let answer = change(&transaction, seq)?;
            changes::set_head(&transaction, seq)?;
            transaction.commit()?;
            Ok((seq, answer))
        })?;
        self.bell.tell(head);
        Ok(answer)
    }
}

fn dim_of(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("SELECT dim FROM meta", [], |row| row.get::<_, i64>(0)).map(|dim| usize::try_from(dim).unwrap_or(0))
}
