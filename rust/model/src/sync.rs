//! Atomics whose every step a checker places, and at each of whose steps a process may die.

use std::sync::atomic::AtomicU64 as Plain;

pub use loom::sync::atomic::Ordering;

use crate::life::{self, Checker};

#[derive(Debug)]
enum Cell {
    /// One order of all steps: a plain word, as the checker runs one thread at a time.
    Interleaved(Plain),
    /// Every order that the memory model allows.
    Weak(loom::sync::atomic::AtomicU64),
}

/// A word.
#[derive(Debug)]
pub struct AtomicU64(Cell);

impl AtomicU64 {
    /// A word of the checker that runs.
    pub fn new(value: u64) -> Self {
        Self(match life::checker() {
            Checker::Loom => Cell::Weak(loom::sync::atomic::AtomicU64::new(value)),
            Checker::Shuttle => Cell::Interleaved(Plain::new(value)),
        })
    }

    /// As of the standard library; 0 for the dead.
    pub fn load(&self, order: Ordering) -> u64 {
        if life::is_over() {
            return 0;
        }
        match &self.0 {
            Cell::Interleaved(word) => {
                life::switch();
                word.load(order)
            }
            Cell::Weak(word) => word.load(order),
        }
    }

    /// As of the standard library; nothing of the dead.
    pub fn store(&self, value: u64, order: Ordering) {
        if life::step() {
            match &self.0 {
                Cell::Interleaved(word) => word.store(value, order),
                Cell::Weak(word) => word.store(value, order),
            }
        }
    }

    /// As of the standard library; nothing of the dead.
    pub fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
        if !life::step() {
            return 0;
        }
        match &self.0 {
            Cell::Interleaved(word) => word.fetch_add(value, order),
            Cell::Weak(word) => word.fetch_add(value, order),
        }
    }

    /// As of the standard library; refused to the dead.
    ///
    /// # Errors
    /// The other value that is there.
    pub fn compare_exchange(&self, from: u64, to: u64, order: Ordering, failed: Ordering) -> Result<u64, u64> {
        if !life::step() {
            return Err(0);
        }
        match &self.0 {
            Cell::Interleaved(word) => word.compare_exchange(from, to, order, failed),
            Cell::Weak(word) => word.compare_exchange(from, to, order, failed),
        }
    }

    /// As of the standard library: a load, and exchanges until one succeeds.
    ///
    /// # Errors
    /// The value for which there is no next one.
    pub fn fetch_update(&self, order: Ordering, failed: Ordering, next: impl Fn(u64) -> Option<u64>) -> Result<u64, u64> {
        let mut seen = self.load(failed);
        while let Some(value) = next(seen) {
            match self.compare_exchange(seen, value, order, failed) {
                Ok(was) => return Ok(was),
                Err(_) if life::is_over() => return Err(seen),
                Err(other) => seen = other,
            }
        }
        Err(seen)
    }
}

/// As of the standard library.
pub fn fence(order: Ordering) {
    if life::checker() == Checker::Loom && !life::is_over() {
        loom::sync::atomic::fence(order);
    }
}

/// Lets another thread go on: one that spins can only wait for that.
pub fn spin_loop() {
    life::give_way();
}
