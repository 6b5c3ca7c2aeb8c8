//! The gate: takes every scope of a request together. It checks all, then applies all, or changes nothing.
//!
//! The table of scopes is flat and the order is fixed (policy order of the rules, then the ledger), so that it can move into
//! memory shared by several processes without changing a decision.

mod admit;
mod alert;
mod bound;
mod settle;
mod table;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

pub use admit::Admitted;
pub use alert::Alert;
pub use bound::Bound;
pub use settle::{Actual, Grant, Receipt};
pub use table::{Scope, Stock, Table};

use crate::clock::Now;
use crate::labels::{Key, Labels};
use crate::ledger::{Account, Entry, Reservation, ReservationId, Window};
use crate::rules::{RuleKind, Rules};
use crate::throttle::Units;

/// How long a reservation may stay open when its owner does not say: a backend's longest timeout and a minute.
pub const DEFAULT_TTL_NS: u64 = 660_000_000_000;
/// How long an ended reservation is remembered for idempotent calls.
pub const REMEMBER_NS: u64 = 86_400_000_000_000;
/// How many ended reservations are remembered at most.
pub const REMEMBER_COUNT: usize = 65_536;

/// What a request asks of the gate.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// Its id, the idempotency key.
    pub id: &'a ReservationId,
    /// Its labels with their scopes.
    pub bound: &'a Bound,
    /// Units to take; `usd` is the price ceiling.
    pub units: Units,
    /// Life of the reservation, in nanoseconds.
    pub ttl_ns: u64,
}

/// One row of [`Gate::balances`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Index of the budget rule.
    pub rule: u16,
    /// Key of the scope.
    pub key: Key,
    /// The budget, nano-USD.
    pub limit: i64,
    /// The window with what is spent and on hold.
    pub account: Account,
}

/// All state of one governor.
#[derive(Debug)]
pub struct Gate {
    rules: Arc<Rules>,
    table: Table,
    reservations: HashMap<ReservationId, Reservation, ahash::RandomState>,
    expiries: BinaryHeap<Reverse<(u64, ReservationId)>>,
    ended: VecDeque<(u64, ReservationId)>,
    windows: Vec<Option<Window>>,
    entries: Vec<Entry>,
    alerts: Vec<Alert>,
    would_refuse: Vec<u64>,
    worst_overshoot_nusd: i64,
    keep_entries: bool,
}

impl Gate {
    /// An empty gate.
    ///
    /// `seed` keys the hash of scope keys, so that callers cannot choose keys that collide. `capacity` bounds the scopes kept.
    /// With `keep_entries` each change leaves ledger entries for [`Gate::drain_entries`].
    pub fn new(rules: Arc<Rules>, seed: [u64; 2], capacity: usize, keep_entries: bool) -> Self {
        let count = rules.iter().count();
        let [one, two] = seed;
        Self {
            rules,
            table: Table::new(seed, capacity),
            reservations: HashMap::with_hasher(ahash::RandomState::with_seeds(one, two, !one, !two)),
            expiries: BinaryHeap::new(),
            ended: VecDeque::new(),
            windows: vec![None; count],
            entries: Vec::new(),
            alerts: Vec::new(),
            would_refuse: vec![0; count],
            worst_overshoot_nusd: 0,
            keep_entries,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// Takes the ledger entries made since the last call, in order.
    pub fn drain_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }

    /// Takes the budget alerts raised since the last call.
    pub fn drain_alerts(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts)
    }

    /// How often an observing rule would have refused.
    pub fn would_refuse(&self, rule: u16) -> u64 {
        self.would_refuse.get(usize::from(rule)).copied().unwrap_or(0)
    }

    /// The furthest that any enforced budget was ever exceeded, by spend and holds together, in nano-USD.
    pub fn worst_overshoot_nusd(&self) -> i64 {
        self.worst_overshoot_nusd
    }

    /// How many scopes are kept.
    pub fn scope_count(&self) -> usize {
        self.table.len()
    }

    /// A reservation, open or remembered.
    pub fn reservation(&self, id: &ReservationId) -> Option<&Reservation> {
        self.reservations.get(id)
    }

    /// What every budget's live window holds, and earlier windows that still have money on hold.
    pub fn balances(&mut self, now: Now) -> Vec<Balance> {
        self.expire(now);
        let mut rows = Vec::new();
        for scope in self.table.iter() {
            let (Some(rule), Stock::Accounts(accounts)) = (self.rules.get(scope.rule()), &scope.stock) else { continue };
            let RuleKind::Budget(budget) = &rule.kind else { continue };
            for account in accounts {
                if account.window.contains(now.wall_ns) || account.pending > 0 {
                    rows.push(Balance {
                        rule: scope.rule(),
                        key: scope.key.clone(),
                        limit: budget.limit_nusd,
                        account: *account,
                    });
                }
            }
        }
        rows.sort_by(|a, b| (a.rule, &a.key, a.account.window.start_ns).cmp(&(b.rule, &b.key, b.account.window.start_ns)));
        rows
    }

    /// Puts back an account that a ledger file holds.
    pub fn restore_account(&mut self, rule: u16, key: &Key, account: Account, now: Now) {
        let rules = Arc::clone(&self.rules);
        let Some(slot) = self.table.slot_or_insert(&rules, rule, key, now) else { return };
        if let Some(Stock::Accounts(accounts)) = self.table.get_mut(slot).map(|scope| &mut scope.stock) {
            accounts.retain(|kept| kept.window.start_ns != account.window.start_ns);
            accounts.push(account);
        }
    }

    /// Puts back a reservation that a ledger file holds. Limits are not held again: the process that held them is gone.
    pub fn restore_reservation(&mut self, mut reservation: Reservation, now: Now) {
        let rules = Arc::clone(&self.rules);
        for take in &mut reservation.takes {
            if let Some(slot) = self.table.slot_or_insert(&rules, take.rule, &take.key, now) {
                take.slot = slot;
                if matches!(reservation.state, crate::ledger::State::Open) {
                    self.table.open(slot, 1);
                }
            }
        }
        let id = reservation.id.clone();
        if matches!(reservation.state, crate::ledger::State::Open) {
            self.expiries.push(Reverse((reservation.expires_boot_ns, id.clone())));
        } else {
            self.ended.push_back((now.boot_ns, id.clone()));
        }
        self.reservations.insert(id, reservation);
    }

    /// The scopes of a request: matched once, used for every take.
    pub fn bind(rules: &Rules, labels: Labels) -> Bound {
        Bound::new(rules, labels)
    }
}
