//! Budgets: calendar windows, accounts, reservations and the entries that the journal keeps.

mod account;
mod budget;
mod entry;
mod reservation;
mod window;

pub use account::Account;
pub use budget::BudgetSpec;
pub use entry::{Entry, EntryKind, Flags, Posting};
pub use reservation::{Reservation, ReservationId, State, Take};
pub use window::{Calendar, Period, Window};
