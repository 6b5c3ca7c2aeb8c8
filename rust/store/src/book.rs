//! The ledger file in the hands of its one writer: a group of entries becomes one transaction, whole or not at all.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, params};
use tierkit_core::ledger::{EntryKind, Posting, ReservationId};

use crate::chain::Link;
use crate::changes::{Change, changes_json};
use crate::error::StateError;
use crate::row::{Row, Scope};
use crate::schema::open_writer;

/// Accounts whose numbers are remembered at most; then all are forgotten.
const MOST_ACCOUNTS: usize = 16_384;

/// An account by its scope and the start of its window.
type Account = (Arc<Scope>, i64);

/// Its number in the file and the end of its window.
#[derive(Debug, Clone, Copy)]
struct Numbered {
    id: i64,
    end_ns: i64,
}

/// An open ledger.
#[derive(Debug)]
pub struct Book {
    connection: Connection,
    path: PathBuf,
    last: i64,
    chain: Vec<u8>,
    accounts: HashMap<Account, Numbered>,
}

impl Book {
    /// Opens the ledger for writing, and makes it if it is not there.
    ///
    /// # Errors
    /// As [`open_writer`], or a last entry that cannot be read.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let connection = open_writer(path)?;
        let (last, chain) = last_entry(&connection, path)?;
        Ok(Self { connection, path: path.to_owned(), last, chain, accounts: HashMap::new() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the last entry; 0 before the first.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// The hash of the last entry; empty before the first.
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// The hash of an entry.
    ///
    /// # Errors
    /// An entry that is not there.
    pub fn hash_of(&self, seq: i64) -> Result<Vec<u8>, StateError> {
        if seq == self.last {
            return Ok(self.chain.clone());
        }
        let found = self.connection.prepare_cached("SELECT hash FROM entry WHERE seq = ?");
        found
            .and_then(|mut select| select.query_row([seq], |row| row.get(0)))
            .map_err(|error| StateError::new(&self.path, error, "restore the file from a backup or move it away"))
    }

    /// For what is no entry.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Writes numbered entries that follow the last one.
    ///
    /// # Errors
    /// What SQLite says; then nothing was written.
    pub fn write(&mut self, rows: &[(i64, Row)]) -> Result<(), StateError> {
        let Some((last, _)) = rows.last() else { return Ok(()) };
        if self.accounts.len() > MOST_ACCOUNTS {
            self.accounts.clear();
        }
        match write(&self.connection, rows, &self.chain, &mut self.accounts) {
            Ok(chain) => {
                (self.last, self.chain) = (*last, chain);
                Ok(())
            }
            Err(error) => {
                // Some may have been numbered by what was taken back.
                self.accounts.clear();
                let fix = "free disk space or make the file writable; entries are kept and tried again";
                Err(StateError::new(&self.path, error, fix))
            }
        }
    }
}

fn last_entry(connection: &Connection, path: &Path) -> Result<(i64, Vec<u8>), StateError> {
    let last = connection
        .query_row("SELECT seq, hash FROM entry ORDER BY seq DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .or_else(|error| if error == rusqlite::Error::QueryReturnedNoRows { Ok((0, Vec::new())) } else { Err(error) });
    last.map_err(|error| StateError::new(path, error, "restore the file from a backup or move it away"))
}

/// What a group changes beside its entries. Only what is so at its end is written: in a busy ledger most entries of a group are
/// about a few accounts, and most reservations end in the group in which they begin.
#[derive(Default)]
struct Group<'a> {
    /// Change of posted and pending by account, and whether the group made the account.
    sums: BTreeMap<i64, ([i64; 2], bool)>,
    /// Reservations that it opened or closed.
    open: BTreeMap<&'a str, Standing>,
}

/// How a reservation stands at the end of a group.
#[derive(Default)]
struct Standing {
    /// Its entry and its expiry, while it is open.
    opened: Option<(i64, i64)>,
    /// Whether it was closed before it was opened, so that the file may still have it.
    is_kept: bool,
}

/// A transaction that is taken back unless it is committed, by statements that are compiled once: a strict group is small.
struct Whole<'a>(&'a Connection);

impl<'a> Whole<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Self(connection))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(|_| ())
    }
}

impl Drop for Whole<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

fn write(
    connection: &Connection,
    rows: &[(i64, Row)],
    chain: &[u8],
    accounts: &mut HashMap<Account, Numbered>,
) -> rusqlite::Result<Vec<u8>> {
    let transaction = Whole::begin(connection)?;
    let mut chain = chain.to_vec();
    let mut group = Group::default();
    {
        let mut insert = connection.prepare_cached(
            "INSERT INTO entry(seq, reservation, kind, at_ns, nano_usd, labels, units, usage, flags, saved_nano_usd, expires_ns, hash,
                               adjustment, changes)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        for (seq, row) in rows {
            let entry = &row.entry;
            chain = Link::of(*seq, row).hash(&chain).to_vec();
            let changes = group.changes(connection, row, accounts)?;
            insert.execute(params![
                seq,
                entry.id.as_str(),
                entry.kind.as_str(),
                entry.at_ns,
                entry.nusd,
                row.labels,
                row.units,
                row.usage,
                entry.flags.0,
                entry.saved_nusd,
                entry.expires_ns,
                chain,
                entry.adjustment.as_ref().map(ReservationId::as_str),
                changes_json(&changes),
            ])?;
            group.follow(*seq, row);
        }
    }
    group.write(connection)?;
    if let Some((last, _)) = rows.last() {
        connection.prepare_cached("UPDATE head SET seq = ?, hash = ?")?.execute(params![last, chain])?;
    }
    transaction.commit()?;
    Ok(chain)
}

impl<'a> Group<'a> {
    /// The changes of an entry, added to those of the group.
    fn changes(
        &mut self,
        connection: &Connection,
        row: &Row,
        accounts: &mut HashMap<Account, Numbered>,
    ) -> rusqlite::Result<Vec<Change>> {
        let mut changes = Vec::with_capacity(row.scopes.len());
        for (posting, scope) in row.entry.postings.iter().zip(&row.scopes) {
            let key = (Arc::clone(scope), posting.start_ns);
            let numbered = match accounts.get(&key) {
                Some(numbered) => *numbered,
                None => {
                    let numbered = self.number(connection, scope, posting)?;
                    accounts.insert(key, numbered);
                    numbered
                }
            };
            let ([posted, pending], _) = self.sums.entry(numbered.id).or_default();
            (*posted, *pending) = (posted.saturating_add(posting.posted), pending.saturating_add(posting.pending));
            let end_ns = Some(posting.end_ns).filter(|end_ns| *end_ns != numbered.end_ns);
            changes.push(Change { account: numbered.id, sums: [posting.posted, posting.pending], end_ns });
        }
        Ok(changes)
    }

    /// The number of an account, which is made when there is none.
    fn number(&mut self, connection: &Connection, scope: &Scope, posting: &Posting) -> rusqlite::Result<Numbered> {
        let mut select =
            connection.prepare_cached("SELECT id, end_ns FROM account WHERE rule = ? AND scope = ? AND start_ns = ?")?;
        let mut rows = select.query(params![scope.rule, scope.key, posting.start_ns])?;
        if let Some(row) = rows.next()? {
            return Ok(Numbered { id: row.get(0)?, end_ns: row.get(1)? });
        }
        let mut insert = connection
            .prepare_cached("INSERT INTO account(rule, scope, start_ns, end_ns, posted, pending) VALUES (?, ?, ?, ?, 0, 0)")?;
        let id = insert.insert(params![scope.rule, scope.key, posting.start_ns, posting.end_ns])?;
        self.sums.insert(id, ([0, 0], true));
        Ok(Numbered { id, end_ns: posting.end_ns })
    }

    /// Notes which reservations are open.
    fn follow(&mut self, seq: i64, row: &'a Row) {
        let (id, expires_ns) = (row.entry.id.as_str(), row.entry.expires_ns);
        if row.entry.kind == EntryKind::Reserve {
            self.open.entry(id).or_default().opened = Some((seq, expires_ns));
        } else if self.open.get(id).is_some_and(|standing| standing.opened.is_some() && !standing.is_kept) {
            self.open.remove(id);
        } else {
            self.open.insert(id, Standing { opened: None, is_kept: true });
        }
    }

    fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut change =
            connection.prepare_cached("UPDATE account SET posted = posted + ?, pending = pending + ? WHERE id = ?")?;
        for (id, ([posted, pending], is_fresh)) in &self.sums {
            // A release changes an account that its reserve made; a fresh one has pending >= 0.
            let pending = if *is_fresh { 0.max(*pending) } else { *pending };
            change.execute(params![posted, pending, id])?;
        }
        let mut open = connection.prepare_cached("INSERT OR REPLACE INTO open(reservation, seq, expires_ns) VALUES (?, ?, ?)")?;
        let mut close = connection.prepare_cached("DELETE FROM open WHERE reservation = ?")?;
        for (id, standing) in &self.open {
            match standing.opened {
                Some((seq, expires_ns)) => open.execute(params![id, seq, expires_ns])?,
                None => close.execute([id])?,
            };
        }
        Ok(())
    }
}
