//! One line of the ledger: immutable, and enough to rebuild every balance.

use std::sync::Arc;

use crate::dimension::Units;
use crate::labels::{Key, Labels};
use crate::ledger::ReservationId;
use crate::price::Usage;

/// What happened to a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Money was put on hold.
    Reserve,
    /// The exact price was booked.
    Post,
    /// The hold was given back.
    Void,
    /// Nobody settled in time: the hold was booked as spent.
    Expire,
    /// What was posted was corrected later: a credit, or a charge that came after.
    Adjust,
}

impl EntryKind {
    /// The word in the ledger file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Post => "post",
            Self::Void => "void",
            Self::Expire => "expire",
            Self::Adjust => "adjust",
        }
    }
}

/// Marks of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// The reservation had expired before.
    pub const LATE: u8 = 1;
    /// More was spent than reserved.
    pub const OVERRUN: u8 = 2;
    /// The figure is an estimate: usage was counted here, or the hold was booked unseen.
    pub const ESTIMATED: u8 = 4;
    /// Answered from the cache.
    pub const CACHED: u8 = 8;

    /// Sets a mark when a condition holds.
    #[must_use]
    pub fn with(self, mark: u8, on: bool) -> Self {
        Self(if on { self.0 | mark } else { self.0 })
    }

    /// Whether a mark is set.
    pub fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }
}

/// The change of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting {
    /// Index of the budget rule.
    pub rule: u16,
    /// Key of the scope.
    pub key: Key,
    /// Start of the window, nanoseconds since 1970.
    pub start_ns: i64,
    /// End of the window, exclusive.
    pub end_ns: i64,
    /// Change of what is spent, nano-USD.
    pub posted: i64,
    /// Change of what is on hold, nano-USD.
    pub pending: i64,
}

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The reservation.
    pub id: ReservationId,
    /// What happened.
    pub kind: EntryKind,
    /// When, on the wall clock.
    pub at_ns: i64,
    /// The amount of the entry: reserved, posted, or given back; of an adjustment the change, which may be negative.
    pub nusd: i64,
    /// Who asked, and for which tier.
    pub labels: Arc<Labels>,
    /// Units reserved (`Reserve`) or used (the other kinds).
    pub units: Units,
    /// Tokens used, for a post.
    pub usage: Option<Usage>,
    /// Late, overrun, estimated, cached.
    pub flags: Flags,
    /// Wall time at which an open reservation expires.
    pub expires_ns: i64,
    /// Money that a cache hit saved, nano-USD.
    pub saved_nusd: i64,
    /// The accounts that change.
    pub postings: Vec<Posting>,
    /// The adjustment's own id.
    pub adjustment: Option<ReservationId>,
}
