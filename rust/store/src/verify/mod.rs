//! Proves a ledger whole, or names the first thing that does not fit: every entry's hash is computed again from what the file
//! holds, every account and every open reservation from the entries.

mod accounts;
mod entries;
mod file;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use rusqlite::Connection;

use crate::error::StateError;
use crate::schema::open_reader;
use crate::segment::View;
use accounts::Account;

/// The first thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `entry`, `account`, `open`, `head`, `bucket` or `file`.
    pub table: &'static str,
    /// The entry, where it is one's.
    pub seq: Option<i64>,
    /// What differs, as a sentence.
    pub what: String,
}

impl Finding {
    fn new(table: &'static str, seq: Option<i64>, what: impl Into<String>) -> Self {
        Self { table, seq, what: what.into() }
    }
}

/// Why a step ended early: the ledger does not fit, or cannot be read.
enum Stop {
    Found(Finding),
    Unreadable(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Found(finding)
    }
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Entries,
    Balances,
    File,
    Done,
}

/// A check under way. It sees the ledger as it was at its start; a writer may go on.
#[derive(Debug)]
pub struct Check {
    connection: Connection,
    total: i64,
    seq: i64,
    chain: Vec<u8>,
    /// The accounts by their number.
    accounts: BTreeMap<i64, Account>,
    /// Reservations open at `seq`: the entry that opened each, and its expiry. As many as were open at once.
    open: HashMap<String, (i64, i64)>,
    stage: Stage,
    finding: Option<Finding>,
    /// The last entry that the processes of a segment beside it saw committed, and the first bytes of its hash.
    committed: Option<(i64, u64)>,
}

impl Check {
    /// Opens the ledger of a state directory for a check.
    ///
    /// # Errors
    /// No ledger, or a file that is none.
    pub fn begin(directory: &Path) -> Result<Self, StateError> {
        let path = directory.join("ledger.db");
        // Before the ledger: what was committed by then is in every later state of it.
        let committed = View::open(directory).ok().flatten().and_then(|view| view.committed().ok());
        let connection = open_reader(&path)?;
        let failed = |error: rusqlite::Error| StateError::new(&path, error, "restore the file from a backup");
        connection.execute_batch("BEGIN").map_err(failed)?;
        let last = connection.query_row("SELECT max(seq) FROM entry", [], |row| row.get::<_, Option<i64>>(0));
        let total = last.map_err(failed)?.unwrap_or(0);
        let (accounts, open, stage) = (BTreeMap::new(), HashMap::new(), Stage::Entries);
        Ok(Self { connection, total, seq: 0, chain: Vec::new(), accounts, open, stage, finding: None, committed })
    }

    /// Goes on for about so many entries; false when there is nothing more to do, with or without a finding.
    pub fn step(&mut self, entries: u32) -> bool {
        let stepped = match self.stage {
            Stage::Entries => self.check_entries(entries),
            Stage::Balances => self.check_balances(),
            Stage::File => self.check_file(),
            Stage::Done => Ok(()),
        };
        if let Err(stop) = stepped {
            self.finding = Some(match stop {
                Stop::Found(finding) => finding,
                Stop::Unreadable(error) => self.unreadable(&error),
            });
            self.stage = Stage::Done;
        }
        self.stage != Stage::Done
    }

    /// What a query that failed says of the ledger.
    fn unreadable(&self, error: &rusqlite::Error) -> Finding {
        let (table, seq) = match self.stage {
            Stage::Entries => ("entry", Some(self.seq + 1)),
            Stage::Balances => ("account", None),
            Stage::File | Stage::Done => ("file", None),
        };
        Finding::new(table, seq, format!("cannot be read: {error}"))
    }

    /// The ledger's last entry.
    pub fn total(&self) -> i64 {
        self.total
    }

    /// The last entry that was checked and fits.
    pub fn checked(&self) -> i64 {
        self.seq
    }

    /// The hash of that entry: kept elsewhere, it proves later that nothing before it was rewritten.
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// What does not fit; `None` after the last step means that the ledger is whole.
    pub fn finding(&self) -> Option<&Finding> {
        self.finding.as_ref()
    }
}
