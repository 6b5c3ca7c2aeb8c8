//! Corrections of what was posted: a provider's credit, or a charge that came later.

use std::sync::Arc;

use crate::clock::Now;
use crate::error::{Error, Result};
use crate::gate::admit::account_of;
use crate::gate::{Gate, Receipt, Shelf, Stock, Unwritten};
use crate::ledger::{Adjustment, Entry, EntryKind, Flags, Reservation, ReservationId, State, Take};
use crate::rules::{Mode, RuleKind};
use crate::throttle::{Dimension, Units};
use crate::units::format_nusd;

/// Adjustments that one reservation can have: each is kept with it.
const MOST: usize = 32;

/// What a reservation is to be changed by.
#[derive(Debug, Clone, Copy)]
pub struct Correction<'a> {
    /// Its own id, the idempotency key.
    pub id: &'a ReservationId,
    /// The change, in nano-USD; negative for a credit.
    pub nusd: i64,
}

impl<S: Shelf> Gate<S> {
    /// Changes what a reservation posted, in each of its accounts and as an entry of its own. The receipt tells what is
    /// posted now.
    ///
    /// # Errors
    /// `UnknownReservation`; `ReservationConflict` for a known adjustment with another amount; `Config` when it is not posted,
    /// when the change is 0, or when less than nothing would be left.
    pub fn adjust(&mut self, id: &ReservationId, change: Correction<'_>, now: Now) -> Result<Receipt> {
        self.expire(now);
        let state = self.known(id)?;
        let Some(reservation) = self.shelf.reservation(id) else { return Err(not_posted(id, state)) };
        let Some(posted) = reservation.posted() else { return Err(not_posted(id, state)) };
        let told = |nusd, replayed| Receipt { nusd, late: false, overrun: false, replayed };
        if let Some(known) = reservation.adjustments.iter().find(|known| known.id == *change.id) {
            return if known.nusd == change.nusd { Ok(told(posted, true)) } else { Err(conflict(known, change)) };
        }
        if reservation.adjustments.len() >= MOST {
            return Err(Error::config(format!(
                "reservation '{id}' has {MOST} adjustments, and no more are kept; use a new request"
            )));
        }
        let after = posted.checked_add(change.nusd).filter(|after| *after >= 0 && change.nusd != 0);
        let Some(after) = after else { return Err(impossible(id, posted, change.nusd)) };
        self.apply_adjustment(reservation, change, now);
        Ok(told(after, false))
    }

    fn apply_adjustment(&mut self, mut reservation: Reservation, change: Correction<'_>, now: Now) {
        for take in &reservation.takes {
            self.adjust_account(take, change.nusd, now);
        }
        if self.shelf.journals() && !reservation.is_written {
            self.shelf.count_unwritten(Unwritten { nusd: change.nusd, ..Unwritten::default() });
        } else if self.shelf.journals() {
            let postings = reservation.takes.iter().filter_map(|take| self.posting(take, change.nusd, 0)).collect();
            self.shelf.journal(Entry {
                id: reservation.id.clone(),
                kind: EntryKind::Adjust,
                at_ns: now.wall_ns,
                nusd: change.nusd,
                labels: Arc::clone(&reservation.labels),
                units: Units::default().with(Dimension::Usd, change.nusd),
                usage: None,
                flags: Flags::default(),
                expires_ns: 0,
                saved_nusd: 0,
                postings,
                adjustment: Some(change.id.clone()),
            });
        }
        reservation.adjustments.push(Adjustment { id: change.id.clone(), nusd: change.nusd });
        // The old one is taken out first: a shelf may count what it keeps.
        self.shelf.lift(&reservation.id);
        self.shelf.put(Box::new(reservation));
    }

    /// An account whose window is over may be forgotten here; the ledger still has it.
    fn adjust_account(&mut self, take: &Take, nusd: i64, now: Now) {
        let rules = Arc::clone(&self.rules);
        let Some(rule) = rules.get(take.rule) else { return };
        let RuleKind::Budget(budget) = &rule.kind else { return };
        let (window, in_force) = (take.window, rules.is_in_force(take.rule));
        let live = window.contains(now.wall_ns);
        let kept = self.shelf.keeps(take.slot, &take.key).then_some(take.slot);
        let known = kept.or_else(|| self.shelf.slot_of(&take.key));
        let booked = || live.then(|| self.shelf.slot_to_book(&rules, take.rule, &take.key, now)).flatten();
        let Some(slot) = known.or_else(booked) else { return };
        let over = self.shelf.change(slot, |stock| {
            let Stock::Accounts(accounts) = stock else { return 0 };
            if !live && !accounts.iter().any(|account| account.window.start_ns == window.start_ns) {
                return 0;
            }
            let account = account_of(accounts, window);
            account.apply(nusd, 0);
            if in_force && (live || account.pending > 0) { account.overspent(budget.limit_nusd) } else { 0 }
        });
        if rule.mode == Mode::Enforce {
            self.shelf.overshot(over.unwrap_or(0));
        }
    }
}

fn not_posted(id: &ReservationId, state: State) -> Error {
    let stands = match state {
        State::Open => "is open",
        State::Void => "was given back",
        _ => "expired as posted, and a late settle corrects that",
    };
    Error::config(format!("reservation '{id}' {stands}: only what was posted can be adjusted; settle it first"))
}

fn conflict(known: &Adjustment, change: Correction<'_>) -> Error {
    let (first, now) = (format_nusd(known.nusd), format_nusd(change.nusd));
    Error::ReservationConflict(format!("adjustment '{}' was made with {first} USD, not {now} USD; use a new id", known.id))
}

fn impossible(id: &ReservationId, posted: i64, nusd: i64) -> Error {
    let (posted, nusd) = (format_nusd(posted), format_nusd(nusd));
    Error::config(format!(
        "adjustment of reservation '{id}' by {nusd} USD: {posted} USD are posted; expected a change other than 0 that leaves 0 or more"
    ))
}
