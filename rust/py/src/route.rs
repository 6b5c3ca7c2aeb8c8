//! `ShareRouter`: shares of the traffic per tier, behind one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use tierkit_core::route::ShareRouter;

use crate::door::attached;

/// Chooses tiers so that each stronger one serves its share of the traffic.
#[pyclass(frozen, module = "tierkit._core", name = "ShareRouter")]
pub struct PyShareRouter(Mutex<ShareRouter>);

#[pymethods]
impl PyShareRouter {
    #[new]
    #[allow(clippy::needless_pass_by_value)] // the conversion from Python makes the vector
    #[pyo3(signature = (shares, *, default = 0, escalate = false))]
    fn new(py: Python<'_>, shares: Vec<f64>, default: usize, escalate: bool) -> PyResult<Self> {
        attached(py, ShareRouter::new(&shares, default, escalate)).map(|router| Self(Mutex::new(router)))
    }

    #[pyo3(signature = (need=None))]
    fn plan(&self, need: Option<f64>) -> Vec<usize> {
        self.state().plan(need)
    }

    fn observe(&self, need: f64) {
        self.state().observe(need);
    }

    fn threshold(&self, tier: usize) -> PyResult<f64> {
        let state = self.state();
        let unknown = || PyIndexError::new_err(format!("tier {tier}: expected 0 to {}", state.tiers() - 1));
        state.threshold(tier).ok_or_else(unknown)
    }

    fn __len__(&self) -> usize {
        self.state().tiers()
    }
}

impl PyShareRouter {
    /// The state; a poisoned lock still holds whole counts, since no step in between is seen from outside.
    fn state(&self) -> MutexGuard<'_, ShareRouter> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyShareRouter>()
}
