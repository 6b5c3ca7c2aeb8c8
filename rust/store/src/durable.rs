//! The gate with a clock, a lock and, if asked for, a ledger on disk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tierkit_core::clock::{Clock, Now};
use tierkit_core::decision::Refusal;
use tierkit_core::gate::{Actual, Alert, Ask, Balance, Bound, Gate, Grant, HeapShelf, Receipt};
use tierkit_core::ledger::{Reservation, ReservationId};
use tierkit_core::rules::Rules;
use tierkit_core::throttle::Units;

use crate::directory::Directory;
use crate::error::{StateError, StoreError};
use crate::ids::{Ids, random};
use crate::journal::Journal;
use crate::restore::restore;
use crate::row::Row;
use crate::schema::open_writer;

/// How a gate is opened.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The state directory; `None` keeps everything in this process's memory.
    pub directory: Option<PathBuf>,
    /// Scopes kept at most.
    pub capacity: usize,
    /// Answer admissions and settles only after their commit.
    pub strict: bool,
    /// Admit when the ledger cannot be written, instead of refusing.
    pub allow_on_fault: bool,
}

/// The gate of one process. Every call locks it once; nothing inside waits for the disk unless `strict`.
pub struct DurableGate {
    gate: Mutex<Gate>,
    rules: Arc<Rules>,
    clock: Arc<dyn Clock>,
    journal: Option<Journal>,
    directory: Option<Directory>,
    ids: Ids,
    process: u32,
    options: Options,
}

impl DurableGate {
    /// Opens a gate and restores what its ledger holds.
    ///
    /// # Errors
    /// A state directory that cannot be used.
    pub fn open(rules: Rules, clock: Arc<dyn Clock>, options: Options) -> Result<Self, StateError> {
        let rules = Arc::new(rules);
        let directory = options.directory.as_deref().map(Directory::open).transpose()?;
        let shelf = HeapShelf::new([random(), random()], options.capacity, directory.is_some());
        let mut gate = Gate::new(Arc::clone(&rules), shelf);
        let journal = match &directory {
            None => None,
            Some(directory) => {
                let path = directory.ledger();
                let connection = open_writer(&path)?;
                restore(&connection, &path, &mut gate, clock.now())?;
                Some(Journal::start(connection, &path)?)
            }
        };
        let process = std::process::id();
        Ok(Self { gate: Mutex::new(gate), rules, clock, journal, directory, ids: Ids::default(), process, options })
    }

    /// The rules.
    pub fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// A fresh id.
    pub fn new_id(&self) -> String {
        self.ids.next(self.clock.now().wall_ns)
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A forked child has the parent's memory but not its writer thread: using it would lose spend.
    fn refuse_child(&self) -> Result<(), StateError> {
        match &self.directory {
            Some(directory) if std::process::id() != self.process => Err(StateError::new(
                directory.path(),
                format!("opened by process {} and used in its child {}", self.process, std::process::id()),
                "open the Governor after the fork, each process with its own directory",
            )),
            _ => Ok(()),
        }
    }

    /// Hands the entries made under the lock to the writer, in order.
    fn journal(&self, gate: &mut Gate) {
        if let Some(journal) = &self.journal {
            let entries = gate.shelf_mut().drain_entries();
            if !entries.is_empty() {
                journal.append(entries.into_iter().map(|entry| Row::new(entry, &self.rules)).collect());
            }
        }
    }

    fn wait_if_strict(&self) -> Result<(), StateError> {
        match &self.journal {
            Some(journal) if self.options.strict => journal.flush(),
            _ => Ok(()),
        }
    }

    /// Takes refilling units; see [`Gate::take`].
    pub fn take(&self, bound: &Bound, units: &Units) -> Result<(), Refusal> {
        let boot_ns = self.clock.boot_ns();
        let mut gate = self.lock();
        if gate.take_at_once(bound, units, boot_ns) {
            return Ok(());
        }
        gate.take(bound, units, self.clock.now())
    }

    /// Corrects such a take to what was used.
    pub fn settle_take(&self, bound: &Bound, taken: &Units, used: &Units) {
        let now = self.clock.now();
        self.lock().settle_take(bound, taken, used, now);
    }

    /// Reserves; see [`Gate::admit`].
    ///
    /// # Errors
    /// Misuse, or a ledger that cannot be written while the policy refuses then.
    pub fn admit(
        &self,
        id: &ReservationId,
        bound: &Bound,
        units: Units,
        ttl_ns: u64,
    ) -> Result<Result<Grant, Refusal>, StoreError> {
        self.refuse_child()?;
        if let Some(journal) = self.journal.as_ref().filter(|_| !self.options.allow_on_fault) {
            journal.check()?;
        }
        let now = self.clock.now();
        let mut gate = self.lock();
        let answer = gate.admit(&Ask { id, bound, units, ttl_ns }, now)?;
        self.journal(&mut gate);
        drop(gate);
        if answer.is_ok() {
            self.wait_if_strict()?;
        }
        Ok(answer)
    }

    /// Settles; see [`Gate::settle`].
    ///
    /// # Errors
    /// Misuse; with `strict`, a commit that failed (the entry is kept and tried again).
    pub fn settle(&self, id: &ReservationId, actual: &Actual) -> Result<(Receipt, Vec<Alert>), StoreError> {
        self.refuse_child()?;
        let now = self.clock.now();
        let mut gate = self.lock();
        let receipt = gate.settle(id, actual, now);
        self.journal(&mut gate);
        let alerts = gate.memo().drain_alerts();
        drop(gate);
        let receipt = receipt?;
        self.wait_if_strict()?;
        Ok((receipt, alerts))
    }

    /// Cancels; see [`Gate::cancel`].
    ///
    /// # Errors
    /// As [`DurableGate::settle`].
    pub fn cancel(&self, id: &ReservationId) -> Result<Receipt, StoreError> {
        self.refuse_child()?;
        let now = self.clock.now();
        let mut gate = self.lock();
        let receipt = gate.cancel(id, now);
        self.journal(&mut gate);
        drop(gate);
        let receipt = receipt?;
        self.wait_if_strict()?;
        Ok(receipt)
    }

    /// Moves an expiry; see [`Gate::renew`].
    ///
    /// # Errors
    /// `UnknownReservation`.
    pub fn renew(&self, id: &ReservationId, ttl_ns: u64) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let mut gate = self.lock();
        let renewed = gate.renew(id, ttl_ns, now)?;
        self.journal(&mut gate);
        Ok(renewed)
    }

    /// Balances of every budget.
    pub fn balances(&self) -> Vec<Balance> {
        let now = self.clock.now();
        let mut gate = self.lock();
        let rows = gate.balances(now);
        self.journal(&mut gate);
        rows
    }

    /// A reservation, open or remembered.
    pub fn reservation(&self, id: &ReservationId) -> Option<Reservation> {
        self.lock().reservation(id)
    }

    /// How many scopes are kept, and the furthest that an enforced budget was ever exceeded (nano-USD).
    pub fn figures(&self) -> (usize, i64) {
        let gate = self.lock();
        (gate.scope_count(), gate.worst_overshoot_nusd())
    }

    /// How often an observing rule would have refused.
    pub fn would_refuse(&self, rule: u16) -> u64 {
        self.lock().memo().would_refuse(rule)
    }

    /// Waits until the ledger holds everything that happened.
    ///
    /// # Errors
    /// A ledger that cannot be written.
    pub fn flush(&self) -> Result<(), StateError> {
        self.refuse_child()?;
        self.journal.as_ref().map_or(Ok(()), Journal::flush)
    }
}
