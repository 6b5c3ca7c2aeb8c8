//! `Scope`: labels matched once, and matched again when the rules change.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use tierkit_core::decision::Refusal;
use tierkit_core::gate::{Bound as Scopes, Grant};
use tierkit_core::labels::Labels;
use tierkit_core::ledger::ReservationId;
use tierkit_core::rules::Rules;
use tierkit_core::throttle::Units;
use tierkit_store::{DurableGate, StoreError};

use crate::decision::{Answer, PyDecision};
use crate::door::{attached, durably};
use crate::error::store;
use crate::units::asked;

/// Labels matched once: the handle for hot paths.
#[pyclass(frozen, module = "tierkit._core", name = "Scope")]
pub struct PyScope {
    gate: Arc<DurableGate>,
    scopes: Arc<Scopes>,
    ttl_ns: u64,
    /// Whether the rules have changed since the match: then `later` is matched against newer ones.
    is_old: AtomicBool,
    later: Mutex<Option<Py<PyScope>>>,
    /// The first decision to take, handed out again whenever nobody holds it: making one costs a third of a take.
    usual: PyOnceLock<Py<PyDecision>>,
}

/// The decision of an admission.
pub fn reserved(rules: &Arc<Rules>, outcome: Result<Grant, Refusal>, units: Units, id: ReservationId) -> PyDecision {
    match outcome {
        Ok(grant) => PyDecision::new(Answer::Reserved { id, replayed: grant.replayed }, units),
        Err(refusal) => PyDecision::refused(rules, refusal, units),
    }
}

impl PyScope {
    /// Matches labels against the rules that this process saw last.
    pub fn new(gate: &Arc<DurableGate>, labels: Labels, ttl_ns: u64) -> Self {
        let scopes = Scopes::new(&gate.rules(), labels);
        let (is_old, later) = (AtomicBool::new(false), Mutex::new(None));
        Self { gate: Arc::clone(gate), scopes: Arc::new(scopes), ttl_ns, is_old, later, usual: PyOnceLock::new() }
    }

    /// Takes, under the rules in force whatever they were when the labels were matched.
    pub fn take_units(slf: &Bound<'_, Self>, units: &Units) -> PyResult<Py<PyDecision>> {
        let (py, scope) = (slf.py(), slf.get());
        if !scope.is_old.load(Ordering::Relaxed)
            && let Some(decision) = Self::take_here(slf, units)?
        {
            return Ok(decision);
        }
        scope.is_old.store(true, Ordering::Relaxed);
        loop {
            let later = scope.later.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|later| later.clone_ref(py));
            if let Some(later) = later
                && let Some(decision) = Self::take_here(later.bind(py), units)?
            {
                return Ok(decision);
            }
            let fresh = Py::new(py, Self::new(&scope.gate, (**scope.scopes.labels()).clone(), scope.ttl_ns))?;
            *scope.later.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
        }
    }

    /// Takes from the scopes that were matched; `None` when the rules have changed since.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "the whole of a hot take")]
    fn take_here(slf: &Bound<'_, Self>, units: &Units) -> PyResult<Option<Py<PyDecision>>> {
        let (py, scope) = (slf.py(), slf.get());
        let decision = if scope.scopes.holds() {
            let id = attached(py, ReservationId::new(&scope.gate.new_id()))?;
            match durably(py, &scope.gate, |gate| gate.admit(&id, &scope.scopes, *units, scope.ttl_ns)) {
                Ok(outcome) => reserved(&scope.gate.rules(), outcome, *units, id),
                Err(StoreError::Stale) => return Ok(None),
                Err(error) => return Err(store(py, &error)),
            }
        } else {
            match scope.gate.take(&scope.scopes, units) {
                Ok(Ok(())) => return scope.taken(py, units).map(Some),
                Ok(Err(refusal)) => PyDecision::refused(&scope.gate.rules(), refusal, *units),
                Err(StoreError::Stale) => return Ok(None),
                Err(error) => return Err(store(py, &error)),
            }
        };
        Py::new(py, decision).map(Some)
    }

    fn taken(&self, py: Python<'_>, units: &Units) -> PyResult<Py<PyDecision>> {
        let usual = self.usual.get(py);
        if let Some(usual) = usual.filter(|usual| usual.get().units == *units && is_unheld(usual.bind(py))) {
            usual.get().renew();
            return Ok(usual.clone_ref(py));
        }
        let made = Py::new(py, PyDecision::new(Answer::Taken(Arc::clone(&self.scopes)), *units))?;
        if usual.is_none() {
            let _ = self.usual.set(py, made.clone_ref(py));
        }
        Ok(made)
    }
}

/// Whether the one reference is the scope's own. The interpreter's lock keeps it so for the rest of the call.
#[allow(deprecated, reason = "what replaces it is unsafe and answers the same")]
fn is_unheld(decision: &Bound<'_, PyDecision>) -> bool {
    decision.get_refcnt() == 1
}

#[pymethods]
impl PyScope {
    #[pyo3(signature = (*, requests=None, input_tokens=None, output_tokens=None, total_tokens=None, usd=None))]
    fn take(
        slf: &Bound<'_, Self>,
        requests: Option<&Bound<'_, PyAny>>,
        input_tokens: Option<&Bound<'_, PyAny>>,
        output_tokens: Option<&Bound<'_, PyAny>>,
        total_tokens: Option<&Bound<'_, PyAny>>,
        usd: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyDecision>> {
        let units = asked(requests, input_tokens, output_tokens, total_tokens, usd)?;
        Self::take_units(slf, &units)
    }
}

/// Adds this name to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyScope>()
}
