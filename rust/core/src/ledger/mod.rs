//! Budgets: calendar windows, accounts, reservations and the entries that the journal keeps.

mod account;
mod budget;
mod codec;
mod entry;
mod reservation;
mod window;

pub use account::Account;
pub use budget::BudgetSpec;
pub use codec::{decode_entry, decode_reservation, encode_body, encode_entry, encode_reservation};
pub use entry::{Entry, EntryKind, Flags, Posting};
pub use reservation::{Adjustment, Reservation, ReservationId, State, Take};
pub use window::{Calendar, Period, Window};
