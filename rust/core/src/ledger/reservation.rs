//! Money and units on hold. The id is the idempotency key.

use std::fmt;
use std::sync::Arc;

use crate::dimension::Units;
use crate::error::{Error, Result};
use crate::labels::{Key, Labels};
use crate::ledger::Window;
use crate::price::Usage;

/// The text of a reservation's id: the caller's own, or one made by the governor.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReservationId(Arc<str>);

impl ReservationId {
    /// Checks an id.
    ///
    /// # Errors
    /// `Config` when it is empty, longer than 200 bytes or holds control characters.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > 200 || has_control(text) {
            return Err(Error::config(format!("id of {} bytes: expected 1 to 200 bytes without control characters", text.len())));
        }
        Ok(Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Most ids are ASCII, where a look at the bytes is enough.
fn has_control(text: &str) -> bool {
    if text.is_ascii() { text.bytes().any(|byte| byte.is_ascii_control()) } else { text.chars().any(char::is_control) }
}

impl fmt::Display for ReservationId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Where a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Holding.
    Open,
    /// Settled with a price, in nano-USD.
    Posted(i64),
    /// Given back.
    Void,
    /// Ended by time: booked as reserved.
    Expired,
}

/// What one scope gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// Index of the rule.
    pub rule: u16,
    /// Key of the scope.
    pub key: Key,
    /// Slot of the scope in the table.
    pub slot: u32,
    /// How much, in the rule's dimension.
    pub amount: i64,
    /// The account's window; [`Window::NONE`] for limits.
    pub window: Window,
}

/// A correction of what was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adjustment {
    /// Its own id, the idempotency key.
    pub id: ReservationId,
    /// The change, in nano-USD; negative for a credit.
    pub nusd: i64,
}

/// One admitted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its id.
    pub id: ReservationId,
    /// Who asked.
    pub labels: Arc<Labels>,
    /// Reserved units; `usd` is the reserved money.
    pub units: Units,
    /// What each scope gave.
    pub takes: Vec<Take>,
    /// Where it stands.
    pub state: State,
    /// When it expires, on the boot clock.
    pub expires_boot_ns: u64,
    /// When it was made, on the wall clock.
    pub at_ns: i64,
    /// What was used, once posted.
    pub usage: Option<Usage>,
    /// Corrections since it was posted, oldest first.
    pub adjustments: Vec<Adjustment>,
    /// Whether its entries go to the ledger: there was room for them.
    pub is_written: bool,
}

impl Reservation {
    /// The reserved money, in nano-USD.
    pub fn nusd(&self) -> i64 {
        self.units.get(crate::dimension::Dimension::Usd)
    }

    /// What was posted, with its adjustments; `None` while it is not posted.
    pub fn posted(&self) -> Option<i64> {
        let State::Posted(first) = self.state else { return None };
        Some(self.adjustments.iter().fold(first, |sum, adjustment| sum.saturating_add(adjustment.nusd)))
    }

    /// Whether another request with this id asks for the same.
    pub fn same_body(&self, labels: &Labels, units: &Units) -> bool {
        *self.labels == *labels && self.units == *units
    }
}
