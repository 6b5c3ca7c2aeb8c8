//! The errors that the core can give: misuse, never an expected refusal (a refusal is a value, see [`crate::decision`]).

use std::fmt;

/// What went wrong, as one sentence that names the value seen, the value wanted and the fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A rule, price, label, unit or vector that cannot be used.
    Config(String),
    /// A reservation id that was never admitted, or ended longer ago than it is remembered.
    UnknownReservation(String),
    /// A reservation that ended otherwise; the first ending stands.
    AlreadySettled(String),
    /// The same reservation id with other labels or amounts.
    ReservationConflict(String),
    /// A price that the book does not hold.
    PriceMissing(String),
    /// A shared segment that has no room for what one change needs.
    Full(String),
    /// A shared segment whose words contradict themselves.
    Damaged(String),
}

/// The result of a core function that can be misused.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A configuration error from one sentence.
    pub fn config(sentence: impl Into<String>) -> Self {
        Self::Config(sentence.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(text)
            | Self::UnknownReservation(text)
            | Self::AlreadySettled(text)
            | Self::ReservationConflict(text)
            | Self::PriceMissing(text)
            | Self::Full(text)
            | Self::Damaged(text) => out.write_str(text),
        }
    }
}

impl std::error::Error for Error {}
