//! When to look again: deadlines of all who wait, and the exact time of each head.

use std::collections::BTreeSet;

use super::Ticket;

/// Why an alarm rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ring {
    /// The request fits now if nothing else happened.
    Ready,
    /// It has waited as long as it may.
    Deadline,
}

/// Alarms by time, and by the event loop or thread that is to be woken.
#[derive(Debug, Default)]
pub struct Alarms {
    by_time: BTreeSet<(u64, Ticket, Ring, u64)>,
    by_owner: BTreeSet<(u64, u64, Ticket, Ring)>,
    touched: BTreeSet<u64>,
}

impl Alarms {
    /// Sets an alarm.
    pub fn set(&mut self, owner: u64, at_ns: u64, ticket: Ticket, ring: Ring) {
        self.by_time.insert((at_ns, ticket, ring, owner));
        self.by_owner.insert((owner, at_ns, ticket, ring));
        if self.next(owner) == Some(at_ns) {
            self.touched.insert(owner);
        }
    }

    /// Takes an alarm back.
    pub fn clear(&mut self, owner: u64, at_ns: u64, ticket: Ticket, ring: Ring) {
        self.by_time.remove(&(at_ns, ticket, ring, owner));
        self.by_owner.remove(&(owner, at_ns, ticket, ring));
    }

    /// The earliest alarm of an owner.
    pub fn next(&self, owner: u64) -> Option<u64> {
        let first = self.by_owner.range((owner, 0, 0, Ring::Ready)..).next()?;
        (first.0 == owner).then_some(first.1)
    }

    /// The next alarm that rings by now; it is left in place for `clear`.
    pub fn ringing(&self, now_ns: u64) -> Option<(Ticket, Ring)> {
        self.by_time.first().filter(|first| first.0 <= now_ns).map(|first| (first.1, first.2))
    }

    /// Whether no owner is to be told of an alarm that comes before those it knows.
    pub fn are_known(&self) -> bool {
        self.touched.is_empty()
    }

    /// Owners with alarms since the last call that come before those they had, each with its earliest.
    pub fn drain(&mut self) -> Vec<(u64, u64)> {
        let touched = std::mem::take(&mut self.touched);
        touched.into_iter().filter_map(|owner| Some((owner, self.next(owner)?))).collect()
    }

    /// How many are set.
    pub fn len(&self) -> usize {
        self.by_time.len()
    }
}
