//! Accounts and open reservations, computed again from the entries.

use std::collections::BTreeMap;

use rusqlite::Connection;
use tierkit_core::units::format_nusd;

use super::{Check, Finding, Stage, Stop};
use crate::buckets::load;

/// An account as it stands in the file, and what the entries so far make of it.
#[derive(Debug)]
pub struct Account {
    /// The rule's name.
    pub rule: String,
    /// The scope as JSON.
    pub scope: String,
    /// Start of its window, nanoseconds since 1970.
    pub start_ns: i64,
    /// End of its window.
    pub end_ns: i64,
    kept: [i64; 2],
    /// Posted and pending by its entries; none before the first.
    sums: Option<[i64; 2]>,
}

impl Account {
    /// Every account by its number.
    pub(super) fn load(connection: &Connection) -> rusqlite::Result<BTreeMap<i64, Self>> {
        let mut select = connection.prepare("SELECT id, rule, scope, start_ns, end_ns, posted, pending FROM account")?;
        let account = |row: &rusqlite::Row<'_>| {
            let (rule, scope, start_ns, end_ns) = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, Self { rule, scope, start_ns, end_ns, kept: [row.get(5)?, row.get(6)?], sums: None }))
        };
        select.query_map([], account)?.collect()
    }

    /// Adds the change of an entry.
    pub fn add(&mut self, [posted, pending]: [i64; 2]) {
        let [to_posted, to_pending] = self.sums.unwrap_or_default();
        self.sums = Some([to_posted.saturating_add(posted), to_pending.saturating_add(pending)]);
    }

    /// What differs between the account that is kept and the one that its entries make.
    fn difference(&self) -> Option<Finding> {
        let name = format!("'{}' {}, window from {} ns", self.rule, self.scope, self.start_ns);
        let money = |[posted, pending]: [i64; 2]| format!("posted {}, pending {}", format_nusd(posted), format_nusd(pending));
        let what = match self.sums {
            Some(sums) if sums == self.kept => return None,
            Some(sums) => format!("{name}: {}, but its postings make {}", money(self.kept), money(sums)),
            None => format!("{name}: no entry made it"),
        };
        Some(Finding::new("account", None, what))
    }
}

impl Check {
    /// Checks every account, then the table of open reservations.
    pub(super) fn check_balances(&mut self) -> Result<(), Stop> {
        self.check_accounts()?;
        self.check_open()?;
        self.check_levels()?;
        self.stage = Stage::File;
        Ok(())
    }

    fn check_accounts(&self) -> Result<(), Stop> {
        self.accounts.values().find_map(Account::difference).map_or(Ok(()), |finding| Err(finding.into()))
    }

    fn check_levels(&self) -> Result<(), Stop> {
        match load(&self.connection)?.iter().find(|(level, hash)| *hash != level.hash()) {
            Some((level, _)) => {
                let what =
                    format!("{} {}: its hash is not that of its columns; one of these was changed", level.rule, level.scope);
                Err(Finding::new("bucket", None, what).into())
            }
            None => Ok(()),
        }
    }

    fn check_open(&mut self) -> Result<(), Stop> {
        let mut select = self.connection.prepare("SELECT reservation, seq, expires_ns FROM open")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (id, seq, expires_ns): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let what = match self.open.remove(&id) {
                Some(opened) if opened == (seq, expires_ns) => continue,
                Some((opened, expires)) => {
                    format!(
                        "'{id}': entry {seq}, expiry {expires_ns} ns, but it was reserved by entry {opened} until {expires} ns"
                    )
                }
                None => format!("'{id}': listed as open, but the entries say that it is not"),
            };
            return Err(Finding::new("open", Some(seq), what).into());
        }
        match self.open.iter().min_by_key(|(_, (seq, _))| *seq) {
            Some((id, (seq, _))) => {
                Err(Finding::new("open", Some(*seq), format!("'{id}': reserved and not ended, but not listed as open")).into())
            }
            None => Ok(()),
        }
    }
}
