//! Rebuilds the gate from the ledger: every live account, every open reservation, and the endings of the last day.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row as SqlRow, params};
use serde_json::Value;
use tierkit_core::clock::Now;
use tierkit_core::gate::{Decide, REMEMBER_COUNT, REMEMBER_NS};
use tierkit_core::labels::{Key, Labels};
use tierkit_core::ledger::{Account, Reservation, ReservationId, State, Take, Window};
use tierkit_core::rules::{RuleKind, Rules};

use crate::error::StateError;
use crate::row::{labels_from, units_from};

/// One step of a restore, to be made as one change of the gate.
pub type Step<'a> = dyn FnMut(&mut dyn Decide) + 'a;

/// Who makes the steps.
pub type Apply<'a> = dyn FnMut(&mut Step<'_>) -> tierkit_core::error::Result<()> + 'a;

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

/// The key of a stored scope under the policy of today; `None` when the rule is gone or keyed by other labels.
fn scope_key(rules: &Rules, name: &str, scope: &str) -> Option<(u16, Key)> {
    let rule = rules.position(name)?;
    let found = rules.get(rule)?;
    let Value::Object(values) = serde_json::from_str(scope).ok()? else { return None };
    let same = values.len() == found.matcher.per.len() && found.matcher.per.iter().all(|name| values.contains_key(&**name));
    let present = values.iter().filter_map(|(name, value)| Some((name.as_str().into(), value.as_str()?.into())));
    let labels = Labels::new(present.collect::<Vec<_>>()).ok()?;
    (same && matches!(found.kind, RuleKind::Budget(_))).then(|| (rule, labels.key(rule, &found.matcher.per)))
}

fn reservations(connection: &Connection, rules: &Rules, now: Now) -> rusqlite::Result<Vec<Reservation>> {
    let since = now.wall_ns.saturating_sub_unsigned(REMEMBER_NS);
    let mut select = connection.prepare(
        "SELECT e.seq, e.reservation, e.at_ns, e.labels, e.units, e.expires_ns FROM entry e
         LEFT JOIN open o ON o.reservation = e.reservation
         WHERE e.kind = 'reserve'
           AND (o.seq IS NOT NULL OR e.reservation IN (SELECT reservation FROM entry WHERE at_ns >= ?))
         ORDER BY o.seq IS NULL, e.seq DESC LIMIT ?",
    )?;
    let mut rows = select.query(params![since, i64::try_from(REMEMBER_COUNT).unwrap_or(i64::MAX)])?;
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
    }))
}

/// How a reservation ended: a post stands over an expiry or a void that came before it.
fn ending(connection: &Connection, id: &ReservationId, seq: i64) -> rusqlite::Result<State> {
    let mut select = connection.prepare_cached(
        "SELECT kind, nano_usd FROM entry WHERE reservation = ? AND kind <> 'reserve' AND seq > ? ORDER BY seq DESC LIMIT 1",
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

fn takes(connection: &Connection, rules: &Rules, seq: i64) -> rusqlite::Result<Vec<Take>> {
    let mut select = connection.prepare_cached("SELECT rule, scope, start_ns, pending FROM posting WHERE seq = ?")?;
    let mut rows = select.query([seq])?;
    let mut takes = Vec::new();
    while let Some(row) = rows.next()? {
        let (name, scope): (String, String) = (row.get(0)?, row.get(1)?);
        if let Some((rule, key)) = scope_key(rules, &name, &scope) {
            takes.push(Take { rule, key, slot: 0, amount: row.get(3)?, window_start_ns: row.get(2)? });
        }
    }
    Ok(takes)
}
