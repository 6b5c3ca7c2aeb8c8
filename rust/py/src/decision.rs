//! `Decision`: admitted, or who refuses, why, and until when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tierkit_core::decision::{Failing, Refusal, Wait};
use tierkit_core::gate::Bound as Scopes;
use tierkit_core::ledger::ReservationId;
use tierkit_core::rules::Rules;
use tierkit_core::throttle::{Dimension, Units};
use tierkit_core::units::format_nusd;

use crate::labels::key_dict;

/// The answer of a gate.
#[pyclass(frozen, module = "tierkit._core", name = "Decision")]
pub struct PyDecision {
    /// The rules that judged.
    pub rules: Arc<Rules>,
    /// What refused; `None` when admitted.
    pub refusal: Option<Box<Refusal>>,
    /// The scopes that gave, for a take without a reservation.
    pub scopes: Option<Arc<Scopes>>,
    /// What was taken.
    pub units: Units,
    /// The reservation, if one was made.
    pub id: Option<ReservationId>,
    /// The id was known; nothing new was charged.
    pub replayed: bool,
    /// Settled once already.
    pub settled: AtomicBool,
}

impl PyDecision {
    fn binding(&self) -> Option<&Failing> {
        self.refusal.as_ref()?.binding()
    }

    /// True the first time only.
    pub fn first_settle(&self) -> bool {
        !self.settled.swap(true, Ordering::Relaxed)
    }

    fn name(&self, rule: u16) -> Option<&str> {
        self.rules.get(rule).map(|found| &*found.name)
    }
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
        self.refusal.is_none()
    }

    fn __bool__(&self) -> bool {
        self.refusal.is_none()
    }

    #[getter]
    fn id(&self) -> Option<&str> {
        self.id.as_ref().map(ReservationId::as_str)
    }

    #[getter]
    fn replayed(&self) -> bool {
        self.replayed
    }

    #[getter]
    fn rule(&self) -> Option<&str> {
        self.binding().and_then(|found| self.name(found.rule))
    }

    #[getter]
    fn cause(&self) -> Option<&'static str> {
        self.binding().map(|found| found.cause.as_str())
    }

    #[getter]
    fn dimension(&self) -> Option<&'static str> {
        self.binding().map(|found| found.dimension.as_str())
    }

    #[getter]
    fn retry_after_s(&self) -> Option<f64> {
        seconds(self.binding()?.wait)
    }

    #[getter]
    fn wait_ns(&self) -> Option<u64> {
        match self.binding()?.wait {
            Wait::For(ns) => Some(ns),
            Wait::UntilReleased | Wait::Never => None,
        }
    }

    /// `for`, `until_released` or `never`; None when admitted.
    #[getter]
    fn wait(&self) -> Option<&'static str> {
        Some(match self.binding()?.wait {
            Wait::For(_) => "for",
            Wait::UntilReleased => "until_released",
            Wait::Never => "never",
        })
    }

    /// True when another tier may still fit.
    #[getter]
    fn next_tier(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| refusal.next_tier())
    }

    #[getter]
    fn key<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        self.binding().map(|found| key_dict(py, &self.rules, found.rule, &found.key)).transpose()
    }

    /// Every rule without room, in policy order.
    #[getter]
    fn failing<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for found in self.refusal.iter().flat_map(|refusal| &refusal.failing) {
            let row = PyDict::new(py);
            row.set_item("rule", self.name(found.rule))?;
            row.set_item("key", key_dict(py, &self.rules, found.rule, &found.key)?)?;
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
        let Some(found) = self.binding() else { return "admitted".to_owned() };
        let name = self.name(found.rule).unwrap_or_default();
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
