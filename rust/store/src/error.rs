//! What can go wrong with the state directory.

use std::fmt;
use std::path::{Path, PathBuf};

use tierkit_core::error::Error;

/// The state directory or a file in it cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateError {
    /// The file or directory.
    pub path: PathBuf,
    /// What was seen.
    pub seen: String,
    /// What to do.
    pub fix: String,
}

impl StateError {
    /// An error about a path.
    pub fn new(path: &Path, seen: impl fmt::Display, fix: &str) -> Self {
        Self { path: path.to_owned(), seen: seen.to_string(), fix: fix.to_owned() }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "state '{}': {}; {}", self.path.display(), self.seen, self.fix)
    }
}

/// Misuse, a broken state directory, or rules that have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// The caller's mistake.
    Core(Error),
    /// The directory's trouble.
    State(StateError),
    /// The scopes were matched against other rules than those in force: match again, then ask again.
    Stale,
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(error) => write!(out, "{error}"),
            Self::State(error) => write!(out, "{error}"),
            Self::Stale => out.write_str("the rules have changed; ask again"),
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<StateError> for StoreError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}
