//! How full the table of scopes of a state directory is, and what its ledger lacks.

use std::path::Path;

use tierkit_core::gate::Unwritten;

use crate::error::StateError;
use crate::segment::View;

/// The table of scopes, as one look finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowd {
    /// Scopes that are kept.
    pub kept: u32,
    /// Slots for them.
    pub slots: u32,
    /// Requests refused since the segment was made, because there was no slot for a new key.
    pub refused: u64,
    /// What was admitted without room for its entries.
    pub unwritten: Unwritten,
    /// What keeps the ledger from being written now, as a sentence.
    pub fault: Option<String>,
}

/// The table of a directory; `None` without a segment of this boot.
///
/// # Errors
/// A segment that cannot be read.
pub fn crowd(directory: &Path) -> Result<Option<Crowd>, StateError> {
    Ok(View::open(directory)?.map(|view| view.crowd()))
}
