//! Waking those who wait for a change: a word that counts rings, and one that counts who sleeps.

use std::time::Duration;

use crate::sync::{AtomicU64, Ordering};

/// How the system lets a caller sleep on a word.
pub trait Bed {
    /// Sleeps until somebody wakes it, at most so long; not at all when the word is no longer as it was seen.
    fn sleep(&self, bell: &AtomicU64, seen: u64, time: Duration);

    /// Wakes all who sleep on the word.
    fn wake(&self, bell: &AtomicU64);
}

/// Rings: whoever waits looks again. Asks the system only when somebody waits.
pub fn ring(bed: &impl Bed, bell: &AtomicU64, sleepers: &AtomicU64) {
    // Of this and the read in `wait`, one comes first: a sleeper that misses the ring is seen by it.
    bell.fetch_add(1, Ordering::AcqRel);
    if sleepers.load(Ordering::Relaxed) > 0 {
        bed.wake(bell);
    }
}

/// Rings for everybody, and lets those who still sleep count themselves anew: some of those counted may have died asleep.
pub fn rouse(bed: &impl Bed, bell: &AtomicU64, sleepers: &AtomicU64) {
    sleepers.store(0, Ordering::Release);
    bell.fetch_add(1, Ordering::AcqRel);
    bed.wake(bell);
}

/// Waits until the bell has rung since `seen` was read, or the time is over.
pub fn wait(bed: &impl Bed, bell: &AtomicU64, sleepers: &AtomicU64, seen: u64, time: Duration) {
    sleepers.fetch_add(1, Ordering::Relaxed);
    // A plain read could pass the count; adding nothing cannot, and is in one order with every ring.
    if bell.fetch_add(0, Ordering::AcqRel) == seen {
        bed.sleep(bell, seen, time);
    }
    let _ = sleepers.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1));
}
