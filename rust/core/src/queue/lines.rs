//! The queue: one line per scope that somebody waits for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::alarms::{Alarms, Ring};
use super::fair::Flow;
use super::line::Line;
use super::{CLASSES, MAX_WAITERS, Ticket};
use crate::labels::Key;

/// Who wants to wait.
#[derive(Debug, Clone)]
pub struct Request {
    /// Priority class, 0 the most urgent.
    pub class: usize,
    /// Whose share it uses.
    pub flow: Flow,
    /// How large the flow's share is.
    pub weight: u32,
    /// The event loop or thread that sleeps for it.
    pub owner: u64,
    /// When it gives up, in nanoseconds of the caller's clock.
    pub deadline_ns: u64,
}

/// Where a request waits, as its last refusal said.
#[derive(Debug, Clone)]
pub struct Spot {
    /// The scope that refused.
    pub scope: Key,
    /// Units that it asks of that scope.
    pub units: u64,
    /// When it fits if nothing else happens; `None`: to be tried as soon as it is its turn.
    pub ready_ns: Option<u64>,
    /// True when it fits then, not one nanosecond earlier; false when it only looks again.
    pub exact: bool,
    /// True when room elsewhere may serve it too: another tier.
    pub roaming: bool,
    /// [`Queue::releases`] before it was tried, so that a release in between is not missed.
    pub seen: u64,
}

/// Others wait for a scope before this request may take from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    /// Which of the scopes that were asked about.
    pub index: usize,
    /// When their head fits, if that is known.
    pub ready_ns: Option<u64>,
}

#[derive(Debug)]
struct Waiting {
    request: Request,
    spot: Spot,
    passed: Vec<Key>,
    armed_ns: Option<u64>,
}

/// All who wait in one process.
#[derive(Debug)]
pub struct Queue {
    lines: BTreeMap<Key, Line>,
    waiting: BTreeMap<Ticket, Waiting>,
    roaming: BTreeSet<Key>,
    due: VecDeque<Key>,
    alarms: Alarms,
    last: Ticket,
    releases: u64,
    max_waiters: usize,
}

impl Default for Queue {
    fn default() -> Self {
        Self::new(MAX_WAITERS)
    }
}

impl Queue {
    /// An empty queue; `max_waiters` for each scope.
    pub fn new(max_waiters: usize) -> Self {
        Self {
            lines: BTreeMap::new(),
            waiting: BTreeMap::new(),
            roaming: BTreeSet::new(),
            due: VecDeque::new(),
            alarms: Alarms::default(),
            last: 0,
            releases: 0,
            max_waiters,
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// True when nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many alarms are set: one deadline each, and one for each head whose time is known.
    pub fn alarm_count(&self) -> usize {
        self.alarms.len()
    }

    /// How often something was released.
    pub fn releases(&self) -> u64 {
        self.releases
    }

    /// The first of a request's scopes that others wait for and go before it: same or more urgent class. Someone who waits is
    /// held up neither by its own line nor by one where its turn came before.
    pub fn ahead(&self, scopes: &[Key], class: usize, ticket: Option<Ticket>) -> Option<Ahead> {
        let own = ticket.and_then(|ticket| self.waiting.get(&ticket));
        let skip = |scope: &Key| own.is_some_and(|own| own.spot.scope == *scope || own.passed.contains(scope));
        let (index, line) = scopes.iter().enumerate().find_map(|(index, scope)| {
            let line = self.lines.get(scope).filter(|line| line.before(class) > 0)?;
            (!skip(scope)).then_some((index, line))
        })?;
        let head = line.armed.and_then(|head| self.waiting.get(&head)).filter(|head| head.spot.exact);
        let ready_ns = head.and_then(|head| head.armed_ns);
        Some(Ahead { index, ready_ns })
    }

    /// Puts a refused request into the line of the scope that refused it; `None` when the line is full.
    pub fn join(&mut self, request: Request, spot: Spot) -> Option<Ticket> {
        if self.lines.get(&spot.scope).is_some_and(|line| line.len() >= self.max_waiters) {
            return None;
        }
        self.last += 1;
        let ticket = self.last;
        self.alarms.set(request.owner, request.deadline_ns, ticket, Ring::Deadline);
        let request = Request { class: request.class.min(CLASSES - 1), ..request };
        self.waiting.insert(ticket, Waiting { request, spot, passed: Vec::new(), armed_ns: None });
        self.line_up(ticket, false);
        Some(ticket)
    }

    /// Whom to try now. Each answer wants one call of `served`, `refused` or `leave`.
    pub fn next_try(&mut self) -> Option<Ticket> {
        while let Some(scope) = self.due.pop_front() {
            let Some(line) = self.lines.get_mut(&scope) else { continue };
            if !line.due || line.trying.is_some() {
                continue;
            }
            line.due = false;
            if let Some(head) = line.head() {
                line.trying = Some(head);
                return Some(head);
            }
        }
        None
    }

    /// The tried request took its units. False when it has left meanwhile: then they must be given back.
    pub fn served(&mut self, ticket: Ticket) -> bool {
        self.remove(ticket, true)
    }

    /// The tried request was refused again, perhaps by another scope: it keeps its turn here, or goes to that line.
    pub fn refused(&mut self, ticket: Ticket, spot: Spot) -> bool {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return false };
        let left = std::mem::replace(&mut waiting.spot, spot);
        if left.scope == waiting.spot.scope {
            waiting.spot.units = left.units;
            self.tried(ticket);
            return true;
        }
        if !waiting.passed.contains(&left.scope) {
            waiting.passed.push(Arc::clone(&left.scope));
        }
        let returning = waiting.passed.contains(&waiting.spot.scope);
        let (class, flow) = (waiting.request.class, Arc::clone(&waiting.request.flow));
        self.disarm(ticket);
        self.end(&left.scope, class, ticket, &flow, false);
        self.line_up(ticket, returning);
        true
    }

    /// Ends a wait without success. False when it had ended before.
    pub fn leave(&mut self, ticket: Ticket) -> bool {
        self.remove(ticket, false)
    }

    /// Units, slots or money came back to these scopes, or nobody knows to which: their heads are to be tried, and those that
    /// any tier may serve.
    pub fn release(&mut self, scopes: Option<&[Key]>) {
        self.releases += 1;
        if self.lines.is_empty() {
            return;
        }
        match scopes {
            Some(scopes) => {
                for scope in scopes {
                    self.mark(scope);
                }
                let roaming: Vec<Key> = self.roaming.iter().cloned().collect();
                for scope in &roaming {
                    self.mark(scope);
                }
            }
            None => {
                let mut all: Vec<(Ticket, Key)> =
                    self.lines.iter().map(|(key, line)| (line.armed.unwrap_or(Ticket::MAX), Arc::clone(key))).collect();
                all.sort_unstable();
                for (_, scope) in &all {
                    self.mark(scope);
                }
            }
        }
    }

    /// Lets all alarms up to now ring: heads become due; those past their deadline leave and are returned.
    pub fn poll(&mut self, now_ns: u64) -> Vec<Ticket> {
        let mut late = Vec::new();
        while let Some((ticket, ring)) = self.alarms.ringing(now_ns) {
            match ring {
                Ring::Ready => {
                    self.disarm(ticket);
                    if let Some(scope) = self.waiting.get(&ticket).map(|found| Arc::clone(&found.spot.scope)) {
                        self.mark(&scope);
                    }
                }
                Ring::Deadline => {
                    self.leave(ticket);
                    late.push(ticket);
                }
            }
        }
        late
    }

    /// Whether there is nothing to do until a later alarm rings: nobody to try, no owner to tell of an alarm.
    pub fn is_quiet(&self, now_ns: u64) -> bool {
        self.due.is_empty() && self.alarms.are_known() && self.alarms.ringing(now_ns).is_none()
    }

    /// When an owner is to call `poll` next.
    pub fn next_alarm(&self, owner: u64) -> Option<u64> {
        self.alarms.next(owner)
    }

    /// Owners whose alarms are new since the last call, each with its earliest.
    pub fn drain_alarms(&mut self) -> Vec<(u64, u64)> {
        self.alarms.drain()
    }

    fn line_up(&mut self, ticket: Ticket, returning: bool) {
        let Some(found) = self.waiting.get(&ticket) else { return };
        let line = self.lines.entry(Arc::clone(&found.spot.scope)).or_default();
        if found.spot.roaming {
            self.roaming.insert(Arc::clone(&found.spot.scope));
        }
        line.join(found.request.class, ticket, &found.request.flow, found.spot.units, found.request.weight, returning);
        self.tried(ticket);
    }

    /// Notes that a request was just tried and refused where it stands.
    fn tried(&mut self, ticket: Ticket) {
        self.disarm(ticket);
        let Some(found) = self.waiting.get_mut(&ticket) else { return };
        if found.spot.seen != self.releases {
            found.spot.ready_ns = None;
        }
        let (scope, ready_ns, owner) = (Arc::clone(&found.spot.scope), found.spot.ready_ns, found.request.owner);
        let Some(line) = self.lines.get_mut(&scope) else { return };
        if line.trying == Some(ticket) {
            line.trying = None;
            if line.due {
                self.due.push_back(Arc::clone(&scope));
            }
        }
        if let (true, Some(at_ns)) = (line.head() == Some(ticket), ready_ns) {
            let before = line.armed.replace(ticket).filter(|before| *before != ticket);
            found.armed_ns = Some(at_ns);
            self.alarms.set(owner, at_ns, ticket, Ring::Ready);
            if let Some(before) = before {
                self.disarm(before);
            }
        } else {
            if line.head() == Some(ticket) && line.armed == Some(ticket) {
                line.armed = None;
            }
            self.look_at(&scope);
        }
    }

    /// Marks a line whose head changed; forgets an empty one.
    fn look_at(&mut self, scope: &Key) {
        let Some(line) = self.lines.get_mut(scope) else { return };
        if line.is_empty() {
            self.lines.remove(scope);
            self.roaming.remove(scope);
            return;
        }
        let head = line.head();
        if head != line.armed {
            let before = std::mem::replace(&mut line.armed, head);
            if let Some(before) = before {
                self.disarm(before);
            }
            self.mark(scope);
        }
    }

    fn mark(&mut self, scope: &Key) {
        let Some(line) = self.lines.get_mut(scope) else { return };
        if !line.due {
            line.due = true;
            if line.trying.is_none() {
                self.due.push_back(Arc::clone(scope));
            }
        }
    }

    fn disarm(&mut self, ticket: Ticket) {
        let Some(found) = self.waiting.get_mut(&ticket) else { return };
        if let Some(at_ns) = found.armed_ns.take() {
            self.alarms.clear(found.request.owner, at_ns, ticket, Ring::Ready);
        }
    }

    fn remove(&mut self, ticket: Ticket, served: bool) -> bool {
        self.disarm(ticket);
        let Some(found) = self.waiting.remove(&ticket) else { return false };
        self.alarms.clear(found.request.owner, found.request.deadline_ns, ticket, Ring::Deadline);
        self.end(&found.spot.scope, found.request.class, ticket, &found.request.flow, served);
        true
    }

    /// Takes a request out of a line, and lets the next one have its turn.
    fn end(&mut self, scope: &Key, class: usize, ticket: Ticket, flow: &Flow, served: bool) {
        if let Some(line) = self.lines.get_mut(scope) {
            let tried = line.trying == Some(ticket);
            line.end(class, ticket, flow, served);
            if tried && line.due {
                self.due.push_back(Arc::clone(scope));
            }
        }
        self.look_at(scope);
    }
}
