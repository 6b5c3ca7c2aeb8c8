//! The gate: takes every scope of a request together. It checks all, then applies all, or changes nothing.
//!
//! The table of scopes is flat and the order is fixed (policy order of the rules, then the ledger), so that it can move into
//! memory shared by several processes without changing a decision.

mod adjust;
mod admit;
mod alert;
mod bound;
mod bounds;
mod decide;
mod families;
mod heap;
mod name;
#[cfg(test)]
mod row_tests;
mod settle;
mod shared;
mod shelf;
mod switch;
mod table;
#[cfg(test)]
mod tests;
mod unwritten;

use std::sync::Arc;

pub use adjust::Correction;
pub use admit::Admitted;
use admit::NO_SLOT;
pub use alert::Alert;
pub use bound::{Bound, BoundScope};
pub use bounds::Bounds;
pub use decide::Decide;
pub use heap::HeapShelf;
pub use settle::{Actual, Grant, Receipt};
pub use shared::{LAYOUT_VERSION, Layout, MOST_TEXT, SharedShelf, Sizes};
pub use shelf::{REMEMBER_COUNT, REMEMBER_NS, Shelf, Standing, Stock};
pub use unwritten::Unwritten;

use crate::clock::Now;
use crate::labels::Key;
use crate::ledger::{Account, Reservation, ReservationId, State, Window};
use crate::rules::{RuleKind, Rules};
use crate::throttle::{Bucket, Units};

/// How long a reservation may stay open when its owner does not say: a backend's longest timeout and a minute.
pub const DEFAULT_TTL_NS: u64 = 660_000_000_000;

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
    /// Whether it is admitted also when the journal has no room for it.
    pub may_be_unwritten: bool,
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

/// What one process remembers beside the shelf: nothing that a decision depends on.
#[derive(Debug, Default)]
pub struct Memo {
    windows: Vec<Option<Window>>,
    alerts: Vec<Alert>,
    would_refuse: Vec<u64>,
}

impl Memo {
    /// Nothing yet.
    pub fn new(rules: &Rules) -> Self {
        let mut fresh = Self::default();
        fresh.fit(rules);
        fresh
    }

    /// Makes room for every rule that has a number; what is remembered of one stays.
    fn fit(&mut self, rules: &Rules) {
        let count = rules.numbers().len();
        if self.windows.len() != count {
            self.windows.resize(count, None);
            self.would_refuse.resize(count, 0);
        }
    }

    /// Takes the budget alerts raised since the last call.
    pub fn drain_alerts(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.alerts)
    }

    /// How often an observing rule would have refused.
    pub fn would_refuse(&self, rule: u16) -> u64 {
        self.would_refuse.get(usize::from(rule)).copied().unwrap_or(0)
    }
}

/// The decisions of one governor over what its shelf keeps.
#[derive(Debug)]
pub struct Gate<S = HeapShelf> {
    rules: Arc<Rules>,
    shelf: S,
    memo: Memo,
}

impl<S: Shelf> Gate<S> {
    /// A gate over a shelf.
    pub fn new(rules: Arc<Rules>, shelf: S) -> Self {
        let memo = Memo::new(&rules);
        Self { rules, shelf, memo }
    }

    /// A gate over a shelf that is there for one call.
    pub fn resume(rules: Arc<Rules>, shelf: S, mut memo: Memo) -> Self {
        // One that a panic took away is made anew, and one from before a change of the rules has room for all.
        memo.fit(&rules);
        Self { rules, shelf, memo }
    }

    /// The shelf, and what to resume with.
    pub fn into_parts(self) -> (S, Memo) {
        (self.shelf, self.memo)
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// What it keeps.
    pub fn shelf(&self) -> &S {
        &self.shelf
    }

    /// What it keeps, for its owner.
    pub fn shelf_mut(&mut self) -> &mut S {
        &mut self.shelf
    }

    /// What this process remembers.
    pub fn memo(&mut self) -> &mut Memo {
        &mut self.memo
    }

    /// The furthest that any enforced budget was ever exceeded, by spend and holds together, in nano-USD.
    pub fn worst_overshoot_nusd(&self) -> i64 {
        self.shelf.worst_overshoot_nusd()
    }

    /// How many scopes are kept.
    pub fn scope_count(&self) -> usize {
        self.shelf.scope_count()
    }

    /// A reservation, open or remembered.
    pub fn reservation(&self, id: &ReservationId) -> Option<Reservation> {
        self.shelf.reservation(id)
    }

    /// What the live window of every budget in force holds, and earlier windows that still have money on hold.
    pub fn balances(&mut self, now: Now) -> Vec<Balance> {
        self.expire(now);
        let mut rows = Vec::new();
        self.shelf.each_scope(&mut |index, slot, stock| {
            let in_force = self.rules.get(index).filter(|_| self.rules.is_in_force(index));
            let (Some(rule), Stock::Accounts(accounts)) = (in_force, stock) else { return };
            let RuleKind::Budget(budget) = &rule.kind else { return };
            let Some(key) = self.shelf.key_at(slot) else { return };
            let live = accounts.iter().filter(|account| account.window.contains(now.wall_ns) || account.pending > 0);
            rows.extend(live.map(|account| Balance {
                rule: index,
                key: key.clone(),
                limit: budget.limit_nusd,
                account: *account,
            }));
        });
        let place = |row: &Balance| (self.rules.rank(row.rule), row.key.clone(), row.account.window.start_ns);
        rows.sort_by_cached_key(place);
        rows
    }

    /// Puts back an account that a ledger file holds. What its spend had reached was told by the process that made it.
    pub fn restore_account(&mut self, rule: u16, key: &Key, mut account: Account, now: Now) {
        if let Some(RuleKind::Budget(budget)) = self.rules.get(rule).map(|found| &found.kind) {
            account.warned = u32::try_from(budget.reached(account.posted)).unwrap_or(u32::MAX);
        }
        let Some(slot) = self.shelf.slot_or_insert(&self.rules, rule, key, now) else { return };
        self.shelf.change(slot, |stock| {
            if let Stock::Accounts(accounts) = stock {
                accounts.retain(|kept| kept.window.start_ns != account.window.start_ns);
                accounts.push(account);
            }
        });
    }

    /// Puts back a bucket as it was some time ago, with what came in since. A full one is as good as none.
    pub fn restore_bucket(&mut self, rule: u16, key: &Key, level: i64, age_ns: u64, now: Now) {
        let Some(RuleKind::Refill(_, quota)) = self.rules.get(rule).map(|rule| rule.kind.clone()) else { return };
        let (level, rem, _) = Bucket::from_parts(level.min(quota.burst), 0, 0).refilled(&quota, age_ns).parts();
        let bucket = Bucket::from_parts(level, rem, now.boot_ns);
        if bucket.is_full(&quota) {
            return;
        }
        if let Some(slot) = self.shelf.slot_or_insert(&self.rules, rule, key, now) {
            self.shelf.change(slot, |stock| *stock = Stock::Bucket(bucket));
        }
    }

    /// Puts back a reservation that a ledger file holds. Limits are not held again: the process that held them is gone.
    pub fn restore_reservation(&mut self, mut reservation: Reservation, now: Now) {
        let open = reservation.state == State::Open;
        for take in &mut reservation.takes {
            take.slot = self.shelf.slot_or_insert(&self.rules, take.rule, &take.key, now).unwrap_or(NO_SLOT);
            if open {
                self.shelf.open(take.slot, 1);
            }
        }
        if !open {
            self.shelf.remember(&reservation.id, now.boot_ns);
        }
        self.shelf.put(Box::new(reservation));
    }
}
