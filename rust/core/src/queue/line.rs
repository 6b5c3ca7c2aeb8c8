//! All who wait for one scope.

use super::fair::{Fair, Flow};
use super::{CLASSES, Ticket};

/// The classes of one scope, the most urgent first.
#[derive(Debug, Default)]
pub struct Line {
    classes: [Fair; CLASSES],
    /// The head whose time to try is known or marked.
    pub armed: Option<Ticket>,
    /// The request that is being tried.
    pub trying: Option<Ticket>,
    /// Whether the head is to be tried.
    pub due: bool,
}

impl Line {
    /// Whose turn it is: strictly the most urgent class that waits.
    pub fn head(&mut self) -> Option<Ticket> {
        self.classes.iter_mut().find_map(Fair::select)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.classes.iter().map(Fair::len).sum()
    }

    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.classes.iter().all(Fair::is_empty)
    }

    /// How many wait who go before a newcomer of this class.
    pub fn before(&self, class: usize) -> usize {
        self.classes.iter().take(class.saturating_add(1)).map(Fair::len).sum()
    }

    /// Adds a request.
    pub fn join(&mut self, class: usize, ticket: Ticket, flow: &Flow, units: u64, weight: u32, returning: bool) {
        if let Some(fair) = self.classes.get_mut(class) {
            fair.join(ticket, flow, units, weight, returning);
        }
    }

    /// Takes a request out: served, or not.
    pub fn end(&mut self, class: usize, ticket: Ticket, flow: &Flow, served: bool) {
        if let Some(fair) = self.classes.get_mut(class) {
            if served { fair.serve(ticket, flow) } else { fair.leave(ticket, flow) }
        }
        if self.trying == Some(ticket) {
            self.trying = None;
        }
        if self.armed == Some(ticket) {
            self.armed = None;
        }
    }
}
