//! How a reservation ends: posted, void or expired, each exactly once.

use std::sync::Arc;

use crate::clock::Now;
use crate::error::{Error, Result};
use crate::gate::admit::{NO_SLOT, account_of, check_units};
use crate::gate::{Alert, Bound, Gate, Shelf, Stock};
use crate::ledger::{BudgetSpec, Entry, EntryKind, Flags, ReservationId, State, Take};
use crate::price::Usage;
use crate::rules::{Mode, Rule, RuleKind, Rules};
use crate::throttle::{Dimension, Units};
use crate::units::format_nusd;

/// An admitted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Where the reservation stands: `Open`, unless the id was used before and has ended.
    pub state: State,
    /// True when the id was known and nothing new was charged.
    pub replayed: bool,
}

/// The end of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// What was posted, nano-USD.
    pub nusd: i64,
    /// It had expired before.
    pub late: bool,
    /// More was posted than reserved.
    pub overrun: bool,
    /// The same end was told before; nothing changed.
    pub replayed: bool,
}

/// What a settle books.
#[derive(Debug, Clone, Copy)]
pub struct Actual {
    /// Units used; `usd` is the price.
    pub units: Units,
    /// Tokens used, for the ledger.
    pub usage: Option<Usage>,
    /// Marks for the ledger entry.
    pub flags: Flags,
    /// Money that a cache hit saved, nano-USD.
    pub saved_nusd: i64,
}

/// How a reservation is to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) state: State,
    pub(super) before: State,
    units: Units,
    usage: Option<Usage>,
    flags: Flags,
    saved_nusd: i64,
}

impl End {
    /// The same, as if nothing had ended before it.
    pub(super) fn as_if_open(&self) -> Self {
        Self { before: State::Open, ..*self }
    }
}

impl<S: Shelf> Gate<S> {
    /// Books what a request used: gives back the rest, or posts the overrun in full.
    ///
    /// # Errors
    /// `UnknownReservation`; `AlreadySettled` when it ended with another amount or was cancelled; `Config` for negative units.
    pub fn settle(&mut self, id: &ReservationId, actual: &Actual, now: Now) -> Result<Receipt> {
        self.expire(now);
        check_units(&actual.units)?;
        let before = self.known(id)?;
        let reserved = self.shelf.reserved_nusd(id);
        let nusd = actual.units.get(Dimension::Usd);
        let overrun = nusd > reserved;
        let late = match before {
            State::Open => false,
            State::Expired | State::Void => true,
            State::Posted(first) if first == nusd => {
                return Ok(Receipt { nusd, late: false, overrun, replayed: true });
            }
            State::Posted(first) => {
                return Err(Error::AlreadySettled(format!(
                    "reservation '{id}' was posted with {} USD and cannot be posted with {} USD; the first amount stands",
                    format_nusd(first),
                    format_nusd(nusd)
                )));
            }
        };
        let flags = actual.flags.with(Flags::LATE, late).with(Flags::OVERRUN, overrun);
        let (units, usage, saved_nusd) = (actual.units, actual.usage, actual.saved_nusd);
        self.end(id, &End { state: State::Posted(nusd), before, units, usage, flags, saved_nusd }, now);
        Ok(Receipt { nusd, late, overrun, replayed: false })
    }

    /// Gives everything back: nothing was sent, or nothing was charged.
    ///
    /// # Errors
    /// `UnknownReservation`; `AlreadySettled` when it was posted.
    pub fn cancel(&mut self, id: &ReservationId, now: Now) -> Result<Receipt> {
        self.expire(now);
        let before = self.known(id)?;
        let late = match before {
            State::Open => false,
            State::Expired => true,
            State::Void => return Ok(Receipt { nusd: 0, late: false, overrun: false, replayed: true }),
            State::Posted(nusd) => {
                return Err(Error::AlreadySettled(format!(
                    "reservation '{id}' was posted with {} USD and cannot be cancelled",
                    format_nusd(nusd)
                )));
            }
        };
        let flags = Flags::default().with(Flags::LATE, late);
        let (units, usage, saved_nusd) = (Units::default(), None, 0);
        self.end(id, &End { state: State::Void, before, units, usage, flags, saved_nusd }, now);
        Ok(Receipt { nusd: 0, late, overrun: false, replayed: false })
    }

    /// Moves the expiry of an open reservation; false when it has ended.
    ///
    /// # Errors
    /// `UnknownReservation`.
    pub fn renew(&mut self, id: &ReservationId, ttl_ns: u64, now: Now) -> Result<bool> {
        self.expire(now);
        if self.known(id)? != State::Open {
            return Ok(false);
        }
        if let Some(mut reservation) = self.shelf.lift(id) {
            reservation.expires_boot_ns = now.boot_ns.saturating_add(ttl_ns);
            self.shelf.put(reservation);
        }
        Ok(true)
    }

    /// Ends every reservation whose time is over, as posted: the provider may have charged.
    pub fn expire(&mut self, now: Now) {
        while let Some(id) = self.shelf.due(now.boot_ns) {
            let units = self.shelf.reservation(&id).map_or_else(Units::default, |due| due.units);
            let (before, usage, saved_nusd) = (State::Open, None, 0);
            let flags = Flags(Flags::ESTIMATED);
            self.end(&id, &End { state: State::Expired, before, units, usage, flags, saved_nusd }, now);
        }
        self.shelf.forget(now.boot_ns);
    }

    /// Corrects a take that has no reservation to what was used.
    pub fn settle_take(&mut self, bound: &Bound, taken: &Units, used: &Units, now: Now) {
        let rules = Arc::clone(&self.rules);
        for scope in bound.scopes() {
            let Some(rule) = rules.get(scope.rule) else { continue };
            let dimension = rule.kind.dimension();
            let (taken, used) = (taken.get(dimension), used.get(dimension));
            if taken == used {
                continue;
            }
            // A scope that is gone was full, so a refund is nothing to it; a debt is.
            let found = self.shelf.find(scope);
            let owed = || (used > taken).then(|| self.shelf.slot_to_book(&rules, scope.rule, &scope.key, now)).flatten();
            if let Some(slot) = found.or_else(owed) {
                self.correct(slot, rule, taken, used, now);
            }
        }
    }

    pub(super) fn known(&self, id: &ReservationId) -> Result<State> {
        self.shelf.standing(id, None).map(|known| known.state).ok_or_else(|| {
            Error::UnknownReservation(format!("reservation '{id}' was never made here, or ended too long ago to be remembered"))
        })
    }

    /// Applies one end to every scope of a reservation and to the ledger.
    fn end(&mut self, id: &ReservationId, end: &End, now: Now) {
        let Some(mut reservation) = self.shelf.lift(id) else { return };
        let rules = Arc::clone(&self.rules);
        let was_open = end.before == State::Open;
        for take in &reservation.takes {
            self.end_take(&rules, take, end, now);
            if was_open {
                self.shelf.open(take.slot, -1);
            }
        }
        if self.shelf.journals() {
            let changes = reservation.takes.iter().map(|take| (take, account_change(take, end)));
            let postings = changes.filter_map(|(take, (posted, pending))| self.posting(take, posted, pending)).collect();
            let (kind, nusd) = match end.state {
                State::Posted(nusd) => (EntryKind::Post, nusd),
                State::Expired => (EntryKind::Expire, reservation.nusd()),
                State::Void | State::Open => (EntryKind::Void, 0),
            };
            let entry = Entry {
                id: id.clone(),
                kind,
                at_ns: now.wall_ns,
                nusd,
                labels: Arc::clone(&reservation.labels),
                units: end.units,
                usage: end.usage,
                flags: end.flags,
                expires_ns: 0,
                saved_nusd: end.saved_nusd,
                postings,
                adjustment: None,
            };
            self.journal_end(&mut reservation, end, entry, now);
        }
        reservation.state = end.state;
        reservation.usage = end.usage;
        if matches!(end.state, State::Posted(_)) {
            // Only an adjustment can still come, and that changes accounts alone. The room of all takes goes to the next
            // reservation, since one that has ended is remembered for long.
            let is_budget = |take: &Take| matches!(rules.get(take.rule).map(|rule| &rule.kind), Some(RuleKind::Budget(_)));
            let mut kept = Vec::with_capacity(reservation.takes.iter().filter(|take| is_budget(take)).count());
            kept.extend(std::mem::take(&mut reservation.takes).into_iter().filter(is_budget));
            reservation.takes = kept;
        }
        self.shelf.put(reservation);
        if was_open {
            self.shelf.remember(id, now.boot_ns);
        }
    }

    fn end_take(&mut self, rules: &Rules, take: &Take, end: &End, now: Now) {
        let Some(rule) = rules.get(take.rule) else { return };
        if take.amount == 0 && end.units.get(rule.kind.dimension()) == 0 {
            return;
        }
        // A scope is never forgotten while a reservation is open on it, so that one needs no look at its key.
        let kept = match end.before {
            State::Open => take.slot != NO_SLOT,
            _ => self.shelf.keeps(take.slot, &take.key),
        };
        let kept = kept.then_some(take.slot);
        let Some(slot) = kept.or_else(|| self.slot_of_gone(rules, rule, take, end, now)) else { return };
        match &rule.kind {
            RuleKind::Budget(budget) => self.end_account(slot, rule, budget, take, end),
            RuleKind::Hold(_) => {
                if end.before == State::Open {
                    self.correct(slot, rule, take.amount, 0, now);
                }
            }
            RuleKind::Refill(dimension, _) => {
                let (had, used) = units_change(*dimension, take, end);
                self.correct(slot, rule, had, used, now);
            }
        }
    }

    /// A slot for a scope that was forgotten, or never made because nothing was taken; `None` when the end leaves it idle.
    fn slot_of_gone(&mut self, rules: &Rules, rule: &Rule, take: &Take, end: &End, now: Now) -> Option<u32> {
        let books = match &rule.kind {
            RuleKind::Budget(_) => account_change(take, end) != (0, 0),
            RuleKind::Hold(_) => false,
            RuleKind::Refill(dimension, _) => {
                let (had, used) = units_change(*dimension, take, end);
                used > had
            }
        };
        let found = self.shelf.slot_of(&take.key);
        match end.state {
            _ if found.is_some() || !books => found,
            // What ends by time ends in somebody else's call, which must not fail for it: the ledger has it.
            State::Expired => self.shelf.slot_or_insert(rules, take.rule, &take.key, now),
            _ => self.shelf.slot_to_book(rules, take.rule, &take.key, now),
        }
    }

    fn end_account(&mut self, slot: u32, rule: &Rule, budget: &BudgetSpec, take: &Take, end: &End) {
        let (posted, pending) = account_change(take, end);
        let in_force = self.rules.is_in_force(take.rule);
        let alerts = &mut self.memo.alerts;
        let over = self.shelf.change(slot, |stock| {
            let Stock::Accounts(accounts) = stock else { return 0 };
            let account = account_of(accounts, take.window);
            account.apply(posted, pending);
            if matches!(end.state, State::Posted(_)) {
                account.overrun += (end.units.get(Dimension::Usd) - take.amount).max(0);
            }
            if !in_force {
                return 0;
            }
            let (posted, limit, reached) = (account.posted, budget.limit_nusd, budget.reached(account.posted));
            for permille in budget.warn_at_permille.iter().copied().take(reached).skip(account.warned as usize) {
                account.warned += 1;
                alerts.push(Alert { rule: take.rule, key: take.key.clone(), permille, posted, limit });
            }
            account.overspent(budget.limit_nusd)
        });
        if rule.mode == Mode::Enforce {
            self.shelf.overshot(over.unwrap_or(0));
        }
    }

    pub(super) fn correct(&mut self, slot: u32, rule: &Rule, taken: i64, used: i64, now: Now) {
        self.shelf.change(slot, |stock| match (&rule.kind, stock) {
            (RuleKind::Refill(_, quota), Stock::Bucket(bucket)) => {
                bucket.refill(quota, now.boot_ns);
                bucket.settle(quota, taken, used);
            }
            (RuleKind::Hold(_), Stock::Held(held)) => *held = held.saturating_sub(taken).saturating_add(used).max(0),
            _ => {}
        });
    }
}

/// What a bucket gave for a take, and what of it was used. Units that an expired reservation took stay taken; a void one gave
/// them back already.
fn units_change(dimension: Dimension, take: &Take, end: &End) -> (i64, i64) {
    let had = if end.before == State::Void { 0 } else { take.amount };
    (had, if end.state == State::Expired { had } else { end.units.get(dimension) })
}

/// How an end changes the account behind a take: (posted, pending).
pub(super) fn account_change(take: &Take, end: &End) -> (i64, i64) {
    let (had_posted, had_pending) = match end.before {
        State::Open => (0, take.amount),
        State::Expired => (take.amount, 0),
        State::Void | State::Posted(_) => (0, 0),
    };
    let posted = match end.state {
        State::Posted(_) => end.units.get(Dimension::Usd),
        State::Expired => take.amount,
        State::Void | State::Open => 0,
    };
    (posted - had_posted, -had_pending)
}
