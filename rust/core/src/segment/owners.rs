//! Who shares the words: each process has a number that is free again after it, and a name that never returns.

use super::{Region, Tx, Words};
use crate::sync::Ordering;

/// The number is in the low 16 bits of an owner, and how many owners came before it above.
const BITS: u32 = 16;
const NUMBER: u64 = (1 << BITS) - 1;

/// Where owners are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owners {
    /// One word for each number: the last owner with it, once that has said its name.
    pub names: Region,
    /// The index of the count of owners that there ever were.
    pub given: usize,
}

/// The number of an owner; 0 of a word that names none.
#[inline]
pub fn number_of(owner: u64) -> u64 {
    owner & NUMBER
}

impl Owners {
    /// A name for a process that has this number to itself. It is counted at once and outside of every change: one that dies
    /// before it has said its name may hold the lock under it, and the next with its number must not be taken for it.
    pub fn name(&self, words: Words<'_>, number: u64) -> Option<u64> {
        let before = words.cell(self.given)?.fetch_add(1, Ordering::Relaxed);
        Some((before + 1) << BITS | number & NUMBER)
    }

    /// The owner that is written down for a number.
    pub fn named(&self, words: Words<'_>, number: u64) -> u64 {
        words.load(self.place(number))
    }

    /// All that are written down.
    pub fn all(self, words: Words<'_>) -> impl Iterator<Item = u64> {
        (1..self.names.words).map(move |number| words.load(self.names.at(number))).filter(|owner| *owner != 0)
    }

    /// Whether an owner lives, seen from another: its number is in use, and nobody with that number came after it. One that
    /// attaches may hold the lock before it is written down.
    pub fn lives(&self, words: Words<'_>, owner: u64, in_use: impl FnOnce(u64) -> bool) -> bool {
        self.named(words, number_of(owner)) <= owner && in_use(number_of(owner))
    }

    /// Writes an owner down.
    pub fn write(&self, tx: &mut Tx<'_>, owner: u64) {
        tx.store(self.place(number_of(owner)), owner);
    }

    /// Forgets an owner, if it is still written down.
    pub fn forget(&self, tx: &mut Tx<'_>, owner: u64) {
        let place = self.place(number_of(owner));
        if tx.load(place) == owner {
            tx.store(place, 0);
        }
    }

    fn place(&self, number: u64) -> usize {
        self.names.at(usize::try_from(number).unwrap_or(usize::MAX))
    }
}
