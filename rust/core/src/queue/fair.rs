//! One priority class of one line: start-time fair queueing over flows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Ticket;

/// Whose share a request uses.
pub type Flow = Arc<[u8]>;

/// Virtual time of one unit at weight 1, so that weights divide finely.
const UNIT: u128 = 1 << 32;

#[derive(Debug)]
struct Waiter {
    arrived: u128,
    cost: u128,
}

#[derive(Debug, Default)]
struct Lane {
    finish: u128,
    waiting: BTreeMap<Ticket, Waiter>,
}

impl Lane {
    /// The lane's first request with its start tag.
    fn head(&self) -> Option<(u128, Ticket)> {
        self.waiting.first_key_value().map(|(ticket, waiter)| (waiter.arrived.max(self.finish), *ticket))
    }
}

/// The requests of one class.
///
/// A request starts at `S = max(v, F)`: `v` is the start of the request served last when it came, `F` the finish of the one that
/// its flow was served last. Serving it moves `F` to `S + cost / weight`. The smallest start is selected, ties by arrival, and
/// keeps its turn until it is served or leaves. Who leaves unserved costs its flow nothing.
#[derive(Debug, Default)]
pub struct Fair {
    virtual_time: u128,
    lanes: BTreeMap<Flow, Lane>,
    heads: BTreeSet<(u128, Ticket, Flow)>,
    selected: Option<(Ticket, Flow)>,
    waiting: usize,
}

impl Fair {
    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting
    }

    /// Adds a request. `returning`: it had its turn in this line before, so it starts as early as its flow may.
    pub fn join(&mut self, ticket: Ticket, flow: &Flow, units: u64, weight: u32, returning: bool) {
        let arrived = if returning { 0 } else { self.virtual_time };
        let cost = (u128::from(units.max(1)) * UNIT).div_ceil(u128::from(weight.max(1)));
        self.change(flow, |lane| {
            lane.waiting.insert(ticket, Waiter { arrived, cost });
        });
        self.waiting += 1;
    }

    /// Whose turn it is; the choice stands until that request is served or leaves.
    pub fn select(&mut self) -> Option<Ticket> {
        if self.selected.is_none() {
            self.selected = self.heads.first().map(|(_, ticket, flow)| (*ticket, Arc::clone(flow)));
        }
        self.selected.as_ref().map(|(ticket, _)| *ticket)
    }

    /// Ends a wait with success: the flow pays its share.
    pub fn serve(&mut self, ticket: Ticket, flow: &Flow) {
        let mut start = None;
        self.change(flow, |lane| {
            if let Some(waiter) = lane.waiting.remove(&ticket) {
                let tag = waiter.arrived.max(lane.finish);
                lane.finish = tag.saturating_add(waiter.cost);
                start = Some(tag);
            }
        });
        if let Some(tag) = start {
            self.virtual_time = self.virtual_time.max(tag);
            self.gone(ticket);
        }
    }

    /// Ends a wait without success: nobody pays.
    pub fn leave(&mut self, ticket: Ticket, flow: &Flow) {
        let mut found = false;
        self.change(flow, |lane| found = lane.waiting.remove(&ticket).is_some());
        if found {
            self.gone(ticket);
        }
    }

    /// Changes a lane and keeps its place among the heads right.
    fn change(&mut self, flow: &Flow, edit: impl FnOnce(&mut Lane)) {
        let lane = self.lanes.entry(Arc::clone(flow)).or_default();
        if let Some((start, ticket)) = lane.head() {
            self.heads.remove(&(start, ticket, Arc::clone(flow)));
        }
        edit(lane);
        if let Some((start, ticket)) = lane.head() {
            self.heads.insert((start, ticket, Arc::clone(flow)));
        }
    }

    fn gone(&mut self, ticket: Ticket) {
        self.waiting -= 1;
        if self.selected.as_ref().is_some_and(|(selected, _)| *selected == ticket) {
            self.selected = None;
        }
        if self.waiting == 0 {
            *self = Self::default();
        } else if self.lanes.len() > 2 * self.heads.len() + 16 {
            let now = self.virtual_time;
            self.lanes.retain(|_, lane| !lane.waiting.is_empty() || lane.finish > now);
        }
    }
}
