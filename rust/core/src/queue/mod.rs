//! Who waits for room, and whose turn it is: strict classes, fair shares inside a class, first come first served inside a flow.
//!
//! Nothing here sleeps or takes units. A caller whose request was refused joins the line of the scope that refused it; the
//! queue says whom to try next, and hears how that went.

mod alarms;
mod fair;
mod line;
mod lines;
#[cfg(test)]
mod order_tests;
#[cfg(test)]
mod turn_tests;

pub use lines::{Ahead, Queue, Request, Spot};

/// How many priority classes there are: critical, high, normal, low, batch.
pub const CLASSES: usize = 5;
/// How many may wait for one scope.
pub const MAX_WAITERS: usize = 10_000;

/// Who waits, numbered in order of arrival.
pub type Ticket = u64;
