//! Forks: they wait until no thread is inside SQLite, whose locks a child would inherit and never see released; and they are
//! counted, so that a child notices without a system call that it is one.

#![allow(unsafe_code, reason = "the handlers are registered with the C library")]

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Once, OnceLock};
use std::time::Duration;

static FORKS: AtomicU64 = AtomicU64::new(0);
static WATCH: Once = Once::new();
/// Threads that no fork may pass; -1 while a fork is under way.
static INSIDE: AtomicI64 = AtomicI64::new(0);
/// Whether the fork under way waited to the end.
static QUIET: AtomicBool = AtomicBool::new(false);
/// What is let go before a fork.
static CLOSE: OnceLock<fn()> = OnceLock::new();

const STEP: Duration = Duration::from_micros(50);
/// A fork waits at most 2 s: a child that may hang is better than a parent that does.
const STEPS: u32 = 40_000;

extern "C" fn before() {
    for _ in 0..STEPS {
        if INSIDE.compare_exchange(0, -1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            QUIET.store(true, Ordering::Relaxed);
            return CLOSE.get().map_or((), |close| close());
        }
        std::thread::sleep(STEP);
    }
}

extern "C" fn in_parent() {
    if QUIET.swap(false, Ordering::Relaxed) {
        INSIDE.store(0, Ordering::Release);
    }
}

extern "C" fn in_child() {
    QUIET.store(false, Ordering::Relaxed);
    INSIDE.store(0, Ordering::Release);
    FORKS.fetch_add(1, Ordering::Relaxed);
}

fn watch() {
    WATCH.call_once(|| {
        // SAFETY: the handlers use static atomics, sleep, and before the fork, as an ordinary function, close files.
        unsafe { libc::pthread_atfork(Some(before), Some(in_parent), Some(in_child)) };
    });
}

/// Lets go before each fork what a child must not inherit; called while nobody is inside. The first one given stays.
pub fn close_before(close: fn()) {
    watch();
    let _ = CLOSE.set(close);
}

/// How often this process and its ancestors forked into it since the first call.
pub fn forks() -> u64 {
    watch();
    FORKS.load(Ordering::Relaxed)
}

/// Keeps forks waiting until it is dropped.
#[derive(Debug)]
pub struct Unforked(());

/// Lets no fork pass for a while; waits for one that is under way.
pub fn hold() -> Unforked {
    watch();
    loop {
        let inside = INSIDE.load(Ordering::Relaxed);
        if inside >= 0 && INSIDE.compare_exchange(inside, inside + 1, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Unforked(());
        }
        std::thread::sleep(STEP);
    }
}

impl Drop for Unforked {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::Release);
    }
}
