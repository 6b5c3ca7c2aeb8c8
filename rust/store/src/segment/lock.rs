//! The lock of the segment: one word that names its holder, so that a dead holder is seen and its half-made call undone.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use tierkit_core::clock::Clock;
use tierkit_core::segment::recover;

use crate::clock::SystemClock;
use crate::error::StateError;
use crate::segment::{Known, Segment, Word, owners};

/// Spins before the processor is given away; a call holds the lock for about a microsecond.
const SPINS: u32 = 300;
/// After so long it is asked whether the holder lives.
const ASK_NS: u64 = 1_000_000;
/// A holder that lives and does not go on (stopped, or starved) is waited for so long, and never robbed. Long enough for a
/// process that a busy machine has put aside in the middle of a call.
const PATIENCE_NS: u64 = 200_000_000;

/// The lock, held. Dropping it lets the next one in.
#[derive(Debug)]
pub struct Turn<'a> {
    segment: &'a Segment,
    /// What this process knows.
    pub known: MutexGuard<'a, Known>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Only its own: a lock that somebody else holds is not ours to open.
        let _ = self.segment.word(Word::Lock).compare_exchange(self.segment.me, 0, Ordering::Release, Ordering::Relaxed);
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
        self.acquire()?;
        let mut turn = Turn { segment: self, known };
        if self.layout.rules_version(self.words()) != turn.known.version {
            self.follow(&mut turn)?;
        }
        Ok(turn)
    }

    fn try_acquire(&self, from: u64) -> bool {
        self.word(Word::Lock).compare_exchange(from, self.me, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    fn acquire(&self) -> Result<(), StateError> {
        for _ in 0..SPINS {
            if self.try_acquire(0) {
                self.count_turn();
                return Ok(());
            }
            std::hint::spin_loop();
        }
        self.acquire_slowly()
    }

    fn count_turn(&self) {
        let turns = self.word(Word::Turns);
        turns.store(turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    #[cold]
    fn acquire_slowly(&self) -> Result<(), StateError> {
        let turns = || self.word(Word::Turns).load(Ordering::Relaxed);
        let (mut began_ns, mut seen) = (SystemClock.boot_ns(), turns());
        loop {
            std::thread::yield_now();
            if self.try_acquire(0) {
                self.count_turn();
                return Ok(());
            }
            let now_ns = SystemClock.boot_ns();
            if turns() != seen {
                (began_ns, seen) = (now_ns, turns());
            }
            let waited_ns = now_ns.saturating_sub(began_ns);
            let holder = self.word(Word::Lock).load(Ordering::Relaxed);
            if waited_ns > ASK_NS && holder != 0 {
                if !owners::lives(self, holder) && self.try_acquire(holder) {
                    self.count_turn();
                    return self.undo();
                }
                if waited_ns > PATIENCE_NS {
                    return Err(self.stuck(holder));
                }
            }
            if waited_ns > ASK_NS / 10 {
                std::thread::sleep(Duration::from_micros(20));
            }
        }
    }

    /// Undoes what a dead holder had begun.
    pub(super) fn undo(&self) -> Result<(), StateError> {
        recover(self.words(), self.layout.log()).map(|_| ()).map_err(|error| {
            self.word(Word::Lock).store(0, Ordering::Release);
            StateError::new(&self.path, error, "stop all processes that use it; the next one rebuilds it from the ledger")
        })
    }

    fn stuck(&self, holder: u64) -> StateError {
        let millis = PATIENCE_NS / 1_000_000;
        let seen = format!("process number {} holds its lock for more than {millis} ms", holder & 0xFFFF);
        StateError::new(&self.path, seen, "let that process go on, or end it")
    }
}
