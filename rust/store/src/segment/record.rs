//! POSIX record locks on single bytes: the kernel drops them when their process dies, and a forked child has none of them.
//!
//! All of a process's locks on a file end when it closes *any* handle of that file, so the handle is opened once and kept.

#![allow(unsafe_code, reason = "the C library's record locks")]

use std::fs::File;
use std::os::fd::AsRawFd;

fn lock(byte: u64, kind: libc::c_int) -> libc::flock {
    // SAFETY: a `flock` of zeros is a valid value of this plain C struct.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::c_short::try_from(kind).unwrap_or(0);
    lock.l_whence = libc::c_short::try_from(libc::SEEK_SET).unwrap_or(0);
    lock.l_start = libc::off_t::try_from(byte).unwrap_or(libc::off_t::MAX);
    lock.l_len = 1;
    lock
}

/// Takes the lock of a byte; false when another process has it.
pub fn try_lock(file: &File, byte: u64) -> bool {
    let wanted = lock(byte, libc::F_WRLCK);
    // SAFETY: the descriptor is open and the struct outlives the call.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const wanted) == 0 }
}

/// Lets the lock of a byte go.
pub fn unlock(file: &File, byte: u64) {
    let wanted = lock(byte, libc::F_UNLCK);
    // SAFETY: as above.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const wanted) };
}

/// Whether another process holds the lock of a byte. When the system cannot say, it counts as held: nobody alive is robbed.
pub fn is_held(file: &File, byte: u64) -> bool {
    let mut seen = lock(byte, libc::F_WRLCK);
    // SAFETY: as above; the kernel writes into the struct, which is ours.
    let asked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut seen) };
    asked != 0 || seen.l_type != libc::c_short::try_from(libc::F_UNLCK).unwrap_or(2)
}
