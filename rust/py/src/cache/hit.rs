//! What the cache answers with.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use tierkit_store::Found;

use crate::money::PyMoney;

/// A cached answer.
#[pyclass(frozen, module = "tierkit._core", name = "CacheHit")]
pub struct PyCacheHit {
    value: Arc<[u8]>,
    saved_nusd: i64,
    /// The entry, for `report`.
    #[pyo3(get)]
    id: u64,
    /// Cosine in [-1, 1].
    #[pyo3(get)]
    similarity: f32,
    /// Whether the key was equal.
    #[pyo3(get)]
    exact: bool,
}

impl From<Found> for PyCacheHit {
    fn from(Found { hit, value }: Found) -> Self {
        Self { value, saved_nusd: hit.saved_nusd, id: hit.id, similarity: hit.similarity, exact: hit.exact }
    }
}

#[pymethods]
impl PyCacheHit {
    #[getter]
    fn value<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.value)
    }

    #[getter]
    fn saved(&self) -> PyMoney {
        PyMoney { nusd: self.saved_nusd }
    }

    fn __repr__(&self) -> String {
        let exact = if self.exact { "True" } else { "False" };
        format!("CacheHit(id={}, similarity={:.4}, exact={exact}, value={} bytes)", self.id, self.similarity, self.value.len())
    }
}

/// Whether one answer may serve two questions.
#[pyclass(frozen, module = "tierkit._core", name = "CacheVerdict")]
pub struct PyCacheVerdict {
    /// Whether it may.
    #[pyo3(get)]
    pub hit: bool,
    /// Sentences that say why not.
    pub reasons: Vec<String>,
}

#[pymethods]
impl PyCacheVerdict {
    #[getter]
    fn reasons<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, &self.reasons)
    }

    fn __bool__(&self) -> bool {
        self.hit
    }

    fn __repr__(&self) -> String {
        let hit = if self.hit { "True" } else { "False" };
        format!("CacheVerdict(hit={hit}, reasons={:?})", self.reasons)
    }
}
