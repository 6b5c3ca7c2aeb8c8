//! Reservations that the journal had no place for, admitted because the policy says so: accounts and scopes hold them like all
//! others, and their entries follow when they end, if there is room by then.

use crate::clock::Now;
use crate::gate::settle::{End, account_change};
use crate::gate::{Gate, Shelf};
use crate::ledger::{Entry, Reservation, State};

/// What the ledger lacks, for good or until the reservations end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwritten {
    /// Reservations that are open.
    pub open: i64,
    /// Reservations, open or ended.
    pub reservations: i64,
    /// What was posted for them, in nano-USD.
    pub nusd: i64,
}

impl<S: Shelf> Gate<S> {
    /// Journals a new reservation; without room for it, and if it may be, it is admitted all the same and counted.
    pub(super) fn journal_reserve(&mut self, reservation: &mut Reservation, may_be_unwritten: bool, now: Now) {
        if !self.shelf.journals() {
            return;
        }
        if may_be_unwritten && !self.shelf.has_room_for_entries() {
            reservation.is_written = false;
            return self.shelf.count_unwritten(Unwritten { open: 1, reservations: 1, nusd: 0 });
        }
        let entry = self.reserve_entry(reservation, now);
        self.shelf.journal(entry);
    }

    /// Journals the end of a reservation.
    pub(super) fn journal_end(&mut self, reservation: &mut Reservation, end: &End, entry: Entry, now: Now) {
        if reservation.is_written {
            return self.shelf.journal(entry);
        }
        let had = if end.before == State::Expired { reservation.nusd() } else { 0 };
        let open = -i64::from(end.before == State::Open);
        if !self.shelf.has_room_for_entries() {
            return self.shelf.count_unwritten(Unwritten { open, reservations: 0, nusd: entry.nusd - had });
        }
        // Both at once, as if it ended from open: of an expiry in between the ledger knows nothing.
        let whole = end.as_if_open();
        let changes = reservation.takes.iter().map(|take| (take, account_change(take, &whole)));
        let postings = changes.filter_map(|(take, (posted, pending))| self.posting(take, posted, pending)).collect();
        let reserve = self.reserve_entry(reservation, now);
        self.shelf.journal(reserve);
        self.shelf.journal(Entry { postings, ..entry });
        reservation.is_written = true;
        self.shelf.count_unwritten(Unwritten { open, reservations: -1, nusd: -had });
    }
}
