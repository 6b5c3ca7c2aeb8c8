//! `ShareRouter`: shares of the traffic per tier, behind one lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use tierkit_core::route::{Pace, ShareRouter};

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

    fn scale(&self, part_ppm: u32) {
        self.state().scale(part_ppm);
    }

    fn asked_ppm(&self) -> u32 {
        self.state().asked_ppm()
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

/// How much of the traffic a budget can pay the strong tier for until its period ends.
#[pyclass(frozen, module = "tierkit._core", name = "Pace")]
pub struct PyPace(Mutex<Pace>);

#[pymethods]
impl PyPace {
    #[new]
    fn new(start_ns: i64, end_ns: i64) -> Self {
        Self(Mutex::new(Pace::new(start_ns, end_ns)))
    }

    fn enter(&self, start_ns: i64, end_ns: i64) {
        self.state().enter(start_ns, end_ns);
    }

    fn arrived(&self, now_ns: i64) {
        self.state().arrived(now_ns);
    }

    fn settled(&self, cheap_nusd: i64, strong_nusd: i64) {
        self.state().settled(cheap_nusd, strong_nusd);
    }

    #[pyo3(signature = (now_ns, left_nusd, *, most_ppm))]
    fn share_ppm(&self, now_ns: i64, left_nusd: i64, most_ppm: u32) -> u32 {
        self.state().share_ppm(now_ns, left_nusd, most_ppm)
    }
}

impl PyPace {
    /// The state; see [`PyShareRouter::state`].
    fn state(&self) -> MutexGuard<'_, Pace> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyPace>()?;
    module.add_class::<PyShareRouter>()
}
