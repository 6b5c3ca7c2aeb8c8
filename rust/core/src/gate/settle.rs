//! How a reservation ends: posted, void or expired, each exactly once.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::clock::Now;
use crate::error::{Error, Result};
use crate::gate::admit::{account_of, check_units, window_at};
use crate::gate::{Alert, Bound, Gate, REMEMBER_COUNT, REMEMBER_NS, Stock};
use crate::ledger::{Entry, EntryKind, Flags, Reservation, ReservationId, State, Take};
use crate::price::Usage;
use crate::rules::{Mode, RuleKind};
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

impl Gate {
    /// Books what a request used: gives back the rest, or posts the overrun in full.
    ///
    /// # Errors
    /// `UnknownReservation`; `AlreadySettled` when it ended with another amount or was cancelled; `Config` for negative units.
    pub fn settle(&mut self, id: &ReservationId, actual: &Actual, now: Now) -> Result<Receipt> {
        self.expire(now);
        check_units(&actual.units)?;
        let reservation = self.known(id)?;
        let nusd = actual.units.get(Dimension::Usd);
        let reserved = reservation.nusd();
        let overrun = nusd > reserved;
        let late = match reservation.state {
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
        let before = reservation.state;
        let flags = actual.flags.with(Flags::LATE, late).with(Flags::OVERRUN, overrun);
        let entry = self.end(id, State::Posted(nusd), before, &actual.units, flags, now);
        if let Some(mut entry) = entry {
            entry.usage = actual.usage;
            entry.saved_nusd = actual.saved_nusd;
            self.entries.push(entry);
        }
        if let Some(kept) = self.reservations.get_mut(id) {
            kept.usage = actual.usage;
        }
        Ok(Receipt { nusd, late, overrun, replayed: false })
    }

    /// Gives everything back: nothing was sent, or nothing was charged.
    ///
    /// # Errors
    /// `UnknownReservation`; `AlreadySettled` when it was posted.
    pub fn cancel(&mut self, id: &ReservationId, now: Now) -> Result<Receipt> {
        self.expire(now);
        let reservation = self.known(id)?;
        let before = reservation.state;
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
        let entry = self.end(id, State::Void, before, &Units::default(), Flags::default().with(Flags::LATE, late), now);
        self.entries.extend(entry);
        Ok(Receipt { nusd: 0, late, overrun: false, replayed: false })
    }

    /// Moves the expiry of an open reservation; false when it has ended.
    ///
    /// # Errors
    /// `UnknownReservation`.
    pub fn renew(&mut self, id: &ReservationId, ttl_ns: u64, now: Now) -> Result<bool> {
        self.expire(now);
        self.known(id)?;
        let Some(reservation) = self.reservations.get_mut(id).filter(|found| found.state == State::Open) else {
            return Ok(false);
        };
        reservation.expires_boot_ns = now.boot_ns.saturating_add(ttl_ns);
        self.expiries.push(Reverse((reservation.expires_boot_ns, id.clone())));
        Ok(true)
    }

    /// Ends every reservation whose time is over, as posted: the provider may have charged.
    pub fn expire(&mut self, now: Now) {
        while self.expiries.peek().is_some_and(|Reverse((at, _))| *at <= now.boot_ns) {
            let Some(Reverse((_, id))) = self.expiries.pop() else { break };
            let due = |found: &Reservation| found.state == State::Open && found.expires_boot_ns <= now.boot_ns;
            let Some(units) = self.reservations.get(&id).filter(|found| due(found)).map(|found| found.units) else { continue };
            let entry = self.end(&id, State::Expired, State::Open, &units, Flags(Flags::ESTIMATED), now);
            self.entries.extend(entry);
        }
        while self.ended.front().is_some_and(|(at, _)| self.ended.len() > REMEMBER_COUNT || at + REMEMBER_NS <= now.boot_ns) {
            if let Some((_, id)) = self.ended.pop_front() {
                self.reservations.remove(&id);
            }
        }
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
            let slot = self.table.find(scope).or_else(|| self.table.slot_or_insert(&rules, scope.rule, &scope.key, now));
            if let Some(slot) = slot {
                self.correct(slot, scope.rule, taken, used, now);
            }
        }
    }

    /// Drops expiries of ended reservations once they are the larger part, so that the heap follows what is open.
    fn forget_stale_expiries(&mut self) {
        let open = self.reservations.len().saturating_sub(self.ended.len());
        if self.expiries.len() <= 2 * open + 1_024 {
            return;
        }
        let mut expiries = std::mem::take(&mut self.expiries).into_vec();
        expiries.retain(|Reverse((_, id))| self.reservations.get(id).is_some_and(|kept| kept.state == State::Open));
        self.expiries = expiries.into();
    }

    fn known(&self, id: &ReservationId) -> Result<&Reservation> {
        self.reservations.get(id).ok_or_else(|| {
            Error::UnknownReservation(format!("reservation '{id}' was never made here, or ended more than a day ago"))
        })
    }

    /// Applies one end to every scope of a reservation and gives the ledger entry of it.
    fn end(&mut self, id: &ReservationId, state: State, before: State, used: &Units, flags: Flags, now: Now) -> Option<Entry> {
        let reservation = self.reservations.get_mut(id)?;
        reservation.state = state;
        let (labels, reserved, at_ns) = (Arc::clone(&reservation.labels), reservation.units, now.wall_ns);
        let takes = std::mem::take(&mut reservation.takes);
        let was_open = before == State::Open;
        let mut postings = Vec::new();
        for take in &takes {
            self.end_take(take, state, before, used, now);
            let (posted, pending) = account_change(take, state, before, used);
            postings.extend(self.posting(take, posted, pending));
            if was_open {
                self.table.open(take.slot, -1);
            }
        }
        if was_open {
            self.ended.push_back((now.boot_ns, id.clone()));
            self.forget_stale_expiries();
        }
        // A posted reservation never changes again, so its scopes need not be kept.
        if !matches!(state, State::Posted(_))
            && let Some(kept) = self.reservations.get_mut(id)
        {
            kept.takes = takes;
        }
        if !self.keep_entries {
            return None;
        }
        let (kind, nusd) = match state {
            State::Posted(nusd) => (EntryKind::Post, nusd),
            State::Expired => (EntryKind::Expire, reserved.get(Dimension::Usd)),
            State::Void | State::Open => (EntryKind::Void, 0),
        };
        Some(Entry {
            id: id.clone(),
            kind,
            at_ns,
            nusd,
            labels,
            units: *used,
            usage: None,
            flags,
            expires_ns: 0,
            saved_nusd: 0,
            postings,
        })
    }

    fn end_take(&mut self, take: &Take, state: State, before: State, used: &Units, now: Now) {
        let rules = Arc::clone(&self.rules);
        let Some(rule) = rules.get(take.rule) else { return };
        if take.amount == 0 && used.get(rule.kind.dimension()) == 0 {
            return;
        }
        let slot = match self.table.get(take.slot) {
            Some(scope) if scope.key == take.key => Some(take.slot),
            _ => self.table.slot_or_insert(&rules, take.rule, &take.key, now),
        };
        let Some(slot) = slot else { return };
        match &rule.kind {
            RuleKind::Budget(budget) => {
                let (posted, pending) = account_change(take, state, before, used);
                let window = window_at(budget, take.window_start_ns);
                if let Some(Stock::Accounts(accounts)) = self.table.get_mut(slot).map(|scope| &mut scope.stock) {
                    let account = account_of(accounts, window);
                    account.apply(posted, pending);
                    if matches!(state, State::Posted(_)) {
                        account.overrun += (used.get(Dimension::Usd) - take.amount).max(0);
                    }
                    if rule.mode == Mode::Enforce {
                        let over = account.free(budget.limit_nusd).saturating_neg();
                        self.worst_overshoot_nusd = self.worst_overshoot_nusd.max(over);
                    }
                    while let Some(permille) = budget.warn_at_permille.get(account.warned as usize).copied() {
                        let reached = i128::from(account.posted) * 1_000 >= i128::from(budget.limit_nusd) * i128::from(permille);
                        if !reached {
                            break;
                        }
                        account.warned += 1;
                        let (posted, limit) = (account.posted, budget.limit_nusd);
                        self.alerts.push(Alert { rule: take.rule, key: take.key.clone(), permille, posted, limit });
                    }
                }
            }
            RuleKind::Hold(_) => {
                if before == State::Open {
                    self.correct(slot, take.rule, take.amount, 0, now);
                }
            }
            RuleKind::Refill(dimension, _) => {
                // Units that an expired reservation took stay taken; a void one gave them back already.
                let had = if before == State::Void { 0 } else { take.amount };
                let used = if state == State::Expired { had } else { used.get(*dimension) };
                self.correct(slot, take.rule, had, used, now);
            }
        }
    }

    fn correct(&mut self, slot: u32, rule: u16, taken: i64, used: i64, now: Now) {
        let rules = Arc::clone(&self.rules);
        let Some(rule) = rules.get(rule) else { return };
        match (&rule.kind, self.table.get_mut(slot).map(|scope| &mut scope.stock)) {
            (RuleKind::Refill(_, quota), Some(Stock::Bucket(bucket))) => {
                *bucket = bucket.refilled(quota, now.boot_ns);
                bucket.settle(quota, taken, used);
            }
            (RuleKind::Hold(_), Some(Stock::Held(held))) => *held = held.saturating_sub(taken).saturating_add(used).max(0),
            _ => {}
        }
    }
}

/// How an end changes the account behind a take: (posted, pending).
fn account_change(take: &Take, state: State, before: State, used: &Units) -> (i64, i64) {
    let (had_posted, had_pending) = match before {
        State::Open => (0, take.amount),
        State::Expired => (take.amount, 0),
        State::Void | State::Posted(_) => (0, 0),
    };
    let posted = match state {
        State::Posted(_) => used.get(Dimension::Usd),
        State::Expired => take.amount,
        State::Void | State::Open => 0,
    };
    (posted - had_posted, -had_pending)
}
