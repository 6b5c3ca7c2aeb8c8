//! A file mapped as words.

#![allow(unsafe_code, reason = "memory of a mapped file")]

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use tierkit_core::segment::Memory;

/// Shared words over a file. Every process that maps the file sees every store.
#[derive(Debug)]
pub struct Map {
    start: NonNull<AtomicU64>,
    words: usize,
    file_number: u64,
}

// SAFETY: the memory behind `start` is only reached as `AtomicU64`, which any thread may use.
unsafe impl Send for Map {}
// SAFETY: as above.
unsafe impl Sync for Map {}

impl Map {
    /// Maps the first `words` words of a file, which has as many.
    ///
    /// # Errors
    /// What the system says.
    pub fn new(file: &File, words: usize) -> std::io::Result<Self> {
        Self::protected(file, words, ProtFlags::READ | ProtFlags::WRITE)
    }

    /// The same for reading; a store would be a fault, and whoever only looks makes none.
    ///
    /// # Errors
    /// What the system says.
    pub fn read_only(file: &File, words: usize) -> std::io::Result<Self> {
        Self::protected(file, words, ProtFlags::READ)
    }

    fn protected(file: &File, words: usize, protection: ProtFlags) -> std::io::Result<Self> {
        let (bytes, flags) = (words.saturating_mul(8), MapFlags::SHARED);
        // SAFETY: the kernel chooses the place, so no memory of ours is touched.
        let start = unsafe { mmap(std::ptr::null_mut(), bytes, protection, flags, file, 0) }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| std::io::Error::other("mapped at 0"))?;
        Ok(Self { start, words, file_number: file.metadata()?.ino() })
    }

    /// Which file it is.
    pub fn file_number(&self) -> u64 {
        self.file_number
    }
}

impl Memory for Map {
    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping holds `words` words, starts at a page, lives as long as `self`, and is only reached as atomics.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.words) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: nobody borrows the words any more, and the mapping was made with this length.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.words.saturating_mul(8)) };
    }
}
