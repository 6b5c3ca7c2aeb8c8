//! The machine's clocks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, Timespec, clock_gettime};
use tierkit_core::clock::{Clock, Now};

#[cfg(any(target_os = "linux", target_os = "android"))]
const BOOT: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const BOOT: ClockId = ClockId::Monotonic;

/// The boot clock, which counts sleep and never goes back, and the wall clock.
#[derive(Debug, Default)]
pub struct SystemClock {
    /// How far the monotonic clock, which stops in sleep, was behind the boot clock at the last exact reading: never too much,
    /// so that the coarse clock and this together never run ahead.
    behind_boot_ns: AtomicU64,
}

fn nanoseconds(time: Timespec) -> u64 {
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Now {
        let boot_ns = nanoseconds(clock_gettime(BOOT));
        let behind_ns = boot_ns.saturating_sub(nanoseconds(clock_gettime(ClockId::Monotonic)));
        self.behind_boot_ns.store(behind_ns, Ordering::Relaxed);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Now { boot_ns, wall_ns: i64::try_from(wall).unwrap_or(i64::MAX) }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn passed_boot_ns(&self) -> u64 {
        nanoseconds(clock_gettime(ClockId::MonotonicCoarse)) + self.behind_boot_ns.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheap_instant_is_never_ahead_and_hardly_behind() {
        let clock = SystemClock::default();
        assert!(clock.passed_boot_ns() <= clock.now().boot_ns);
        for _ in 0..20_000 {
            let passed_ns = clock.passed_boot_ns();
            let boot_ns = clock.now().boot_ns;
            assert!(passed_ns <= boot_ns, "{passed_ns} is ahead of {boot_ns}");
            assert!(boot_ns - passed_ns < 1_000_000_000, "{passed_ns} is far behind {boot_ns}");
        }
    }
}
