//! Waking others across processes: the low half of a shared word, and the kernel's wait on it.

#![allow(unsafe_code, reason = "the kernel waits on half of a shared word")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tierkit_core::segment::bell::{self, Bed};

/// The kernel's wait on half a word.
struct Kernel;

impl Bed for Kernel {
    fn sleep(&self, bell: &AtomicU64, seen: u64, time: Duration) {
        sleep(bell, seen, time);
    }

    fn wake(&self, bell: &AtomicU64) {
        wake(bell);
    }
}

/// Rings a bell: whoever waits on it looks again. Costs a system call only when somebody waits.
pub fn ring(bell: &AtomicU64, sleepers: &AtomicU64) {
    bell::ring(&Kernel, bell, sleepers);
}

/// Rings for everybody, also for those who are not counted.
pub fn rouse(bell: &AtomicU64, sleepers: &AtomicU64) {
    bell::rouse(&Kernel, bell, sleepers);
}

/// Waits until the bell has rung since `seen` was read, or the time is over.
pub fn wait(bell: &AtomicU64, sleepers: &AtomicU64, seen: u64, time: Duration) {
    bell::wait(&Kernel, bell, sleepers, seen, time);
}

/// One of those who sleep, or are about to; until it is dropped.
#[derive(Debug)]
pub struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    /// One more.
    pub fn new(sleepers: &'a AtomicU64) -> Self {
        sleepers.fetch_add(1, Ordering::AcqRel);
        Self(sleepers)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1));
    }
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
    if bell.load(std::sync::atomic::Ordering::Acquire) == seen {
        std::thread::sleep(time.min(Duration::from_millis(2)));
    }
}
