//! `CacheStore`: the store behind a lock, time as an argument.

use std::hash::{BuildHasher, RandomState};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use tierkit_core::cache::entry::Put;
use tierkit_core::cache::semantic::{Bounds, Get, Mark, Store};
use tierkit_core::cache::unit::Unit;

use super::hit::PyCacheHit;
use super::vector::unit;
use crate::door::{attached, detached};
use crate::error::config;
use crate::money::extract_nusd;

/// Cached answers of one process.
#[pyclass(frozen, module = "tierkit._core", name = "CacheStore")]
pub struct PyCacheStore {
    store: RwLock<Store>,
    dim: usize,
}

#[pymethods]
impl PyCacheStore {
    #[new]
    #[pyo3(signature = (*, dim, capacity, capacity_bytes))]
    fn new(py: Python<'_>, dim: usize, capacity: usize, capacity_bytes: u64) -> PyResult<Self> {
        let random = RandomState::new();
        let seeds = [0, 1, 2, 3].map(|part: u64| random.hash_one(part));
        let store = attached(py, Store::new(Bounds { dim, capacity, capacity_bytes }, seeds))?;
        Ok(Self { store: RwLock::new(store), dim })
    }

    /// Keeps an answer; gives its id, or None when nothing was kept.
    #[allow(clippy::too_many_arguments)] // keyword-only in Python
    #[pyo3(signature = (*, namespace, key, text, embedding, value, ttl_s, saved, now_ns, tag=""))]
    fn put(
        &self,
        py: Python<'_>,
        namespace: &Bound<'_, PyAny>,
        key: &[u8],
        text: &Bound<'_, PyString>,
        embedding: Option<&Bound<'_, PyAny>>,
        value: &[u8],
        ttl_s: &Bound<'_, PyAny>,
        saved: &Bound<'_, PyAny>,
        now_ns: i64,
        tag: &str,
    ) -> PyResult<Option<u64>> {
        let namespace = name(namespace)?;
        let unit = self.unit(embedding)?;
        let text = text.to_string_lossy();
        let (ttl_ns, saved_nusd) = (nanoseconds(ttl_s)?, extract_nusd(saved)?);
        let new = Put { namespace: &namespace, key, text: &text, value, tag, ttl_ns, saved_nusd };
        detached(py, || self.write().put(&new, unit.as_ref(), now_ns))
    }

    /// The cached answer, or None.
    #[allow(clippy::too_many_arguments)] // keyword-only in Python
    #[pyo3(signature = (*, namespace, key, text, embedding, min_similarity, now_ns))]
    fn get(
        &self,
        py: Python<'_>,
        namespace: &Bound<'_, PyAny>,
        key: &[u8],
        text: &Bound<'_, PyString>,
        embedding: Option<&Bound<'_, PyAny>>,
        min_similarity: Option<f32>,
        now_ns: i64,
    ) -> PyResult<Option<PyCacheHit>> {
        let namespace = name(namespace)?;
        let unit = self.unit(embedding)?;
        let text = text.to_string_lossy();
        let ask = Get { namespace: &namespace, key, text: &text, unit: unit.as_ref(), min_similarity };
        Ok(detached(py, || self.read().get(&ask, now_ns))?.map(PyCacheHit::from))
    }

    /// Notes whether a hit was right; tells whether the entry was still held.
    #[pyo3(signature = (id, *, ok))]
    fn report(&self, py: Python<'_>, id: u64, ok: bool) -> PyResult<bool> {
        detached(py, || Ok(self.write().report(id, ok)))
    }

    /// Drops entries by namespace, tag and age; tells how many.
    #[pyo3(signature = (*, namespace, tag, put_before_ns))]
    fn purge(
        &self,
        py: Python<'_>,
        namespace: Option<&Bound<'_, PyAny>>,
        tag: Option<&str>,
        put_before_ns: Option<i64>,
    ) -> PyResult<usize> {
        let namespace = namespace.map(name).transpose()?;
        let mark = Mark { namespace: namespace.as_deref(), tag, put_before_ns };
        detached(py, || self.write().purge(&mark))
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = detached(py, || Ok(self.read().stats()))?;
        let dict = PyDict::new(py);
        counts.into_iter().try_for_each(|(name, count)| dict.set_item(name, count))?;
        Ok(dict)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        detached(py, || Ok(self.read().len()))
    }
}

impl PyCacheStore {
    /// A panic elsewhere leaves counters off at worst, so the lock is taken over.
    fn read(&self) -> RwLockReadGuard<'_, Store> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Store> {
        self.store.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn unit(&self, embedding: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Unit>> {
        embedding.map(|found| unit(found, self.dim)).transpose()
    }
}

/// A namespace as tagged bytes, so that a text and equal bytes stay apart; an empty one stays empty and is refused below.
fn name(found: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let tagged = |tag: u8, bytes: &[u8]| if bytes.is_empty() { Vec::new() } else { [&[tag], bytes].concat() };
    if let Ok(string) = found.cast::<PyString>() {
        return super::value::text(string).map(|text| tagged(b's', text.as_ref()));
    }
    match found.cast::<PyBytes>() {
        Ok(bytes) => Ok(tagged(b'b', bytes.as_bytes())),
        Err(_) => {
            let kind = found.get_type().name()?;
            Err(config(
                found.py(),
                format!("namespace of type {kind}: expected a str or bytes that names the tenant, such as 'acme'"),
            ))
        }
    }
}

/// Seconds as ns, not negative and not NaN; lives beyond 292 years end there.
#[allow(clippy::cast_possible_truncation)] // `as` saturates, which is what is said above
fn nanoseconds(ttl_s: &Bound<'_, PyAny>) -> PyResult<i64> {
    let wrong = || config(ttl_s.py(), format!("ttl_s {ttl_s}: expected seconds, 0 or more"));
    let seconds = ttl_s.extract::<f64>().map_err(|_| wrong())?;
    if seconds.is_nan() || seconds < 0.0 {
        return Err(wrong());
    }
    Ok(match ttl_s.extract::<i64>() {
        Ok(whole) => whole.saturating_mul(1_000_000_000),
        Err(_) => (seconds * 1e9) as i64,
    })
}
