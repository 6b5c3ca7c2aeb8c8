//! Rebuilds the gate from the ledger: every live account, every open reservation, and the endings of the last day.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde_json::Value;
use tierkit_core::clock::Now;
use tierkit_core::gate::{Decide, REMEMBER_COUNT, REMEMBER_NS};
use tierkit_core::labels::{Key, Labels, Lookup};
use tierkit_core::ledger::{Account, Adjustment, BudgetSpec, Calendar, Reservation, ReservationId, State, Take, Window};
use tierkit_core::rules::{Matcher, Mode, Numbered, Rule, RuleKind, Rules};

use crate::buckets;
use crate::error::{StateError, StoreError};
use crate::row::{labels_from, units_from};

/// One step of a restore, to be made as one change of the gate.
pub type Step<'a> = dyn FnMut(&mut dyn Decide) + 'a;

/// Who makes the steps.
pub type Apply<'a> = dyn FnMut(&mut Step<'_>) -> tierkit_core::error::Result<()> + 'a;

/// The rules of a gate that begins with a ledger: a policy's, and behind them budgets that the policy has no more but that
/// open reservations still hold money of.
///
/// # Errors
/// A ledger that cannot be read, or rules that contradict each other.
pub fn rules_over(connection: &Connection, path: &Path, rules: &[Rule], version: u64) -> Result<Rules, StoreError> {
    let broken = |error: rusqlite::Error| StateError::new(path, error, "restore the file from a backup or move it away");
    let order = (0_u16..).take(rules.len()).collect();
    let known = Rules::new(rules.to_vec())?;
    let gone = gone(connection, &known).map_err(broken)?;
    let rules = known.numbers().iter().cloned().chain(gone).collect();
    Ok(Rules::numbered(Numbered { rules, order, version, ..Numbered::default() })?)
}

fn gone(connection: &Connection, rules: &Rules) -> rusqlite::Result<Vec<Rule>> {
    let mut select =
        connection.prepare("SELECT DISTINCT p.rule, p.scope FROM open o JOIN posting p ON p.seq = o.seq ORDER BY 1, 2")?;
    let mut rows = select.query([])?;
    let mut found: Vec<Rule> = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, scope): (String, String) = (row.get(0)?, row.get(1)?);
        let Ok(Value::Object(values)) = serde_json::from_str(&scope) else { continue };
        let per: Vec<Box<str>> = values.keys().map(|label| label.as_str().into()).collect();
        let is_told = found.iter().any(|rule| *rule.name == name && rule.matcher.per == per);
        if !is_told && scope_key(rules, &name, &scope).is_none() {
            found.extend(budget_without_limit(&name, per));
        }
    }
    Ok(found)
}

/// A budget of which only the name is known: its accounts know their windows.
fn budget_without_limit(name: &str, per: Vec<Box<str>>) -> Option<Rule> {
    let calendar = Calendar::new("total", "UTC").ok()?;
    let spec = BudgetSpec { limit_nusd: 0, calendar, downgrade: false, warn_at_permille: Vec::new() };
    let matcher = Matcher { per, clauses: Vec::new() };
    Some(Rule { name: name.into(), matcher, kind: RuleKind::Budget(spec), mode: Mode::Observe, replaces: Vec::new() })
}

/// Loads the ledger into a fresh gate, step by step.
///
/// # Errors
/// A ledger that cannot be read, or a gate that has no room for it.
pub fn restore(connection: &Connection, path: &Path, rules: &Rules, now: Now, apply: &mut Apply<'_>) -> Result<(), StateError> {
    let broken = |error: rusqlite::Error| StateError::new(path, error, "restore the file from a backup or move it away");
    let full = |error| StateError::new(path, error, "fewer keys, or shorter budget periods, need less room");
    for (rule, key, account) in accounts(connection, rules, now).map_err(broken)? {
        apply(&mut |gate| gate.restore_account(rule, &key, account, now)).map_err(full)?;
    }
    for kept in buckets::load(connection).map_err(broken)? {
        apply(&mut |gate| buckets::restore(gate, rules, &kept, now)).map_err(full)?;
    }
    for reservation in reservations(connection, rules, now).map_err(broken)? {
        let mut reservation = Some(reservation);
        let mut put = |gate: &mut dyn Decide| {
            if let Some(reservation) = reservation.take() {
                gate.restore_reservation(reservation, now);
            }
        };
        apply(&mut put).map_err(full)?;
    }
    Ok(())
}

fn accounts(connection: &Connection, rules: &Rules, now: Now) -> rusqlite::Result<Vec<(u16, Key, Account)>> {
    let mut select = connection
        .prepare("SELECT rule, scope, start_ns, end_ns, posted, pending FROM account WHERE end_ns > ? OR pending > 0")?;
    let mut rows = select.query(params![now.wall_ns])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, scope): (String, String) = (row.get(0)?, row.get(1)?);
        let window = Window { start_ns: row.get(2)?, end_ns: row.get(3)? };
        let Some((rule, key)) = scope_key(rules, &name, &scope) else { continue };
        found.push((rule, key, Account { posted: row.get(4)?, pending: row.get(5)?, ..Account::new(window) }));
    }
    Ok(found)
}

/// The key of a budget's stored scope under the rules of today; `None` when the rule is gone or keyed by other labels.
fn scope_key(rules: &Rules, name: &str, scope: &str) -> Option<(u16, Key)> {
    key_where(rules, name, scope, |kind| matches!(kind, RuleKind::Budget(_)))
}

/// The key of a stored scope of a rule of some kind.
pub fn key_where(rules: &Rules, name: &str, scope: &str, is_kind: impl Fn(&RuleKind) -> bool) -> Option<(u16, Key)> {
    let Value::Object(values) = serde_json::from_str(scope).ok()? else { return None };
    let is_keyed_so = |per: &[Box<str>]| values.len() == per.len() && per.iter().all(|name| values.contains_key(&**name));
    let is_meant = |rule: &Rule| *rule.name == *name && is_kind(&rule.kind) && is_keyed_so(&rule.matcher.per);
    let (number, rule) = (0_u16..).zip(rules.numbers()).find(|(_, rule)| is_meant(rule))?;
    let present = values.iter().filter_map(|(name, value)| Some((name.as_str().into(), value.as_str()?.into())));
    let labels = Labels::new(present.collect::<Vec<_>>()).ok()?;
    Some((number, labels.key(number, &rule.matcher.per)))
}

fn reservations(connection: &Connection, rules: &Rules, now: Now) -> rusqlite::Result<Vec<Reservation>> {
    let since = now.wall_ns.saturating_sub_unsigned(REMEMBER_NS);
    let most = i64::try_from(REMEMBER_COUNT).unwrap_or(i64::MAX);
    // By number and not by time, which is no order where a clock was set: a reservation has seldom more than two entries.
    let mut select = connection.prepare(
        "WITH late(reservation) AS (
           SELECT reservation FROM (SELECT reservation, at_ns FROM entry ORDER BY seq DESC LIMIT 2 * ?2) WHERE at_ns >= ?1
           UNION SELECT reservation FROM open)
         SELECT e.seq, e.reservation, e.at_ns, e.labels, e.units, e.expires_ns FROM late
         CROSS JOIN entry e ON e.reservation = late.reservation LEFT JOIN open o ON o.reservation = e.reservation
         WHERE e.kind = 'reserve' ORDER BY o.seq IS NULL, e.seq DESC LIMIT ?2",
    )?;
    let mut rows = select.query(params![since, most])?;
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        let Some(mut reservation) = reservation(row, now)? else { continue };
        // An id that was used again after its day has several lives; the last one counts.
        if !seen.insert(reservation.id.clone()) {
            continue;
        }
        reservation.state = ending(connection, &reservation.id, seq)?;
        reservation.takes = takes(connection, rules, seq)?;
        reservation.adjustments = adjustments(connection, &reservation.id, seq)?;
        found.push(reservation);
    }
    Ok(found)
}

fn reservation(row: &SqlRow<'_>, now: Now) -> rusqlite::Result<Option<Reservation>> {
    let (id, labels, units): (String, String, String) = (row.get(1)?, row.get(3)?, row.get(4)?);
    let expires_ns: i64 = row.get(5)?;
    let left = u64::try_from(expires_ns.saturating_sub(now.wall_ns)).unwrap_or(0);
    let (Ok(id), Some(labels), Some(units)) = (ReservationId::new(&id), labels_from(&labels), units_from(&units)) else {
        return Ok(None);
    };
    Ok(Some(Reservation {
        id,
        labels: labels.into(),
        units,
        takes: Vec::new(),
        state: State::Open,
        expires_boot_ns: now.boot_ns.saturating_add(left),
        at_ns: row.get(2)?,
        usage: None,
        adjustments: Vec::new(),
        is_written: true,
    }))
}

/// How a reservation ended: a post stands over an expiry or a void that came before it.
fn ending(connection: &Connection, id: &ReservationId, seq: i64) -> rusqlite::Result<State> {
    let mut select = connection.prepare_cached(
        "SELECT kind, nano_usd FROM entry WHERE reservation = ? AND kind NOT IN ('reserve', 'adjust') AND seq > ? ORDER BY seq DESC LIMIT 1",
    )?;
    let last: Option<(String, i64)> =
        select.query_row(params![id.as_str(), seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(match last {
        None => State::Open,
        Some((kind, nusd)) if kind == "post" => State::Posted(nusd),
        Some((kind, _)) if kind == "expire" => State::Expired,
        Some(_) => State::Void,
    })
}

fn adjustments(connection: &Connection, id: &ReservationId, seq: i64) -> rusqlite::Result<Vec<Adjustment>> {
    let mut select = connection.prepare_cached(
        "SELECT adjustment, nano_usd FROM entry WHERE reservation = ? AND kind = 'adjust' AND seq > ? ORDER BY seq",
    )?;
    let rows = select.query_map(params![id.as_str(), seq], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let made = rows.into_iter().map(|(id, nusd)| ReservationId::new(&id).ok().map(|id| Adjustment { id, nusd }));
    Ok(made.flatten().collect())
}

fn takes(connection: &Connection, rules: &Rules, seq: i64) -> rusqlite::Result<Vec<Take>> {
    let mut select = connection.prepare_cached("SELECT rule, scope, start_ns, end_ns, pending FROM posting WHERE seq = ?")?;
    let mut rows = select.query([seq])?;
    let mut takes = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, scope): (String, String) = (row.get(0)?, row.get(1)?);
        if let Some((rule, key)) = scope_key(rules, &name, &scope) {
            let window = Window { start_ns: row.get(2)?, end_ns: row.get(3)? };
            takes.push(Take { rule, key, slot: 0, amount: row.get(4)?, window });
        }
    }
    Ok(takes)
}
