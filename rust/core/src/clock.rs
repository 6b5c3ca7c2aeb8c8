//! Time as a value. The core never reads a clock: whoever calls it says what time it is.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// One instant on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Nanoseconds of a clock that never goes back and counts sleep: refills, expiries and waits follow it.
    pub boot_ns: u64,
    /// Nanoseconds since 1970-01-01T00:00Z: budget windows and ledger entries follow it.
    pub wall_ns: i64,
}

/// Anything that can tell the time.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Now;

    /// [`Now::boot_ns`] alone, where reading the second clock can be saved.
    fn boot_ns(&self) -> u64 {
        self.now().boot_ns
    }

    /// [`Now::wall_ns`] alone.
    fn wall_ns(&self) -> i64 {
        self.now().wall_ns
    }
}

/// A clock that moves only when told to, for tests and replays.
#[derive(Debug, Default)]
pub struct ManualClock {
    boot_ns: AtomicU64,
    wall_ns: AtomicI64,
}

impl ManualClock {
    /// A clock that stands at the given instant.
    pub fn new(now: Now) -> Self {
        Self { boot_ns: AtomicU64::new(now.boot_ns), wall_ns: AtomicI64::new(now.wall_ns) }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, ns: u64) {
        let _ = self.boot_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(ns)));
        self.jump_wall(i64::try_from(ns).unwrap_or(i64::MAX));
    }

    /// Moves the wall clock alone, as an operator or NTP would.
    pub fn jump_wall(&self, ns: i64) {
        let _ = self.wall_ns.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(ns)));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Now {
        Now { boot_ns: self.boot_ns.load(Ordering::Relaxed), wall_ns: self.wall_ns.load(Ordering::Relaxed) }
    }
}
