//! The entries in their order: none missing, none too many, each with the hash that it must have.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row as SqlRow, params};

use super::accounts::Account;
use super::{Check, Finding, Stage, Stop};
use crate::chain::{Link, Part};
use crate::changes::{Change, changes_from};
use crate::segment::head;

const ENTRIES: &str =
    "SELECT seq, reservation, kind, at_ns, nano_usd, flags, saved_nano_usd, expires_ns, labels, units, usage, hash, adjustment, changes
  FROM entry NOT INDEXED WHERE seq >= ? ORDER BY seq LIMIT ?";
impl Check {
    /// Checks the next entries.
    pub(super) fn check_entries(&mut self, most: u32) -> Result<(), Stop> {
        let (mut seq, mut chain) = (self.seq, std::mem::take(&mut self.chain));
        // At the start also what stands before the first.
        let from = if seq == 0 { i64::MIN } else { seq + 1 };
        if seq == 0 {
            self.accounts = Account::load(&self.connection)?;
        }
        let (connection, open, accounts, committed) = (&self.connection, &mut self.open, &mut self.accounts, self.committed);
        let mut walk = || -> Result<u32, Stop> {
            let mut select = connection.prepare_cached(ENTRIES)?;
            let mut rows = select.query(params![from, most])?;
            let mut count = 0;
            while let Some(row) = rows.next()? {
                let found: i64 = row.get(0)?;
                if found != seq + 1 {
                    let what = format!("entry {found} follows entry {seq}: those between are gone, or its number was changed");
                    return Err(Finding::new("entry", Some(seq + 1), what).into());
                }
                chain = check_one(row, accounts, found, &chain)?;
                follow(row, found, open)?;
                (seq, count) = (found, count + 1);
                check_memory(committed.filter(|(known, _)| *known == seq), &chain)?;
            }
            Ok(count)
        };
        let walked = walk();
        (self.seq, self.chain) = (seq, chain);
        if walked? < most {
            check_head(&self.connection, self.seq, &self.chain)?;
            check_length(self.seq, self.committed)?;
            self.stage = Stage::Balances;
        }
        Ok(())
    }
}

/// Computes the hash of one entry, compares it with the one that stands beside it, and adds its changes to the accounts.
fn check_one(row: &SqlRow<'_>, accounts: &mut BTreeMap<i64, Account>, seq: i64, chain: &[u8]) -> Result<Vec<u8>, Stop> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let usage = row.get_ref(10)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    let unread = || Finding::new("entry", Some(seq), "its changes cannot be read: they were changed");
    let changes = changes_from(text(13)?).ok_or_else(unread)?;
    let link = Link {
        seq,
        id: text(1)?,
        kind: text(2)?,
        numbers: [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?],
        texts: [text(8)?, text(9)?],
        usage,
        adjustment: row.get_ref(12)?.as_str_or_null().map_err(rusqlite::Error::from)?,
        parts: parts(&changes, accounts, seq)?,
    };
    let hash = link.hash(chain);
    let stored = row.get_ref(11)?.as_blob().map_err(rusqlite::Error::from)?;
    if stored == hash {
        for change in &changes {
            if let Some(account) = accounts.get_mut(&change.account) {
                account.add(change.sums);
            }
        }
        return Ok(hash.to_vec());
    }
    let what = format!(
        "request '{}', {}: its hash is not that of its columns, its accounts and the entry before; one of these was changed",
        link.id, link.kind
    );
    Err(Finding::new("entry", Some(seq), what).into())
}

/// Changes as the hash sees them: with the names of the accounts, in the order of these.
fn parts<'a>(changes: &[Change], accounts: &'a BTreeMap<i64, Account>, seq: i64) -> Result<Vec<Part<'a>>, Stop> {
    let part = |Change { account: id, sums: [posted, pending], end_ns }: &Change| {
        let gone = || Finding::new("account", Some(seq), format!("entry {seq} changes account {id}, which is not there"));
        let account = accounts.get(id).ok_or_else(gone)?;
        let numbers = [account.start_ns, end_ns.unwrap_or(account.end_ns), *posted, *pending];
        Ok(Part { rule: &account.rule, scope: &account.scope, numbers })
    };
    let mut parts: Vec<Part<'a>> = changes.iter().map(part).collect::<Result<_, Stop>>()?;
    parts.sort();
    Ok(parts)
}

/// Keeps which reservations are open.
fn follow(row: &SqlRow<'_>, seq: i64, open: &mut std::collections::HashMap<String, (i64, i64)>) -> rusqlite::Result<()> {
    let id: String = row.get(1)?;
    if row.get_ref(2)?.as_str()? == "reserve" {
        open.insert(id, (seq, row.get(7)?));
    } else {
        open.remove(&id);
    }
    Ok(())
}

/// An entry that processes of this machine saw committed is the one that is there.
fn check_memory(known: Option<(i64, u64)>, chain: &[u8]) -> Result<(), Stop> {
    match known {
        Some((seq, hash)) if hash != head(chain) => {
            let what = "the processes of this directory saw another entry committed here: the file was replaced and went on";
            Err(Finding::new("entry", Some(seq), what).into())
        }
        _ => Ok(()),
    }
}

/// What processes of this machine saw committed is not gone: a file and its log that are older together are whole in themselves.
fn check_length(seq: i64, committed: Option<(i64, u64)>) -> Result<(), Stop> {
    match committed {
        Some((known, _)) if known > seq => {
            let what = format!(
                "it ends with entry {seq}, but the processes of this directory saw entry {known} committed: an older copy is in its place"
            );
            Err(Finding::new("head", Some(seq), what).into())
        }
        _ => Ok(()),
    }
}

fn check_head(connection: &Connection, seq: i64, chain: &[u8]) -> Result<(), Stop> {
    let mut select = connection.prepare("SELECT seq, hash FROM head")?;
    let heads = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<rusqlite::Result<Vec<(i64, Vec<u8>)>>>()?;
    let what = match heads.as_slice() {
        [(last, hash)] if *last == seq && hash == chain => return Ok(()),
        [(last, _)] if *last == seq => format!("another hash stands there than that of entry {seq}, the last"),
        [(last, _)] => format!("it names entry {last} as the last, but the last that is there is entry {seq}"),
        found => format!("{} rows where there is one", found.len()),
    };
    Err(Finding::new("head", Some(seq), what).into())
}
