//! The calls of a gate, whatever shelf it has.

use crate::clock::Now;
use crate::error::Result;
use crate::gate::{Actual, Admitted, Ask, Balance, Bound, Correction, Gate, Memo, Receipt, Shelf, Unwritten};
use crate::labels::Key;
use crate::ledger::{Account, Reservation, ReservationId};
use crate::rules::RuleKind;
use crate::throttle::Units;

/// Everything that an owner of a gate calls; see [`Gate`] for what each does.
#[allow(missing_docs, reason = "each is the method of the same name of `Gate`")]
pub trait Decide {
    fn admit(&mut self, ask: &Ask<'_>, now: Now) -> Result<Admitted>;
    fn settle(&mut self, id: &ReservationId, actual: &Actual, now: Now) -> Result<Receipt>;
    fn cancel(&mut self, id: &ReservationId, now: Now) -> Result<Receipt>;
    fn renew(&mut self, id: &ReservationId, ttl_ns: u64, now: Now) -> Result<bool>;
    fn adjust(&mut self, id: &ReservationId, change: Correction<'_>, now: Now) -> Result<Receipt>;
    fn settle_take(&mut self, bound: &Bound, taken: &Units, used: &Units, now: Now);
    fn balances(&mut self, now: Now) -> Vec<Balance>;
    fn reservation(&self, id: &ReservationId) -> Option<Reservation>;
    fn release_holds(&mut self, id: &ReservationId, now: Now);
    fn restore_account(&mut self, rule: u16, key: &Key, account: Account, now: Now);
    fn restore_bucket(&mut self, rule: u16, key: &Key, level: i64, age_ns: u64, now: Now);
    fn restore_reservation(&mut self, reservation: Reservation, now: Now);
    fn scope_count(&self) -> usize;
    fn worst_overshoot_nusd(&self) -> i64;
    fn unwritten(&self) -> Unwritten;
    fn memo(&mut self) -> &mut Memo;
}

impl<S: Shelf> Gate<S> {
    /// Frees the slots of an open reservation whose owner is gone: nothing of it runs any more. Its money waits for the expiry,
    /// since the provider may have charged.
    pub fn release_holds(&mut self, id: &ReservationId, now: Now) {
        let rules = std::sync::Arc::clone(&self.rules);
        let Some(mut reservation) = self.shelf.lift(id) else { return };
        for take in &mut reservation.takes {
            let held = rules.get(take.rule).filter(|rule| matches!(rule.kind, RuleKind::Hold(_)));
            if let Some(rule) = held.filter(|_| take.amount > 0) {
                self.correct(take.slot, rule, take.amount, 0, now);
                take.amount = 0;
            }
        }
        self.shelf.put(reservation);
    }
}

impl<S: Shelf> Decide for Gate<S> {
    fn admit(&mut self, ask: &Ask<'_>, now: Now) -> Result<Admitted> {
        self.admit(ask, now)
    }

    fn settle(&mut self, id: &ReservationId, actual: &Actual, now: Now) -> Result<Receipt> {
        self.settle(id, actual, now)
    }

    fn cancel(&mut self, id: &ReservationId, now: Now) -> Result<Receipt> {
        self.cancel(id, now)
    }

    fn renew(&mut self, id: &ReservationId, ttl_ns: u64, now: Now) -> Result<bool> {
        self.renew(id, ttl_ns, now)
    }

    fn adjust(&mut self, id: &ReservationId, change: Correction<'_>, now: Now) -> Result<Receipt> {
        self.adjust(id, change, now)
    }

    fn settle_take(&mut self, bound: &Bound, taken: &Units, used: &Units, now: Now) {
        self.settle_take(bound, taken, used, now);
    }

    fn balances(&mut self, now: Now) -> Vec<Balance> {
        self.balances(now)
    }

    fn reservation(&self, id: &ReservationId) -> Option<Reservation> {
        self.reservation(id)
    }

    fn release_holds(&mut self, id: &ReservationId, now: Now) {
        self.release_holds(id, now);
    }

    fn restore_account(&mut self, rule: u16, key: &Key, account: Account, now: Now) {
        self.restore_account(rule, key, account, now);
    }

    fn restore_bucket(&mut self, rule: u16, key: &Key, level: i64, age_ns: u64, now: Now) {
        self.restore_bucket(rule, key, level, age_ns, now);
    }

    fn restore_reservation(&mut self, reservation: Reservation, now: Now) {
        self.restore_reservation(reservation, now);
    }

    fn scope_count(&self) -> usize {
        self.scope_count()
    }

    fn unwritten(&self) -> Unwritten {
        self.shelf.unwritten()
    }

    fn worst_overshoot_nusd(&self) -> i64 {
        self.worst_overshoot_nusd()
    }

    fn memo(&mut self) -> &mut Memo {
        self.memo()
    }
}
