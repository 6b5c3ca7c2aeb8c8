//! `CacheStore`: the cache of a process and, with a path, its file.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use tierkit_core::cache::entry::Put;
use tierkit_core::cache::semantic::{Bounds, Get, Mark};
use tierkit_core::cache::unit::Unit;
use tierkit_store::{Cache, Home, Look, StoreError};

use super::hit::PyCacheHit;
use super::keyer::{PyCacheKeyer, secret_of};
use super::vector::unit;
use crate::error::{config, state, store};
use crate::money::extract_nusd;

/// Cached answers of one process, or of all that open one file.
#[pyclass(frozen, module = "tierkit._core", name = "CacheStore")]
pub struct PyCacheStore {
    cache: Cache,
    dim: usize,
}

#[pymethods]
impl PyCacheStore {
    #[new]
    #[allow(clippy::too_many_arguments)] // keyword-only in Python
    #[pyo3(signature = (*, dim, capacity, capacity_bytes, memory_bytes, secret, path=None, encoder="", own_now_ns=None))]
    fn new(
        py: Python<'_>,
        dim: usize,
        capacity: usize,
        capacity_bytes: u64,
        memory_bytes: u64,
        secret: &Bound<'_, PyBytes>,
        path: Option<PathBuf>,
        encoder: &str,
        own_now_ns: Option<i64>,
    ) -> PyResult<Self> {
        let secret = secret_of(secret)?;
        let bounds = Bounds { dim, capacity, capacity_bytes, memory_bytes: Some(memory_bytes) };
        let home = path.map(|path| Home { path, encoder: encoder.to_owned(), own_now_ns });
        let cache = unlocked(py, || Cache::open(bounds, secret, home.as_ref()))?;
        Ok(Self { cache, dim })
    }

    /// A sentence about a damaged file that was moved aside at the start, or None.
    #[getter]
    fn notice(&self) -> Option<&str> {
        self.cache.notice()
    }

    /// Makes keys under the secret of this store.
    fn keyer(&self) -> PyCacheKeyer {
        PyCacheKeyer::under(self.cache.secret())
    }

    /// Keeps an answer; gives its id, or None when nothing was kept.
    #[allow(clippy::too_many_arguments)] // keyword-only in Python
    #[pyo3(signature = (*, namespace, key, text, embedding, value, ttl_s, saved, now_ns, tag="", owner=None))]
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
        owner: Option<&str>,
    ) -> PyResult<Option<u64>> {
        let namespace = name(namespace)?;
        let unit = self.unit(embedding)?;
        let text = text.to_string_lossy();
        let (ttl_ns, saved_nusd) = (nanoseconds(ttl_s)?, extract_nusd(saved)?);
        let shown = if owner.is_none() { readable(&namespace) } else { String::new() };
        let owner = owner.unwrap_or(&shown);
        let new = Put { namespace: &namespace, key, text: &text, value, tag, ttl_ns, saved_nusd, owner };
        unlocked(py, || self.cache.put(&new, unit.as_ref(), now_ns))
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
        // Letting the interpreter go costs as much as an exact lookup, so that one is tried first.
        let look = if unit.is_none() { self.cache.get_at_once(&ask, now_ns) } else { Ok(Look::Busy) };
        let found = match look.map_err(|error| store(py, &error))? {
            Look::Found(found) => Some(found),
            Look::Miss => None,
            Look::Cold(hit) => py.detach(|| self.cache.fetch(hit, now_ns)),
            Look::Busy => unlocked(py, || self.cache.get(&ask, now_ns))?,
        };
        Ok(found.map(PyCacheHit::from))
    }

    /// Notes whether a hit was right; tells whether the entry was still held.
    #[pyo3(signature = (id, *, ok))]
    fn report(&self, py: Python<'_>, id: u64, ok: bool) -> PyResult<bool> {
        unlocked(py, || self.cache.report(id, ok))
    }

    /// Drops entries by namespace, tag and age; tells how many.
    #[pyo3(signature = (*, namespace, tag, put_before_ns, now_ns))]
    fn purge(
        &self,
        py: Python<'_>,
        namespace: Option<&Bound<'_, PyAny>>,
        tag: Option<&str>,
        put_before_ns: Option<i64>,
        now_ns: i64,
    ) -> PyResult<usize> {
        let namespace = namespace.map(name).transpose()?;
        let mark = Mark { namespace: namespace.as_deref(), tag, put_before_ns, owner: None };
        unlocked(py, || self.cache.purge(&mark, now_ns))
    }

    /// Waits until the file has everything so far.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.cache.flush()).map_err(|error| state(py, &error))
    }

    /// Writes what waits and lets the file go.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.cache.close());
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counts = py.detach(|| self.cache.stats());
        let dict = PyDict::new(py);
        counts.into_iter().try_for_each(|(name, count)| dict.set_item(name, count))?;
        Ok(dict)
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| self.cache.len())
    }
}

impl PyCacheStore {
    fn unit(&self, embedding: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Unit>> {
        embedding.map(|found| unit(found, self.dim)).transpose()
    }
}

/// Works without holding the interpreter, so that lookups of many threads go side by side.
fn unlocked<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, StoreError> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| store(py, &error))
}

/// A namespace for people: its text, or its bytes in hexadecimal digits.
fn readable(namespace: &[u8]) -> String {
    match namespace.split_first() {
        Some((b's', text)) => String::from_utf8_lossy(text).into_owned(),
        Some((_, bytes)) => bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(hexadecimal).collect(),
        None => String::new(),
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

fn hexadecimal(digit: u8) -> Option<char> {
    char::from_digit(digit.into(), 16)
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
