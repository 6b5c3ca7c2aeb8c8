//! The lock of the words: one word that names its holder, so that a dead holder is seen and its half-made change undone.

use super::{Log, Words, recover};
use crate::error::Error;
use crate::sync::{AtomicU64, Ordering, fence, spin_loop};

/// After so long it is asked whether the holder lives.
const ASK_NS: u64 = 1_000_000;
/// A holder that lives and does not go on (stopped, or starved) is waited for so long, and never robbed. Long enough for a
/// process that a busy machine has put aside in the middle of a call.
pub const PATIENCE_NS: u64 = 200_000_000;

/// What whoever waits asks of the world outside the words.
pub trait Surroundings {
    /// Tries before the processor is given away; a call holds the lock for about a microsecond.
    const SPINS: u32 = 300;

    /// Whether an owner lives. Dead is said only of one that stores nothing any more and never comes back.
    fn lives(&self, owner: u64) -> bool;

    /// A clock that never goes back.
    fn boot_ns(&self) -> u64;

    /// Gives the processor to others, after so long a wait.
    fn give_way(&self, waited_ns: u64);
}

/// Why the lock could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blocked {
    /// This owner lives and does not let go.
    Held(u64),
    /// What a dead holder left cannot be undone.
    Broken(Error),
}

/// Where the lock is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lock {
    /// The index of the word that names the holder; 0 is nobody.
    pub holder: usize,
    /// The index of the count of turns: while it moves, whoever waits is only unlucky.
    pub turns: usize,
    /// What a dead holder had begun.
    pub log: Log,
}

/// The lock, held. Dropping it lets the next one in.
#[derive(Debug)]
pub struct Held<'a> {
    word: &'a AtomicU64,
    me: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // Only its own: a lock that somebody else holds is not ours to open.
        let _ = self.word.compare_exchange(self.me, 0, Ordering::Release, Ordering::Relaxed);
    }
}

/// One caller's way to the lock.
struct Claim<'a> {
    word: &'a AtomicU64,
    turns: &'a AtomicU64,
    me: u64,
}

impl<'a> Claim<'a> {
    #[inline]
    fn take(&self, from: u64) -> Option<Held<'a>> {
        self.word.compare_exchange(from, self.me, Ordering::Acquire, Ordering::Relaxed).ok()?;
        // Released, so that a reader that sees this turn sees the lock taken as well, or free again after it.
        self.turns.store(self.turns().wrapping_add(1), Ordering::Release);
        Some(Held { word: self.word, me: self.me })
    }

    #[inline]
    fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }
}

impl Lock {
    /// Takes the lock for an owner, and undoes what a holder had begun that died.
    ///
    /// # Errors
    /// A living holder that does not let go, or damage that a dead one left.
    #[inline]
    pub fn acquire<'a, S: Surroundings>(&self, words: Words<'a>, me: u64, around: &S) -> Result<Held<'a>, Blocked> {
        let claim = self.claim(words, me)?;
        for _ in 0..S::SPINS {
            if let Some(held) = claim.take(0) {
                return Ok(held);
            }
            spin_loop();
        }
        self.acquire_slowly(words, &claim, around)
    }

    #[inline]
    fn claim<'a>(&self, words: Words<'a>, me: u64) -> Result<Claim<'a>, Blocked> {
        let cells = words.cell(self.holder).zip(words.cell(self.turns));
        let (word, turns) = cells.ok_or_else(|| Blocked::Broken(Error::Damaged("the file ends before its lock".into())))?;
        Ok(Claim { word, turns, me })
    }

    #[cold]
    fn acquire_slowly<'a, S: Surroundings>(&self, words: Words<'a>, claim: &Claim<'a>, around: &S) -> Result<Held<'a>, Blocked> {
        let (mut began_ns, mut seen, mut waited_ns) = (around.boot_ns(), claim.turns(), 0);
        loop {
            around.give_way(waited_ns);
            if let Some(held) = claim.take(0) {
                return Ok(held);
            }
            let now_ns = around.boot_ns();
            if claim.turns() != seen {
                (began_ns, seen) = (now_ns, claim.turns());
            }
            waited_ns = now_ns.saturating_sub(began_ns);
            let holder = claim.word.load(Ordering::Relaxed);
            if waited_ns > ASK_NS && holder != 0 {
                if !around.lives(holder) {
                    // Owners never return, so this is still the dead one's lock or no longer.
                    if let Some(held) = claim.take(holder) {
                        return recover(words, self.log).map(|_| held).map_err(Blocked::Broken);
                    }
                } else if waited_ns > PATIENCE_NS {
                    return Err(Blocked::Held(holder));
                }
            }
        }
    }

    /// Reads without the lock; `None` when a change went on meanwhile, or one is left to be undone.
    ///
    /// Every store of a change releases, so whoever reads one of them and then passes the fence also sees the turn that it
    /// belongs to.
    pub fn glance<R>(&self, words: Words<'_>, read: impl FnOnce() -> R) -> Option<R> {
        let (holder, turns) = words.cell(self.holder).zip(words.cell(self.turns))?;
        let before = turns.load(Ordering::Acquire);
        let is_quiet = |order| holder.load(order) == 0 && self.log.count(words) == 0;
        if !is_quiet(Ordering::Acquire) {
            return None;
        }
        let seen = read();
        fence(Ordering::Acquire);
        (is_quiet(Ordering::Relaxed) && turns.load(Ordering::Relaxed) == before).then_some(seen)
    }
}
