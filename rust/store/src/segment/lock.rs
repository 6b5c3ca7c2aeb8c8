//! The lock of the segment, with what it asks of this machine: which processes live, what time it is, and a rest.

use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tierkit_core::clock::Clock;
use tierkit_core::segment::{Blocked, Held, PATIENCE_NS, Surroundings, number_of};

use crate::clock::SystemClock;
use crate::error::StateError;
use crate::segment::{Known, Segment, owners};

/// After so long a wait, others are busy for longer than a call takes.
const BUSY_NS: u64 = 100_000;

/// The lock, held. Dropping it lets the next one in.
#[derive(Debug)]
pub struct Turn<'a> {
    // Before what follows: other processes go on before the next thread of this one does.
    _held: Held<'a>,
    /// What this process knows.
    pub known: MutexGuard<'a, Known>,
}

impl Surroundings for Segment {
    fn lives(&self, owner: u64) -> bool {
        owners::lives(self, owner)
    }

    fn boot_ns(&self) -> u64 {
        SystemClock.boot_ns()
    }

    fn give_way(&self, waited_ns: u64) {
        if waited_ns > BUSY_NS {
            std::thread::sleep(Duration::from_micros(20));
        } else {
            std::thread::yield_now();
        }
    }
}

impl Segment {
    /// Takes the lock: first this process's, then the segment's. Whoever has it knows the rules in force.
    ///
    /// # Errors
    /// A living holder that does not let go, or damage that a dead one left.
    pub fn turn(&self) -> Result<Turn<'_>, StateError> {
        let known = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if known.has_left {
            return Err(StateError::new(&self.path, "closed while this call was under way", "open another one"));
        }
        let held = self.lock.acquire(self.words(), self.me, self).map_err(|blocked| self.blocked(blocked))?;
        let mut turn = Turn { _held: held, known };
        if self.layout.rules_version(self.words()) != turn.known.version {
            self.follow(&mut turn)?;
        }
        Ok(turn)
    }

    #[cold]
    fn blocked(&self, blocked: Blocked) -> StateError {
        match blocked {
            Blocked::Held(holder) => {
                let (number, millis) = (number_of(holder), PATIENCE_NS / 1_000_000);
                let seen = format!("process number {number} holds its lock for more than {millis} ms");
                StateError::new(&self.path, seen, "let that process go on, or end it")
            }
            Blocked::Broken(error) => {
                StateError::new(&self.path, error, "stop all processes that use it; the next one rebuilds it from the ledger")
            }
        }
    }
}
