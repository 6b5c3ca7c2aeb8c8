//! Waking others across processes: the low half of a shared word, and the kernel's wait on it.

#![allow(unsafe_code, reason = "the kernel waits on half of a shared word")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Rings a bell: whoever waits on it looks again. Costs a system call only when somebody waits.
pub fn ring(bell: &AtomicU64, sleepers: &AtomicU64) {
    bell.fetch_add(1, Ordering::Release);
    if sleepers.load(Ordering::Acquire) > 0 {
        wake(bell);
    }
}

/// Rings for everybody, and lets those who still sleep count themselves anew: some of those counted may have died asleep.
pub fn rouse(bell: &AtomicU64, sleepers: &AtomicU64) {
    sleepers.store(0, Ordering::Release);
    bell.fetch_add(1, Ordering::Release);
    wake(bell);
}

/// Waits until the bell has rung since `seen` was read, or the time is over.
pub fn wait(bell: &AtomicU64, sleepers: &AtomicU64, seen: u64, time: Duration) {
    sleepers.fetch_add(1, Ordering::AcqRel);
    sleep(bell, seen, time);
    let _ = sleepers.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1));
}

#[cfg(target_os = "linux")]
fn low(bell: &AtomicU64) -> &std::sync::atomic::AtomicU32 {
    // SAFETY: the low half of an aligned word is an aligned half word, and both are only reached as atomics.
    let half = unsafe { &*std::ptr::from_ref(bell).cast::<[std::sync::atomic::AtomicU32; 2]>() };
    let [first, second] = half;
    if cfg!(target_endian = "little") { first } else { second }
}

#[cfg(target_os = "linux")]
fn wake(bell: &AtomicU64) {
    let _ = rustix::thread::futex::wake(low(bell), rustix::thread::futex::Flags::empty(), u32::MAX >> 1);
}

#[cfg(target_os = "linux")]
fn sleep(bell: &AtomicU64, seen: u64, time: Duration) {
    use rustix::thread::futex;
    let Ok(seconds) = time.as_secs().try_into() else { return };
    let limit = futex::Timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() };
    #[allow(clippy::cast_possible_truncation, reason = "the kernel compares the low half")]
    let _ = futex::wait(low(bell), futex::Flags::empty(), seen as u32, Some(&limit));
}

#[cfg(not(target_os = "linux"))]
fn wake(_: &AtomicU64) {}

#[cfg(not(target_os = "linux"))]
fn sleep(bell: &AtomicU64, seen: u64, time: Duration) {
    if bell.load(Ordering::Acquire) == seen {
        std::thread::sleep(time.min(Duration::from_millis(2)));
    }
}
