//! How every live scope of a state directory stands, told to whoever asks: the governor's processes are not disturbed.

use std::path::Path;

use rusqlite::params;
use tierkit_core::clock::{Clock, Now};
use tierkit_core::decision::Wait;
use tierkit_core::gate::Stock;
use tierkit_core::ledger::Account;
use tierkit_core::rules::{Mode, Rule, RuleKind};

use crate::clock::SystemClock;
use crate::error::StateError;
use crate::schema::open_reader;
use crate::segment::fork;
use crate::segment::{View, rule_json};

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
    /// The burst, the slots, or the budget; `None` for a rule that was removed, and where only the ledger is there.
    pub limit: Option<i64>,
    /// What may still be taken; negative for a rate in debt.
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
    match View::open(directory)? {
        Some(view) => Ok((true, from_segment(&view, now)?)),
        None => Ok((false, from_ledger(directory, now)?)),
    }
}

/// The rules in force in a directory as JSON, in the order of their policy; `None` without a segment of this boot.
///
/// # Errors
/// A segment that cannot be read.
pub fn rules_in_force(directory: &Path) -> Result<Option<Vec<String>>, StateError> {
    let view = View::open(directory)?;
    Ok(view.map(|view| view.directory.rules.iter().map(|(_, rule)| rule_text(rule)).collect()))
}

/// A rule as JSON.
pub fn rule_text(rule: &Rule) -> String {
    rule_json(rule).to_string()
}

fn from_segment(view: &View, now: Now) -> Result<Vec<ScopeRow>, StateError> {
    let mut rows = Vec::new();
    for (number, key, stock) in view.scopes()? {
        let Some(rule) = view.directory.rules.get(number) else { continue };
        let (name, key) = view.directory.names.scope(number, &key);
        let (dimension, observes) = (rule.kind.dimension().as_str().to_owned(), rule.mode == Mode::Observe);
        let named = ScopeRow { rule: name, key, dimension, observes, ..ScopeRow::default() };
        if view.directory.rules.is_in_force(number) {
            rows.extend(stand(&named, &rule.kind, &stock, now));
        } else {
            rows.extend(remains(&named, &stock, now));
        }
    }
    Ok(rows)
}

/// What is left of a rule that was removed: it limits nothing, but money was spent and requests may still run under it.
fn remains(named: &ScopeRow, stock: &Stock, now: Now) -> Vec<ScopeRow> {
    match stock {
        Stock::Held(held) if *held > 0 => vec![ScopeRow { kind: "concurrency", held: *held, ..named.clone() }],
        Stock::Accounts(accounts) => live(accounts, now).map(|account| budget(named, None, account, now)).collect(),
        _ => Vec::new(),
    }
}

fn live(accounts: &[Account], now: Now) -> impl Iterator<Item = &Account> {
    accounts.iter().filter(move |account| account.window.contains(now.wall_ns) || account.pending > 0)
}

fn stand(named: &ScopeRow, kind: &RuleKind, stock: &Stock, now: Now) -> Vec<ScopeRow> {
    match (kind, stock) {
        (RuleKind::Refill(_, quota), Stock::Bucket(bucket)) => {
            let bucket = bucket.refilled(quota, now.boot_ns);
            let frees_in_ns = if let Wait::For(wait) = bucket.wait(quota, quota.burst) { Some(wait) } else { None };
            let (limit, left) = (Some(quota.burst), Some(bucket.level()));
            vec![ScopeRow { kind: "rate", limit, left, frees_in_ns, ..named.clone() }]
        }
        (RuleKind::Hold(slots), Stock::Held(held)) => {
            let left = slots.saturating_sub(*held).max(0);
            let (limit, left, frees_in_ns) = (Some(*slots), Some(left), (*held == 0).then_some(0));
            vec![ScopeRow { kind: "concurrency", limit, left, held: *held, frees_in_ns, ..named.clone() }]
        }
        (RuleKind::Budget(spec), Stock::Accounts(accounts)) => {
            live(accounts, now).map(|account| budget(named, Some(spec.limit_nusd), account, now)).collect()
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
        left: limit.map(|limit| account.free(limit).max(0)),
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
