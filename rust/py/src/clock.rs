//! `ManualClock`: time for tests and replays.

use std::sync::Arc;

use pyo3::prelude::*;
use tierkit_core::clock::{Clock, ManualClock, Now};

use crate::error::config;

/// A clock that moves only when told to.
#[pyclass(frozen, module = "tierkit._core", name = "ManualClock")]
pub struct PyManualClock(pub Arc<ManualClock>);

#[pymethods]
impl PyManualClock {
    #[new]
    #[pyo3(signature = (*, wall_ns=1_767_225_600_000_000_000, boot_ns=0))]
    fn new(wall_ns: i64, boot_ns: u64) -> Self {
        Self(Arc::new(ManualClock::new(Now { boot_ns, wall_ns })))
    }

    #[pyo3(signature = (*, ns=0, s=0))]
    fn advance(&self, py: Python<'_>, ns: i64, s: i64) -> PyResult<()> {
        let total = s.checked_mul(1_000_000_000).and_then(|s| s.checked_add(ns)).and_then(|total| u64::try_from(total).ok());
        let Some(total) = total else {
            return Err(config(
                py,
                format!("advance(ns={ns}, s={s}): a clock goes forward; use jump_wall for the wall clock alone"),
            ));
        };
        self.0.advance(total);
        Ok(())
    }

    #[pyo3(signature = (*, ns))]
    fn jump_wall(&self, ns: i64) {
        self.0.jump_wall(ns);
    }

    #[getter]
    fn wall_ns(&self) -> i64 {
        self.0.now().wall_ns
    }

    #[getter]
    fn boot_ns(&self) -> u64 {
        self.0.now().boot_ns
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyManualClock>()
}
