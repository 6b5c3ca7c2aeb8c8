//! Notices a fork without a system call: a counter that rises in every child.

#![allow(unsafe_code, reason = "the handler is registered with the C library")]

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static FORKS: AtomicU64 = AtomicU64::new(0);
static WATCH: Once = Once::new();

extern "C" fn forked() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// How often this process and its ancestors forked into it since the first call.
pub fn forks() -> u64 {
    WATCH.call_once(|| {
        // SAFETY: the handler only adds to a static atomic, which is allowed in a child between fork and exec.
        unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
    FORKS.load(Ordering::Relaxed)
}
