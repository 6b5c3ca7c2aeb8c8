//! The gate of one process: in its memory, and with a ledger of its own if it has a clock of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tierkit_core::clock::{Clock, Now};
use tierkit_core::decision::Refusal;
use tierkit_core::gate::{Bound, Decide, Gate, HeapShelf, Shelf};
use tierkit_core::route::{Board, OwnBoard};
use tierkit_core::rules::{Rule, Rules};
use tierkit_core::segment::{Memory, Tx};
use tierkit_core::throttle::Units;

use crate::book::Book;
use crate::directory::Directory;
use crate::durable::{Options, closed};
use crate::error::{StateError, StoreError};
use crate::ids::random;
use crate::journal::Journal;
use crate::restore::{restore, rules_over};
use crate::row::{Names, Row, Scopes};
use crate::segment::fork;

/// Every call locks it once; nothing inside waits for the disk unless `strict`.
pub struct PrivateGate {
    gate: Mutex<Named>,
    /// Made by the first request that is steered: most programs with one tier have none.
    board: Mutex<Option<OwnBoard>>,
    clock: Arc<dyn Clock>,
    journal: Option<Journal>,
    directory: Option<Directory>,
    process: u32,
    strict: bool,
}

/// A gate with the names of its scopes.
struct Named {
    gate: Gate,
    scopes: Scopes,
    is_closed: bool,
}

impl PrivateGate {
    /// Opens a gate and restores what its ledger holds.
    ///
    /// # Errors
    /// A state directory that cannot be used.
    pub fn open(rules: &[Rule], clock: &Arc<dyn Clock>, options: &Options) -> Result<Self, StoreError> {
        let _unforked = fork::hold();
        let directory = options.directory.as_deref().map(Directory::open).transpose()?;
        let shelf = HeapShelf::new([random(), random()], options.capacity, directory.is_some());
        let (gate, journal) = match &directory {
            None => (Gate::new(Arc::new(Rules::new(rules.to_vec())?), shelf), None),
            Some(directory) => {
                let path = directory.ledger();
                let mut book = Book::open(&path)?;
                let connection = book.connection();
                let mut gate = Gate::new(Arc::new(rules_over(connection, &path, rules, 0)?), shelf);
                let rules = Arc::clone(gate.rules());
                restore(connection, &path, &rules, clock.now(), &mut |step| {
                    step(&mut gate);
                    Ok(())
                })?;
                (gate, Some(Journal::start(book)?))
            }
        };
        let scopes = Scopes::new(Arc::new(Names::new(gate.rules())));
        Ok(Self {
            gate: Mutex::new(Named { gate, scopes, is_closed: false }),
            board: Mutex::new(None),
            clock: Arc::clone(clock),
            journal,
            directory,
            process: std::process::id(),
            strict: options.strict,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Named> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rules in force.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(self.lock().gate.rules())
    }

    /// Lets other rules decide from the next call on, and gives their version.
    ///
    /// # Errors
    /// Rules that contradict each other; the old ones stay in force. A forked child.
    pub fn reload(&self, rules: &[Rule]) -> Result<u64, StoreError> {
        self.refuse_child()?;
        let mut held = self.lock();
        let before = Arc::clone(held.gate.rules());
        if before.are(rules) {
            return Ok(before.version());
        }
        // The clock is read under the lock: no take can be later than the switch that comes after it.
        let next = Arc::new(before.succeed(rules.to_vec(), before.version() + 1, self.clock.boot_ns())?);
        held.scopes = Scopes::new(Arc::new(Names::new(&next)));
        held.gate.switch(next);
        let slots = held.gate.shelf().slots();
        held.gate.bring_along(0..slots);
        Ok(held.gate.rules().version())
    }

    /// A forked child has the parent's memory but not its writer thread: using it would lose spend.
    fn refuse_child(&self) -> Result<(), StateError> {
        match &self.directory {
            Some(directory) if std::process::id() != self.process => Err(StateError::new(
                directory.path(),
                format!(
                    "opened with a clock of its own by process {} and used in its child {}",
                    self.process,
                    std::process::id()
                ),
                "open the Governor after the fork, each process with its own directory",
            )),
            _ => Ok(()),
        }
    }

    /// Makes one call under the lock and hands its entries to the writer, in order.
    ///
    /// # Errors
    /// A forked child; `Stale` when `version` is given and is not that of the rules in force.
    pub fn call<R>(&self, version: Option<u64>, call: impl FnOnce(&mut dyn Decide, Now) -> R) -> Result<R, StoreError> {
        self.refuse_child()?;
        let now = self.clock.now();
        let mut held = self.lock();
        if held.is_closed {
            return Err(closed().into());
        }
        let Named { gate, scopes, .. } = &mut *held;
        if version.is_some_and(|version| version != gate.rules().version()) {
            return Err(StoreError::Stale);
        }
        let answer = call(gate, now);
        if let Some(journal) = &self.journal {
            let entries = gate.shelf_mut().drain_entries();
            if !entries.is_empty() {
                journal.append(entries.into_iter().map(|entry| Row::new(entry, scopes)).collect());
            }
        }
        Ok(answer)
    }

    /// Takes refilling units; the shortest way, with one reading of one clock where all fits.
    ///
    /// # Errors
    /// `Stale` when the rules have changed since the labels were matched.
    pub fn take(&self, bound: &Bound, units: &Units) -> Result<Result<(), Refusal>, StoreError> {
        let boot_ns = self.clock.boot_ns();
        let mut held = self.lock();
        if held.is_closed {
            return Err(closed().into());
        }
        let gate = &mut held.gate;
        if gate.rules().version() != bound.version() {
            return Err(StoreError::Stale);
        }
        if gate.take_at_once(bound, units, boot_ns) {
            return Ok(Ok(()));
        }
        Ok(gate.take(bound, units, Now { boot_ns, wall_ns: self.clock.wall_ns() }))
    }

    /// Changes what routing remembers in this process: all of it or nothing.
    ///
    /// # Errors
    /// A board that is full, which none is.
    pub fn steer<R>(&self, steer: impl FnOnce(&Board, &mut Tx<'_>, &[u8; 32]) -> R) -> Result<R, StoreError> {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        let own = board.get_or_insert_with(|| {
            let words = [random(), random(), random(), random()].map(u64::to_le_bytes);
            let mut seed = [0; 32];
            seed.iter_mut().zip(words.as_flattened()).for_each(|(to, byte)| *to = *byte);
            OwnBoard::new(seed)
        });
        let mut tx = Tx::begin(own.words.view(), own.log)?;
        let answer = steer(&own.board, &mut tx, &own.seed);
        tx.commit()?;
        Ok(answer)
    }

    /// Whether admissions can be made durable.
    ///
    /// # Errors
    /// The fault of the ledger, unless the policy admits then.
    pub fn check(&self, allow_on_fault: bool) -> Result<(), StateError> {
        self.journal.as_ref().filter(|_| !allow_on_fault).map_or(Ok(()), Journal::check)
    }

    /// What keeps the ledger from being written.
    pub fn fault(&self) -> Option<StateError> {
        self.journal.as_ref().and_then(Journal::fault)
    }

    /// Whether a call may wait for the disk.
    pub fn may_wait(&self) -> bool {
        self.strict && self.journal.is_some()
    }

    /// With `strict`, waits until the ledger has everything so far.
    ///
    /// # Errors
    /// As [`PrivateGate::flush`].
    pub fn wait_if_strict(&self) -> Result<(), StateError> {
        if self.strict { self.flush() } else { Ok(()) }
    }

    /// Ends the writer, which writes what is left, and gives the directory free.
    ///
    /// # Errors
    /// A disk that keeps the writer for more than 10 s.
    pub fn close(&self) -> Result<(), StateError> {
        self.lock().is_closed = true;
        let Some((journal, directory)) = self.journal.as_ref().zip(self.directory.as_ref()) else { return Ok(()) };
        if !journal.end() {
            let seen = "closed, and its writer still waits for the disk after 10 s";
            return Err(StateError::new(directory.path(), seen, "wait until the disk answers"));
        }
        directory.leave();
        Ok(())
    }

    /// Waits until the ledger has everything that happened.
    ///
    /// # Errors
    /// A ledger that cannot be written.
    pub fn flush(&self) -> Result<(), StateError> {
        self.refuse_child()?;
        self.journal.as_ref().map_or(Ok(()), Journal::flush)
    }
}
