//! `Decision`: admitted, or who refuses, why, and until when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tierkit_core::decision::{Cause, Failing, Refusal, Wait};
use tierkit_core::gate::Bound as Scopes;
use tierkit_core::ledger::ReservationId;
use tierkit_core::rules::{RuleKind, Rules};
use tierkit_core::throttle::{Dimension, Units};
use tierkit_core::units::format_nusd;

use crate::labels::key_dict;

/// What a gate answered.
pub enum Answer {
    /// Units that refill were taken from these scopes.
    Taken(Arc<Scopes>),
    /// A reservation was made, or found: then nothing new was charged.
    Reserved { id: ReservationId, replayed: bool },
    /// Nothing was taken; the rules name who refuses.
    Refused(Box<(Arc<Rules>, Refusal)>),
}

/// The answer of a gate, kept small: hot paths make one per call.
#[pyclass(frozen, module = "tierkit._core", name = "Decision")]
pub struct PyDecision {
    /// What was answered.
    pub answer: Answer,
    /// What was asked for.
    pub units: Units,
    settled: AtomicBool,
}

impl PyDecision {
    pub fn new(answer: Answer, units: Units) -> Self {
        Self { answer, units, settled: AtomicBool::new(false) }
    }

    pub fn refused(rules: &Arc<Rules>, refusal: Refusal, units: Units) -> Self {
        Self::new(Answer::Refused(Box::new((Arc::clone(rules), refusal))), units)
    }

    fn refusal(&self) -> Option<(&Rules, &Refusal)> {
        match &self.answer {
            Answer::Refused(refused) => Some((&refused.0, &refused.1)),
            Answer::Taken(_) | Answer::Reserved { .. } => None,
        }
    }

    fn binding(&self) -> Option<(&Rules, &Failing)> {
        let (rules, refusal) = self.refusal()?;
        Some((rules, refusal.binding()?))
    }

    /// The rule that binds, if this is a refusal.
    pub fn binding_rule(&self) -> Option<&Failing> {
        self.binding().map(|(_, found)| found)
    }

    /// The decision as if just made: only for one that nobody holds, and that took the same.
    pub fn renew(&self) {
        self.settled.store(false, Ordering::Relaxed);
    }

    /// True the first time only.
    pub fn first_settle(&self) -> bool {
        !self.settled.swap(true, Ordering::Relaxed)
    }
}

fn name(rules: &Rules, rule: u16) -> Option<&str> {
    rules.get(rule).map(|found| &*found.name)
}

#[allow(clippy::cast_precision_loss)]
fn seconds(wait: Wait) -> Option<f64> {
    match wait {
        Wait::For(ns) => Some(ns as f64 / 1e9),
        Wait::UntilReleased | Wait::Never => None,
    }
}

fn wait_word(wait: Wait) -> String {
    match wait {
        Wait::For(ns) => format!("fits in {ns} ns"),
        Wait::UntilReleased => "fits when a running request settles".to_owned(),
        Wait::Never => "never fits".to_owned(),
    }
}

fn amount(dimension: Dimension, units: i64) -> String {
    match dimension {
        Dimension::Usd => format!("{} USD", format_nusd(units)),
        _ => format!("{units} {}", dimension.as_str()),
    }
}

#[pymethods]
impl PyDecision {
    #[getter]
    fn allowed(&self) -> bool {
        self.refusal().is_none()
    }

    fn __bool__(&self) -> bool {
        self.refusal().is_none()
    }

    #[getter]
    fn id(&self) -> Option<&str> {
        match &self.answer {
            Answer::Reserved { id, .. } => Some(id.as_str()),
            Answer::Taken(_) | Answer::Refused(_) => None,
        }
    }

    #[getter]
    fn replayed(&self) -> bool {
        matches!(self.answer, Answer::Reserved { replayed: true, .. })
    }

    #[getter]
    fn rule(&self) -> Option<&str> {
        self.binding().and_then(|(rules, found)| name(rules, found.rule))
    }

    #[getter]
    fn cause(&self) -> Option<&'static str> {
        self.binding().map(|(_, found)| found.cause.as_str())
    }

    #[getter]
    fn dimension(&self) -> Option<&'static str> {
        self.binding().map(|(_, found)| found.dimension.as_str())
    }

    #[getter]
    fn retry_after_s(&self) -> Option<f64> {
        seconds(self.binding()?.1.wait)
    }

    #[getter]
    fn wait_ns(&self) -> Option<u64> {
        match self.binding()?.1.wait {
            Wait::For(ns) => Some(ns),
            Wait::UntilReleased | Wait::Never => None,
        }
    }

    /// How long after its wait a refused rate may be asked without a loss of refills; None for any other refusal.
    #[getter]
    fn slack_ns(&self) -> Option<u64> {
        let (rules, found) = self.binding()?;
        match (&rules.get(found.rule)?.kind, found.cause) {
            (RuleKind::Refill(_, quota), Cause::Rate) => Some(quota.slack_ns(found.needed)),
            _ => None,
        }
    }

    /// `for`, `until_released` or `never`; None when admitted.
    #[getter]
    fn wait(&self) -> Option<&'static str> {
        Some(match self.binding()?.1.wait {
            Wait::For(_) => "for",
            Wait::UntilReleased => "until_released",
            Wait::Never => "never",
        })
    }

    /// True when another tier may still fit.
    #[getter]
    fn next_tier(&self) -> bool {
        self.refusal().is_some_and(|(_, refusal)| refusal.next_tier())
    }

    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.binding().map(|(rules, found)| key_dict(py, rules, found.rule, &found.key)).transpose()
    }

    /// Every rule without room, in policy order.
    #[getter]
    fn failing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        let Some((rules, refusal)) = self.refusal() else { return Ok(list) };
        for found in &refusal.failing {
            let row = PyDict::new(py);
            row.set_item("rule", name(rules, found.rule))?;
            row.set_item("key", key_dict(py, rules, found.rule, &found.key)?)?;
            row.set_item("dimension", found.dimension.as_str())?;
            row.set_item("cause", found.cause.as_str())?;
            row.set_item("needed", amount(found.dimension, found.needed))?;
            row.set_item("available", amount(found.dimension, found.available))?;
            row.set_item("retry_after_s", seconds(found.wait))?;
            list.append(row)?;
        }
        Ok(list)
    }

    fn __str__(&self) -> String {
        let Some((rules, found)) = self.binding() else { return "admitted".to_owned() };
        let name = name(rules, found.rule).unwrap_or_default();
        if found.cause == Cause::Queued {
            return format!("rule '{name}' refuses (queued): others wait before this request; give it wait_s to wait in line");
        }
        if found.cause == Cause::Paused {
            return format!("rule '{name}' refuses (paused): the server asked for a pause; {}", wait_word(found.wait));
        }
        let (needed, available) = (amount(found.dimension, found.needed), amount(found.dimension, found.available));
        format!("rule '{name}' refuses ({}): needs {needed}, has {available}; {}", found.cause.as_str(), wait_word(found.wait))
    }

    fn __repr__(&self) -> String {
        format!("Decision({})", self.__str__())
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyDecision>()
}
