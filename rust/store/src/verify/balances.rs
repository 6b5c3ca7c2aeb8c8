//! Accounts and open reservations, computed again from the entries.

use rusqlite::{Row as SqlRow, Rows};
use tierkit_core::units::format_nusd;

use super::{Check, Finding, Stage, Stop};
use crate::buckets::load;

const STORED: &str = "SELECT rule, scope, start_ns, end_ns, posted, pending FROM account ORDER BY rule, scope, start_ns";
/// The end of a window is that of its first posting; SQLite takes bare columns from the row of `min`.
const SUMMED: &str = "SELECT rule, scope, start_ns, end_ns, sum(posted), sum(pending), min(seq)
  FROM posting GROUP BY rule, scope, start_ns ORDER BY rule, scope, start_ns";

/// An account: rule, scope and start of its window; end, posted, pending.
type Account = ((String, String, i64), [i64; 3]);

fn account(row: &SqlRow<'_>) -> rusqlite::Result<Account> {
    Ok(((row.get(0)?, row.get(1)?, row.get(2)?), [row.get(3)?, row.get(4)?, row.get(5)?]))
}

fn next(rows: &mut Rows<'_>) -> rusqlite::Result<Option<Account>> {
    rows.next()?.map(account).transpose()
}

fn named((rule, scope, start_ns): &(String, String, i64)) -> String {
    format!("'{rule}' {scope}, window from {start_ns} ns")
}

/// What differs between an account that is kept and the one that its postings make.
fn difference(stored: Option<&Account>, summed: Option<&Account>) -> Option<Finding> {
    let what = match (stored, summed) {
        (None, None) => return None,
        (Some((key, [end, posted, pending])), Some((other, sums @ [to_end, to_posted, to_pending]))) if key == other => {
            if [end, posted, pending] == sums.each_ref() {
                return None;
            }
            let money = |posted: i64, pending: i64| format!("posted {}, pending {}", format_nusd(posted), format_nusd(pending));
            format!(
                "{}: {}, end {end} ns, but its postings make {}, end {to_end} ns",
                named(key),
                money(*posted, *pending),
                money(*to_posted, *to_pending)
            )
        }
        (Some((key, _)), Some((other, _))) if key < other => format!("{}: no entry made it", named(key)),
        (Some((key, _)), None) => format!("{}: no entry made it", named(key)),
        (_, Some((other, _))) => format!("{}: its postings are there, the account is not", named(other)),
    };
    Some(Finding::new("account", None, what))
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
        let (mut kept, mut made) = (self.connection.prepare(STORED)?, self.connection.prepare(SUMMED)?);
        let (mut kept, mut made) = (kept.query([])?, made.query([])?);
        loop {
            let (stored, summed) = (next(&mut kept)?, next(&mut made)?);
            if let Some(finding) = difference(stored.as_ref(), summed.as_ref()) {
                return Err(finding.into());
            }
            if stored.is_none() && summed.is_none() {
                return Ok(());
            }
        }
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
