//! The machine's clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use tierkit_core::clock::{Clock, Now};

#[cfg(any(target_os = "linux", target_os = "android"))]
const BOOT: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const BOOT: ClockId = ClockId::Monotonic;

/// The boot clock, which counts sleep and never goes back, and the wall clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Now {
        Now { boot_ns: self.boot_ns(), wall_ns: self.wall_ns() }
    }

    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn wall_ns(&self) -> i64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        i64::try_from(wall).unwrap_or(i64::MAX)
    }

    fn boot_ns(&self) -> u64 {
        let boot = clock_gettime(BOOT);
        u64::try_from(boot.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(boot.tv_nsec).unwrap_or(0)
    }
}
