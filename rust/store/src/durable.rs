//! The gate with a clock and, if asked for, a ledger on disk that all processes of the machine share.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tierkit_core::clock::{Clock, Now};
use tierkit_core::decision::Refusal;
use tierkit_core::error::Error;
use tierkit_core::gate::{Actual, Alert, Ask, Balance, Bound, Bounds, Correction, Decide, Grant, Receipt, Unwritten};
use tierkit_core::labels::LabelRefs;
use tierkit_core::ledger::{Reservation, ReservationId};
use tierkit_core::route::Board;
use tierkit_core::rules::Rules;
use tierkit_core::segment::Tx;
use tierkit_core::throttle::Units;

use crate::clock::SystemClock;
use crate::error::{StateError, StoreError};
use crate::ids::{Ids, random};
use crate::private::PrivateGate;
use crate::segment::Offer;
use crate::shared::SharedGate;

/// How a gate is opened.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The state directory; `None` keeps everything in this process's memory.
    pub directory: Option<PathBuf>,
    /// Scopes kept at most in this process's memory; a shared segment has its own size.
    pub capacity: usize,
    /// Answer admissions and settles only after their commit.
    pub strict: bool,
    /// Admit when the ledger cannot be written, instead of refusing.
    pub allow_on_fault: bool,
}

enum Home {
    Private(Box<PrivateGate>),
    Shared(SharedGate),
}

/// A gate, wherever its state is.
pub struct DurableGate {
    home: Home,
    allow_on_fault: AtomicBool,
    is_closed: AtomicBool,
    /// Whether the last look found a fault.
    is_troubled: AtomicBool,
    clock: Arc<dyn Clock>,
    ids: Ids,
    bounds: Mutex<Bounds>,
}

/// What a call on a closed gate is told.
pub fn closed() -> Error {
    Error::config("this one is closed; open another Governor, Ledger or Limiter")
}

impl DurableGate {
    /// Opens a gate. With a directory and the machine's clock (`None`) it shares its state with every process that opens the
    /// same directory; a clock of its own keeps the directory to itself.
    ///
    /// # Errors
    /// A state directory that cannot be used, or rules that cannot be kept.
    pub fn open(offer: Offer, clock: Option<Arc<dyn Clock>>, options: &Options) -> Result<Self, StoreError> {
        let own_clock = clock.is_some();
        let clock = clock.unwrap_or_else(|| Arc::new(SystemClock));
        let home = match &options.directory {
            Some(path) if !own_clock => Home::Shared(SharedGate::open(path, offer, options.strict)?),
            _ => Home::Private(Box::new(PrivateGate::open(&offer.rules, &clock, options)?)),
        };
        let allow_on_fault = AtomicBool::new(options.allow_on_fault);
        let bounds = Mutex::new(Bounds::new([random(), random()]));
        let (is_closed, is_troubled) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { home, allow_on_fault, is_closed, is_troubled, clock, ids: Ids::default(), bounds })
    }

    /// The scopes of labels, which it keeps for those who ask again.
    pub fn bound(&self, rules: &Rules, labels: &LabelRefs<'_>) -> Arc<Bound> {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner).of(rules, labels)
    }

    /// The same for a take, which needs no labels.
    pub fn passing(&self, rules: &Rules, labels: &LabelRefs<'_>) -> Arc<Bound> {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner).passing(rules, labels)
    }

    /// The rules, as this process saw them last.
    pub fn rules(&self) -> Arc<Rules> {
        match &self.home {
            Home::Private(gate) => gate.rules(),
            Home::Shared(gate) => gate.rules(),
        }
    }

    /// Lets another policy decide from the next call on, in every process of the directory. What was taken under the old one
    /// ends under the rules that it was taken by. Gives the version of the rules.
    ///
    /// # Errors
    /// Rules that cannot be kept, or a state that cannot be used: then the old policy stays in force.
    pub fn reload(&self, offer: &Offer) -> Result<u64, StoreError> {
        match self.opened()? {
            Home::Private(gate) => gate.reload(&offer.rules),
            Home::Shared(gate) => gate.reload(offer),
        }
    }

    /// The version of the rules in force.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn version(&self) -> Result<u64, StateError> {
        match &self.home {
            Home::Private(gate) => Ok(gate.rules().version()),
            Home::Shared(gate) => gate.version(),
        }
    }

    /// Whether to admit from now on when the ledger cannot be written.
    pub fn allow_on_fault(&self, allow: bool) {
        self.allow_on_fault.store(allow, Ordering::Relaxed);
    }

    /// The version of the rules in force, and line and text of the policy that they come from; no line where nobody else
    /// could have brought it.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn in_force(&self) -> Result<(u64, Option<(String, String)>), StoreError> {
        match self.opened()? {
            Home::Private(gate) => Ok((gate.rules().version(), None)),
            Home::Shared(gate) => {
                let directory = gate.directory()?;
                Ok((directory.rules.version(), Some((directory.line, directory.policy))))
            }
        }
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// A fresh id.
    pub fn new_id(&self) -> String {
        self.ids.next(self.clock.wall_ns())
    }

    fn call<R>(&self, call: impl FnOnce(&mut dyn Decide, Now) -> R) -> Result<R, StoreError> {
        self.call_under(None, call)
    }

    fn call_under<R>(&self, version: Option<u64>, call: impl FnOnce(&mut dyn Decide, Now) -> R) -> Result<R, StoreError> {
        match self.opened()? {
            Home::Private(gate) => gate.call(version, call),
            Home::Shared(gate) => gate.call(version, call),
        }
    }

    /// Makes a call that may make room.
    fn free<R>(&self, call: impl FnOnce(&mut dyn Decide, Now) -> R) -> Result<R, StoreError> {
        match self.opened()? {
            Home::Private(gate) => gate.call(None, call),
            Home::Shared(gate) => gate.free(call),
        }
    }

    /// How often processes made room in a shared directory; `None` where no other process can.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn freed(&self) -> Result<Option<u64>, StateError> {
        match &self.home {
            Home::Private(_) => Ok(None),
            Home::Shared(gate) => gate.freed().map(Some),
        }
    }

    /// Sleeps until a process makes room after `seen`, or the time is over; gives the new count.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn wait_freed(&self, seen: u64, time: Duration) -> Result<Option<u64>, StateError> {
        match &self.home {
            Home::Private(_) => Ok(None),
            Home::Shared(gate) => gate.wait_freed(seen, time).map(Some),
        }
    }

    fn check(&self) -> Result<(), StateError> {
        let allow = self.allow_on_fault.load(Ordering::Relaxed);
        match &self.home {
            Home::Private(gate) => gate.check(allow),
            Home::Shared(gate) => gate.check(allow),
        }
    }

    /// What keeps the ledger from being written, once when it begins; and `Some(None)` once when it is over.
    pub fn trouble(&self) -> Option<Option<StateError>> {
        let fault = match &self.home {
            Home::Private(gate) => gate.fault(),
            Home::Shared(gate) => gate.fault(),
        };
        let was = self.is_troubled.swap(fault.is_some(), Ordering::Relaxed);
        (was != fault.is_some()).then_some(fault)
    }

    /// What was admitted without room for its entries; see `Unwritten`.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn unwritten(&self) -> Result<Unwritten, StoreError> {
        self.call(|gate, _| gate.unwritten())
    }

    /// Whether a call that reserves or ends may wait for the disk, so that its caller should let others run meanwhile.
    pub fn may_wait(&self) -> bool {
        match &self.home {
            Home::Private(gate) => gate.may_wait(),
            Home::Shared(gate) => gate.may_wait(),
        }
    }

    fn wait_if_strict(&self) -> Result<(), StateError> {
        match &self.home {
            Home::Private(gate) => gate.wait_if_strict(),
            Home::Shared(gate) => gate.wait_if_strict(),
        }
    }

    /// Takes refilling units; see `Gate::take`.
    ///
    /// # Errors
    /// A shared state that cannot be used; `Stale` when the rules have changed since the labels were matched.
    pub fn take(&self, bound: &Bound, units: &Units) -> Result<Result<(), Refusal>, StoreError> {
        match self.opened()? {
            Home::Private(gate) => gate.take(bound, units),
            Home::Shared(gate) => gate.take(bound, units),
        }
    }

    /// Corrects such a take to what was used.
    ///
    /// # Errors
    /// As [`DurableGate::take`].
    pub fn settle_take(&self, bound: &Bound, taken: &Units, used: &Units) -> Result<(), StoreError> {
        self.free(|gate, now| gate.settle_take(bound, taken, used, now))
    }

    /// Reserves; see `Gate::admit`.
    ///
    /// # Errors
    /// Misuse, or a ledger that cannot be written while the policy refuses then; `Stale` as [`DurableGate::take`].
    pub fn admit(
        &self,
        id: &ReservationId,
        bound: &Bound,
        units: Units,
        ttl_ns: u64,
    ) -> Result<Result<Grant, Refusal>, StoreError> {
        self.check()?;
        let allow = self.allow_on_fault.load(Ordering::Relaxed);
        let ask = Ask { id, bound, units, ttl_ns, may_be_unwritten: allow };
        let answer = self.call_under(Some(bound.version()), |gate, now| gate.admit(&ask, now))??;
        if answer.is_ok() {
            // Who admits whatever the disk says does not take back what it let in.
            self.wait_if_strict().or_else(|fault| if allow { Ok(()) } else { Err(fault) })?;
        }
        Ok(answer)
    }

    /// Settles; see `Gate::settle`.
    ///
    /// # Errors
    /// Misuse; with `strict`, a commit that failed (the entry is kept and tried again).
    pub fn settle(&self, id: &ReservationId, actual: &Actual) -> Result<(Receipt, Vec<Alert>), StoreError> {
        let (receipt, alerts) = self.free(|gate, now| (gate.settle(id, actual, now), gate.memo().drain_alerts()))?;
        let receipt = receipt?;
        self.wait_if_strict()?;
        Ok((receipt, alerts))
    }

    /// Cancels; see `Gate::cancel`.
    ///
    /// # Errors
    /// As [`DurableGate::settle`].
    pub fn cancel(&self, id: &ReservationId) -> Result<Receipt, StoreError> {
        let receipt = self.free(|gate, now| gate.cancel(id, now))??;
        self.wait_if_strict()?;
        Ok(receipt)
    }

    /// Moves an expiry; see `Gate::renew`.
    ///
    /// # Errors
    /// `UnknownReservation`.
    pub fn renew(&self, id: &ReservationId, ttl_ns: u64) -> Result<bool, StoreError> {
        Ok(self.call(|gate, now| gate.renew(id, ttl_ns, now))??)
    }

    /// Corrects what was posted; see `Gate::adjust`.
    ///
    /// # Errors
    /// Misuse, or a ledger that cannot be written while the policy refuses then.
    pub fn adjust(&self, id: &ReservationId, change: Correction<'_>) -> Result<Receipt, StoreError> {
        self.check()?;
        let receipt = self.call(|gate, now| gate.adjust(id, change, now))??;
        self.wait_if_strict()?;
        Ok(receipt)
    }

    /// Balances of every budget.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn balances(&self) -> Result<Vec<Balance>, StoreError> {
        self.call(|gate, now| gate.balances(now))
    }

    /// A reservation, open or remembered.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn reservation(&self, id: &ReservationId) -> Result<Option<Reservation>, StoreError> {
        self.call(|gate, _| gate.reservation(id))
    }

    /// How many scopes are kept, and the furthest that an enforced budget was ever exceeded (nano-USD).
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn figures(&self) -> Result<(usize, i64), StoreError> {
        self.call(|gate, _| (gate.scope_count(), gate.worst_overshoot_nusd()))
    }

    /// How often an observing rule would have refused, in this process.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn would_refuse(&self, rule: u16) -> Result<u64, StoreError> {
        self.call(|gate, _| gate.memo().would_refuse(rule))
    }

    /// Changes what routing remembers: all of it or nothing.
    ///
    /// # Errors
    /// A shared state that cannot be used.
    pub fn steer<R>(&self, steer: impl FnOnce(&Board, &mut Tx<'_>, &[u8; 32]) -> R) -> Result<R, StoreError> {
        match self.opened()? {
            Home::Private(gate) => gate.steer(steer),
            Home::Shared(gate) => gate.steer(steer),
        }
    }

    /// Waits until the ledger holds everything that happened.
    ///
    /// # Errors
    /// A ledger that cannot be written.
    pub fn flush(&self) -> Result<(), StoreError> {
        match self.opened()? {
            Home::Private(gate) => Ok(gate.flush()?),
            Home::Shared(gate) => Ok(gate.flush()?),
        }
    }

    /// Ends the writer, which writes what is left, and gives the directory free; every later call is refused. What another
    /// gate of this process has open stays open. Closing twice is closing once.
    ///
    /// # Errors
    /// A disk that keeps the writer for more than 10 s.
    pub fn close(&self) -> Result<(), StateError> {
        if self.is_closed.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        match &self.home {
            Home::Private(gate) => gate.close(),
            Home::Shared(gate) => gate.close(),
        }
    }

    /// The home, until it is closed.
    fn opened(&self) -> Result<&Home, StoreError> {
        if self.is_closed.load(Ordering::Relaxed) { Err(closed().into()) } else { Ok(&self.home) }
    }
}

impl Drop for DurableGate {
    fn drop(&mut self) {
        let _ = self.close();
    }
}
