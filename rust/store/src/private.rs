//! The gate of one process: in its memory, and with a ledger of its own if it has a clock of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tierkit_core::clock::{Clock, Now};
use tierkit_core::decision::Refusal;
use tierkit_core::gate::{Bound, Decide, Gate, HeapShelf};
use tierkit_core::route::{Board, OwnBoard};
use tierkit_core::rules::Rules;
use tierkit_core::segment::{Memory, Tx};
use tierkit_core::throttle::Units;

use crate::directory::Directory;
use crate::durable::Options;
use crate::error::{StateError, StoreError};
use crate::ids::random;
use crate::journal::Journal;
use crate::restore::restore;
use crate::row::{Names, Row};
use crate::schema::open_writer;
use crate::segment::fork;

/// Every call locks it once; nothing inside waits for the disk unless `strict`.
pub struct PrivateGate {
    gate: Mutex<Gate>,
    /// Made by the first request that is steered: most programs with one tier have none.
    board: Mutex<Option<OwnBoard>>,
    clock: Arc<dyn Clock>,
    names: Names,
    journal: Option<Journal>,
    directory: Option<Directory>,
    process: u32,
    strict: bool,
    allow_on_fault: bool,
}

impl PrivateGate {
    /// Opens a gate and restores what its ledger holds.
    ///
    /// # Errors
    /// A state directory that cannot be used.
    pub fn open(rules: &Arc<Rules>, clock: &Arc<dyn Clock>, options: &Options) -> Result<Self, StateError> {
        let _unforked = fork::hold();
        let directory = options.directory.as_deref().map(Directory::open).transpose()?;
        let shelf = HeapShelf::new([random(), random()], options.capacity, directory.is_some());
        let mut gate = Gate::new(Arc::clone(rules), shelf);
        let journal = match &directory {
            None => None,
            Some(directory) => {
                let path = directory.ledger();
                let connection = open_writer(&path)?;
                restore(&connection, &path, rules, clock.now(), &mut |step| {
                    step(&mut gate);
                    Ok(())
                })?;
                Some(Journal::start(connection, &path)?)
            }
        };
        Ok(Self {
            gate: Mutex::new(gate),
            board: Mutex::new(None),
            clock: Arc::clone(clock),
            names: Names::new(rules),
            journal,
            directory,
            process: std::process::id(),
            strict: options.strict,
            allow_on_fault: options.allow_on_fault,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
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
    /// A forked child.
    pub fn call<R>(&self, call: impl FnOnce(&mut dyn Decide, Now) -> R) -> Result<R, StateError> {
        self.refuse_child()?;
        let now = self.clock.now();
        let mut gate = self.lock();
        let answer = call(&mut *gate, now);
        if let Some(journal) = &self.journal {
            let entries = gate.shelf_mut().drain_entries();
            if !entries.is_empty() {
                journal.append(entries.into_iter().map(|entry| Row::new(entry, &self.names)).collect());
            }
        }
        Ok(answer)
    }

    /// Takes refilling units; the shortest way, with one reading of one clock where all fits.
    ///
    /// # Errors
    /// Who refuses.
    pub fn take(&self, bound: &Bound, units: &Units) -> Result<(), Refusal> {
        let boot_ns = self.clock.boot_ns();
        let mut gate = self.lock();
        if gate.take_at_once(bound, units, boot_ns) {
            return Ok(());
        }
        gate.take(bound, units, self.clock.now())
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
    pub fn check(&self) -> Result<(), StateError> {
        self.journal.as_ref().filter(|_| !self.allow_on_fault).map_or(Ok(()), Journal::check)
    }

    /// With `strict`, waits until the ledger has everything so far.
    ///
    /// # Errors
    /// As [`PrivateGate::flush`].
    pub fn wait_if_strict(&self) -> Result<(), StateError> {
        if self.strict { self.flush() } else { Ok(()) }
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
