//! How full the table of scopes of a state directory is.

use std::path::Path;

use crate::error::StateError;
use crate::segment::View;

/// The table of scopes, as one look finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crowd {
    /// Scopes that are kept.
    pub kept: u32,
    /// Slots for them.
    pub slots: u32,
    /// Requests refused since the segment was made, because there was no slot for a new key.
    pub refused: u64,
}

/// The table of a directory; `None` without a segment of this boot.
///
/// # Errors
/// A segment that cannot be read.
pub fn crowd(directory: &Path) -> Result<Option<Crowd>, StateError> {
    Ok(View::open(directory)?.map(|view| view.crowd()))
}
