//! Reads a ledger beside its writer: spend by label, and the story of one reservation.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::error::StateError;
use crate::schema::open_reader;
use crate::segment::fork;

/// Spend of one combination of label values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendRow {
    /// The values, in the order asked; `None` where the label was missing.
    pub values: Vec<Option<String>>,
    /// Requests settled, cache hits included.
    pub requests: i64,
    /// Input tokens.
    pub input_tokens: i64,
    /// Output tokens.
    pub output_tokens: i64,
    /// Spend in nano-USD.
    pub nusd: i64,
    /// Money that cache hits saved, nano-USD.
    pub saved_nusd: i64,
    /// The part of the spend that is an estimate, nano-USD.
    pub estimated_nusd: i64,
}

/// One entry of a reservation's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// Its place in the ledger.
    pub seq: i64,
    /// `reserve`, `post`, `void`, `expire` or `adjust`.
    pub kind: String,
    /// When, nanoseconds since 1970.
    pub at_ns: i64,
    /// Amount, nano-USD.
    pub nusd: i64,
    /// Labels as JSON.
    pub labels: String,
    /// Usage as JSON.
    pub usage: Option<String>,
    /// Marks, see `tierkit_core::ledger::Flags`.
    pub flags: i64,
    /// Rule, scope as JSON, change of posted and of pending, for each account touched.
    pub postings: Vec<(String, String, i64, i64)>,
}

/// Sums the ledger of a state directory by labels.
///
/// # Errors
/// No ledger, or one that cannot be read.
pub fn spend(directory: &Path, by: &[String]) -> Result<Vec<SpendRow>, StateError> {
    let path = directory.join("ledger.db");
    let _unforked = fork::hold();
    let connection = open_reader(&path)?;
    sums(&connection, by).map_err(|error| StateError::new(&path, error, "restore the file from a backup"))
}

/// An amount that was posted counts once: a late post or void takes back what its expiry had booked.
fn sums(connection: &Connection, by: &[String]) -> rusqlite::Result<Vec<SpendRow>> {
    let mut select = connection.prepare(
        "SELECT e.labels, e.usage, e.nano_usd, e.saved_nano_usd, e.flags, e.kind FROM entry e
         WHERE e.kind IN ('post', 'adjust') OR (e.kind = 'expire' AND NOT EXISTS (
           SELECT 1 FROM entry l WHERE l.reservation = e.reservation AND l.seq > e.seq))",
    )?;
    let mut groups: BTreeMap<Vec<Option<String>>, SpendRow> = BTreeMap::new();
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let labels: Value = serde_json::from_str(&row.get::<_, String>(0)?).unwrap_or_default();
        let usage: Value = row.get::<_, Option<String>>(1)?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let values: Vec<Option<String>> =
            by.iter().map(|name| labels.get(name).and_then(Value::as_str).map(str::to_owned)).collect();
        let (nusd, saved, flags): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let tokens = |name: &str| usage.get(name).and_then(Value::as_i64).unwrap_or(0);
        let group = groups.entry(values.clone()).or_insert_with(|| SpendRow {
            values,
            requests: 0,
            input_tokens: 0,
            output_tokens: 0,
            nusd: 0,
            saved_nusd: 0,
            estimated_nusd: 0,
        });
        // A correction is no request.
        group.requests += i64::from(row.get_ref(5)?.as_str()? != "adjust");
        group.input_tokens += tokens("input_tokens");
        group.output_tokens += tokens("output_tokens");
        group.nusd = group.nusd.saturating_add(nusd);
        group.saved_nusd = group.saved_nusd.saturating_add(saved);
        if flags & i64::from(tierkit_core::ledger::Flags::ESTIMATED) != 0 {
            group.estimated_nusd = group.estimated_nusd.saturating_add(nusd);
        }
    }
    Ok(groups.into_values().collect())
}

/// Everything the ledger knows of one reservation, oldest first; empty when it knows nothing.
///
/// # Errors
/// No ledger, or one that cannot be read.
pub fn explain(directory: &Path, id: &str) -> Result<Vec<EntryRow>, StateError> {
    let path = directory.join("ledger.db");
    let _unforked = fork::hold();
    let connection = open_reader(&path)?;
    story(&connection, id).map_err(|error| StateError::new(&path, error, "restore the file from a backup"))
}

fn story(connection: &Connection, id: &str) -> rusqlite::Result<Vec<EntryRow>> {
    let mut select = connection
        .prepare("SELECT seq, kind, at_ns, nano_usd, labels, usage, flags FROM entry WHERE reservation = ? ORDER BY seq")?;
    let mut postings =
        connection.prepare("SELECT rule, scope, posted, pending FROM posting WHERE seq = ? ORDER BY rule, scope")?;
    let mut found = Vec::new();
    let mut rows = select.query(params![id])?;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let changes = postings.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let postings = changes.collect::<rusqlite::Result<Vec<_>>>()?;
        found.push(EntryRow {
            seq,
            kind: row.get(1)?,
            at_ns: row.get(2)?,
            nusd: row.get(3)?,
            labels: row.get(4)?,
            usage: row.get(5)?,
            flags: row.get(6)?,
            postings,
        });
    }
    Ok(found)
}
