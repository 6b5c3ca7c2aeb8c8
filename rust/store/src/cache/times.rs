//! Instants that mean the same in another process and after a reboot.
//!
//! A cache counts time since boot, which no clock change moves. A row keeps that instant with the boot it belongs to, and the
//! wall clock's for readers of another boot.

use std::sync::atomic::{AtomicI64, Ordering};

use tierkit_core::clock::{Clock, Now};

use crate::clock::SystemClock;
use crate::ids::random;
use crate::segment::boot;

/// Where a cache has its time from.
#[derive(Debug)]
pub struct Times {
    /// The boot of the machine; 0 for a clock of one's own, whose instants are taken as they are.
    epoch: i64,
    /// The last instant of a clock of one's own.
    own_ns: Option<AtomicI64>,
}

/// An instant as a row keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Which clock `ns` belongs to.
    pub epoch: i64,
    /// The instant by that clock.
    pub ns: i64,
    /// The same by the wall clock, since 1970.
    pub wall_ns: i64,
}

impl Times {
    /// The machine's clock, or one of one's own that stands at an instant.
    pub fn new(own_ns: Option<i64>) -> Self {
        let known = boot()[0];
        // Where the system does not name its boot, no instant of another process is taken for one of ours.
        let machine = if known == 0 { random() } else { known };
        let epoch = if own_ns.is_some() { 0 } else { (machine >> 1 | 1).cast_signed() };
        Self { epoch, own_ns: own_ns.map(AtomicI64::new) }
    }

    /// Notes what a clock of one's own shows.
    pub fn see(&self, now_ns: i64) {
        if let Some(own_ns) = &self.own_ns {
            own_ns.fetch_max(now_ns, Ordering::Relaxed);
        }
    }

    /// Now, by this cache's clock and by the wall clock.
    pub fn now(&self) -> (i64, i64) {
        let Now { boot_ns, wall_ns } = SystemClock.now();
        let boot_ns = i64::try_from(boot_ns).unwrap_or(i64::MAX);
        (self.own_ns.as_ref().map_or(boot_ns, |own_ns| own_ns.load(Ordering::Relaxed)), wall_ns)
    }

    /// An instant of this cache's clock, for a row.
    pub fn keep(&self, ns: i64) -> Kept {
        let (now_ns, wall_ns) = self.now();
        Kept { epoch: self.epoch, ns, wall_ns: wall_ns.saturating_add(ns.saturating_sub(now_ns)) }
    }

    /// The instant of a row by this cache's clock.
    pub fn local(&self, kept: Kept) -> i64 {
        if kept.epoch == self.epoch {
            return kept.ns;
        }
        let (now_ns, wall_ns) = self.now();
        now_ns.saturating_add(kept.wall_ns.saturating_sub(wall_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_of_this_boot_comes_back_exactly_and_another_by_the_wall() {
        let times = Times::new(None);
        let kept = times.keep(5_000);
        assert_eq!(times.local(kept), 5_000);
        let foreign = Kept { epoch: kept.epoch ^ 2, ns: 77, ..kept };
        assert!((times.local(foreign) - 5_000).abs() < 1_000_000_000);
        let own = Times::new(Some(40));
        own.see(50);
        own.see(45);
        assert_eq!((own.now().0, own.keep(60).epoch, own.local(own.keep(60))), (50, 0, 60));
    }
}
