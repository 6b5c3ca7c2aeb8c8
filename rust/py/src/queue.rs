//! `Queue` and `Claim`: whose turn it is, behind one lock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use tierkit_core::decision::{Cause, Failing, Refusal, Wait};
use tierkit_core::gate::Bound as Scopes;
use tierkit_core::labels::{Key, Lookup};
use tierkit_core::queue::{Ahead, MAX_WAITERS, Queue, Request, Spot};
use tierkit_core::rules::Rules;
use tierkit_core::throttle::Units;

use crate::decision::PyDecision;
use crate::provider;

/// What a request would take, and from where.
#[pyclass(frozen, module = "tierkit._core", name = "Claim")]
pub struct PyClaim {
    rules: Arc<Rules>,
    scopes: Vec<Key>,
    units: Units,
}

impl PyClaim {
    /// Keeps the scopes from which something is asked; `provider` is the one that all requests to a server share.
    pub fn new(rules: &Arc<Rules>, bound: &Scopes, units: Units) -> Self {
        let scopes = bound.scopes().iter().map(|scope| (scope.rule, Arc::clone(&scope.key)));
        let labels = bound.labels();
        let provider = labels.get("backend").zip(labels.get("model")).map(|(backend, model)| provider::key(backend, model));
        let asked = |rule: u16| rules.get(rule).is_some_and(|found| units.get(found.kind.dimension()) > 0);
        let scopes = scopes.filter(|(rule, _)| asked(*rule)).map(|(_, key)| key).chain(provider).collect();
        Self { rules: Arc::clone(rules), scopes, units }
    }

    /// The refusal of a request before which others wait.
    fn held_up(&self, ahead: Ahead, now_ns: u64) -> Option<PyDecision> {
        let key = self.scopes.get(ahead.index)?;
        let index = u16::from_le_bytes(*key.first_chunk::<2>()?);
        let provider = provider::rules(key).filter(|_| index == provider::NO_RULE);
        let (rules, index) = provider.as_ref().map_or((&self.rules, index), |rules| (rules, 0));
        let rule = rules.get(index)?;
        let dimension = rule.kind.dimension();
        let failing = Failing {
            rule: index,
            key: Arc::clone(key),
            dimension,
            cause: Cause::Queued,
            needed: self.units.get(dimension),
            available: 0,
            wait: ahead.ready_ns.map_or(Wait::UntilReleased, |ready_ns| Wait::For(ready_ns.saturating_sub(now_ns))),
            next_tier: rule.next_tier(),
        };
        Some(PyDecision::refused(rules, Refusal { failing: vec![failing] }, self.units))
    }
}

/// All who wait in this process.
#[pyclass(frozen, module = "tierkit._core", name = "Queue")]
pub struct PyQueue(Mutex<Queue>);

#[pymethods]
impl PyQueue {
    #[new]
    #[pyo3(signature = (*, max_waiters=MAX_WAITERS))]
    fn new(max_waiters: usize) -> Self {
        Self(Mutex::new(Queue::new(max_waiters)))
    }

    fn __len__(&self) -> usize {
        self.state().len()
    }

    #[getter]
    fn releases(&self) -> u64 {
        self.state().releases()
    }

    #[getter]
    fn alarms(&self) -> usize {
        self.state().alarm_count()
    }

    /// The refusal of a claim before which others wait, or None.
    #[pyo3(signature = (claim, *, priority, now_ns, ticket=None))]
    fn ahead(&self, claim: &PyClaim, priority: usize, now_ns: u64, ticket: Option<u64>) -> Option<PyDecision> {
        self.held_up(claim, priority, now_ns, ticket)
    }

    /// Whether there is nothing to do until a later alarm rings.
    fn is_quiet(&self, now_ns: u64) -> bool {
        self.state().is_quiet(now_ns)
    }

    /// Joins the line of the rule that refused; None when it is full.
    #[pyo3(signature = (decision, *, priority, flow, weight, owner, deadline_ns, ready_ns, seen))]
    fn join(
        &self,
        decision: &PyDecision,
        priority: usize,
        flow: &[u8],
        weight: u32,
        owner: u64,
        deadline_ns: u64,
        ready_ns: Option<u64>,
        seen: u64,
    ) -> Option<u64> {
        let request = Request { class: priority, flow: flow.into(), weight, owner, deadline_ns };
        self.state().join(request, spot(decision, ready_ns, seen)?)
    }

    fn next_try(&self) -> Option<u64> {
        self.state().next_try()
    }

    fn served(&self, ticket: u64) -> bool {
        self.state().served(ticket)
    }

    #[pyo3(signature = (ticket, decision, *, ready_ns, seen))]
    fn refused(&self, ticket: u64, decision: &PyDecision, ready_ns: Option<u64>, seen: u64) -> bool {
        match spot(decision, ready_ns, seen) {
            Some(spot) => self.state().refused(ticket, spot),
            None => self.state().leave(ticket),
        }
    }

    fn leave(&self, ticket: u64) -> bool {
        self.state().leave(ticket)
    }

    #[pyo3(signature = (claim=None))]
    fn release(&self, claim: Option<&PyClaim>) {
        self.state().release(claim.map(|claim| claim.scopes.as_slice()));
    }

    fn poll(&self, now_ns: u64) -> Vec<u64> {
        self.state().poll(now_ns)
    }

    fn next_alarm(&self, owner: u64) -> Option<u64> {
        self.state().next_alarm(owner)
    }

    fn drain_alarms(&self) -> Vec<(u64, u64)> {
        self.state().drain_alarms()
    }
}

impl PyQueue {
    /// The refusal of a claim before which others wait.
    pub fn held_up(&self, claim: &PyClaim, priority: usize, now_ns: u64, ticket: Option<u64>) -> Option<PyDecision> {
        let ahead = self.state().ahead(&claim.scopes, priority, ticket)?;
        claim.held_up(ahead, now_ns)
    }

    /// The state; a poisoned lock still holds whole lines, since no step in between calls back.
    fn state(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spot(decision: &PyDecision, ready_ns: Option<u64>, seen: u64) -> Option<Spot> {
    let found = decision.binding_rule()?;
    let exact = matches!(found.wait, Wait::For(_));
    let units = u64::try_from(found.needed).unwrap_or(1);
    Some(Spot { scope: Arc::clone(&found.key), units, ready_ns, exact, roaming: found.next_tier, seen })
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyClaim>()?;
    module.add_class::<PyQueue>()
}
