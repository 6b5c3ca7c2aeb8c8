//! POSIX record locks on single bytes: the kernel drops them when their process dies, and a forked child has none of them.
//!
//! All of a process's locks on a file end when it closes *any* handle of that file, so the handle is opened once and kept.

#![allow(unsafe_code, reason = "the C library's record locks")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::{PoisonError, RwLock};

fn lock(byte: u64, kind: libc::c_int) -> libc::flock {
    // SAFETY: a `flock` of zeros is a valid value of this plain C struct.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::c_short::try_from(kind).unwrap_or(0);
    lock.l_whence = libc::c_short::try_from(libc::SEEK_SET).unwrap_or(0);
    lock.l_start = libc::off_t::try_from(byte).unwrap_or(libc::off_t::MAX);
    lock.l_len = 1;
    lock
}

/// The locks of this process on the bytes of one file.
#[derive(Debug)]
pub struct Locks(RwLock<Option<File>>);

impl Locks {
    /// No lock yet, on a file that nobody else of this process has open.
    pub fn new(file: File) -> Self {
        Self(RwLock::new(Some(file)))
    }

    /// Takes the lock of a byte; false when another process has it, and after [`Locks::end`].
    pub fn try_lock(&self, byte: u64) -> bool {
        let wanted = lock(byte, libc::F_WRLCK);
        // SAFETY: the descriptor is open and the struct outlives the call.
        self.ask(|file| unsafe { libc::fcntl(file, libc::F_SETLK, &raw const wanted) == 0 }).unwrap_or(false)
    }

    /// Lets the lock of a byte go.
    pub fn unlock(&self, byte: u64) {
        let wanted = lock(byte, libc::F_UNLCK);
        // SAFETY: as above.
        self.ask(|file| unsafe { libc::fcntl(file, libc::F_SETLK, &raw const wanted) });
    }

    /// Whether another process holds the lock of a byte. When the system cannot say, it counts as held: nobody alive is robbed.
    pub fn is_held(&self, byte: u64) -> bool {
        let mut seen = lock(byte, libc::F_WRLCK);
        // SAFETY: as above; the kernel writes into the struct, which is ours.
        let asked = self.ask(|file| unsafe { libc::fcntl(file, libc::F_GETLK, &raw mut seen) });
        asked != Some(0) || seen.l_type != libc::c_short::try_from(libc::F_UNLCK).unwrap_or(2)
    }

    /// Lets all locks go, for good.
    pub fn end(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn ask<R>(&self, call: impl FnOnce(libc::c_int) -> R) -> Option<R> {
        let file = self.0.read().unwrap_or_else(PoisonError::into_inner);
        file.as_ref().map(|file| call(file.as_raw_fd()))
    }
}
