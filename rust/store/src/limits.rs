//! How every live scope of a state directory stands, told to whoever asks: the governor's processes are not disturbed.

use std::path::Path;

use rusqlite::params;
use tierkit_core::clock::{Clock, Now};
use tierkit_core::decision::Wait;
use tierkit_core::gate::Stock;
use tierkit_core::ledger::Account;

use crate::clock::SystemClock;
use crate::error::StateError;
use crate::schema::open_reader;
use crate::segment::fork;
use crate::segment::{Measure, Spec, View};

/// How one scope stands. Amounts are units of its dimension, or nano-USD.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeRow {
    /// The rule's name.
    pub rule: String,
    /// The key as JSON.
    pub key: String,
    /// `rate`, `concurrency` or `budget`.
    pub kind: &'static str,
    /// The dimension's word.
    pub dimension: String,
    /// Whether the rule never refuses.
    pub observes: bool,
    /// The burst, the slots, or the budget; `None` where only the ledger is there.
    pub limit: Option<i64>,
    /// What may still be taken; negative in debt.
    pub left: Option<i64>,
    /// Slots that are held, or money on hold.
    pub held: i64,
    /// Money that is spent.
    pub posted: i64,
    /// The window of a budget, nanoseconds since 1970.
    pub window_ns: Option<(i64, i64)>,
    /// How long until all of it is free if nothing else happens, nanoseconds; `None`: when something is released, or never.
    pub frees_in_ns: Option<u64>,
}

/// Every live scope, in no order, and whether it comes from the segment: without one of this boot, the ledger's accounts.
///
/// # Errors
/// Neither a segment nor a ledger, or one that cannot be read.
pub fn limits(directory: &Path) -> Result<(bool, Vec<ScopeRow>), StateError> {
    let now = SystemClock.now();
    match View::open(directory)?.filter(|view| !view.specs.is_empty()) {
        Some(view) => Ok((true, from_segment(&view, now)?)),
        None => Ok((false, from_ledger(directory, now)?)),
    }
}

fn from_segment(view: &View, now: Now) -> Result<Vec<ScopeRow>, StateError> {
    let mut rows = Vec::new();
    for (index, key, stock) in view.scopes()? {
        let Some(spec) = view.specs.get(usize::from(index)) else { continue };
        let (rule, key) = view.names.scope(index, &key);
        let named = ScopeRow { rule, key, dimension: spec.dimension.clone(), observes: spec.observes, ..ScopeRow::default() };
        rows.extend(stand(&named, spec, &stock, now));
    }
    Ok(rows)
}

fn stand(named: &ScopeRow, spec: &Spec, stock: &Stock, now: Now) -> Vec<ScopeRow> {
    match (spec.measure, stock) {
        (Measure::Refill(quota), Stock::Bucket(bucket)) => {
            let bucket = bucket.refilled(&quota, now.boot_ns);
            let frees_in_ns = if let Wait::For(wait) = bucket.wait(&quota, quota.burst) { Some(wait) } else { None };
            let (limit, left) = (Some(quota.burst), Some(bucket.level()));
            vec![ScopeRow { kind: "rate", limit, left, frees_in_ns, ..named.clone() }]
        }
        (Measure::Hold(slots), Stock::Held(held)) => {
            let (limit, left, frees_in_ns) = (Some(slots), Some(slots.saturating_sub(*held)), (*held == 0).then_some(0));
            vec![ScopeRow { kind: "concurrency", limit, left, held: *held, frees_in_ns, ..named.clone() }]
        }
        (Measure::Budget(limit), Stock::Accounts(accounts)) => {
            let live = accounts.iter().filter(|account| account.window.contains(now.wall_ns) || account.pending > 0);
            live.map(|account| budget(named, Some(limit), account, now)).collect()
        }
        _ => Vec::new(),
    }
}

fn budget(named: &ScopeRow, limit: Option<i64>, account: &Account, now: Now) -> ScopeRow {
    let window = account.window;
    let rest = u64::try_from(window.end_ns.saturating_sub(now.wall_ns)).unwrap_or(0);
    ScopeRow {
        kind: "budget",
        limit,
        left: limit.map(|limit| account.free(limit)),
        held: account.pending,
        posted: account.posted,
        window_ns: Some((window.start_ns, window.end_ns)),
        frees_in_ns: (window.end_ns != i64::MAX).then_some(rest),
        ..named.clone()
    }
}

fn from_ledger(directory: &Path, now: Now) -> Result<Vec<ScopeRow>, StateError> {
    let path = directory.join("ledger.db");
    let _unforked = fork::hold();
    let connection = open_reader(&path)?;
    let read = || -> rusqlite::Result<Vec<ScopeRow>> {
        let mut select = connection
            .prepare("SELECT rule, scope, start_ns, end_ns, posted, pending FROM account WHERE end_ns > ? OR pending > 0")?;
        let rows = select.query_map(params![now.wall_ns], |row| {
            let window = tierkit_core::ledger::Window { start_ns: row.get(2)?, end_ns: row.get(3)? };
            let account = Account { posted: row.get(4)?, pending: row.get(5)?, ..Account::new(window) };
            let dimension = "usd".to_owned();
            let named = ScopeRow { rule: row.get(0)?, key: row.get(1)?, dimension, ..ScopeRow::default() };
            Ok(budget(&named, None, &account, now))
        })?;
        rows.collect()
    };
    read().map_err(|error| StateError::new(&path, error, "restore the file from a backup"))
}
