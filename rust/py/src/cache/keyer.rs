//! `CacheKeyer`: the two digests of a request.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use tierkit_core::cache::form::Value;
use tierkit_core::cache::key::{Keyer, Request};

use super::value::{Text, entries, text, value};
use crate::door::detached;
use crate::error::config;

/// Makes partition ids and exact keys under one secret.
#[pyclass(frozen, module = "tierkit._core", name = "CacheKeyer")]
pub struct PyCacheKeyer {
    keyer: Keyer,
}

impl PyCacheKeyer {
    /// The keyer of a store, whose secret Python never sees.
    pub fn under(secret: [u8; 32]) -> Self {
        Self { keyer: Keyer::new(secret) }
    }
}

#[pymethods]
impl PyCacheKeyer {
    #[new]
    fn new(secret: &Bound<'_, PyBytes>) -> PyResult<Self> {
        secret_of(secret).map(Self::under)
    }

    /// `(partition, key, last user text)` of a request.
    #[pyo3(signature = (namespace, model, messages, params=None))]
    fn keys<'py>(
        &self,
        py: Python<'py>,
        namespace: &Bound<'py, PyAny>,
        model: &Bound<'py, PyString>,
        messages: &Bound<'py, PyAny>,
        params: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>, String)> {
        let namespace = texts(namespace)?;
        let model = text(model)?;
        let Value::List(messages) = value(messages, 0)? else {
            return Err(config(py, "messages: expected a list of dicts with 'role' and 'content'"));
        };
        let params = params.map_or(Ok(Vec::new()), |params| entries(params, 0))?;
        let request = Request { namespace: &namespace, model: &model, messages: &messages, params: &params };
        let keys = detached(py, || self.keyer.keys(&request))?;
        Ok((PyBytes::new(py, &keys.partition), PyBytes::new(py, &keys.key), keys.text))
    }

    #[allow(clippy::unused_self)]
    fn __repr__(&self) -> &'static str {
        "CacheKeyer(secret=…)"
    }
}

/// A secret of the right size.
pub fn secret_of(secret: &Bound<'_, PyBytes>) -> PyResult<[u8; 32]> {
    let bytes = secret.as_bytes();
    <[u8; 32]>::try_from(bytes).map_err(|_| {
        let sentence = format!("secret of {} bytes: expected 32 random bytes, such as os.urandom(32)", bytes.len());
        config(secret.py(), sentence)
    })
}

/// The values of the labels that part the cache.
fn texts(found: &Bound<'_, PyAny>) -> PyResult<Vec<Text>> {
    let wrong = || config(found.py(), "namespace: expected a list of label values as texts, such as ['acme']");
    let Ok(Value::List(items)) = value(found, 0) else { return Err(wrong()) };
    items.into_iter().map(|item| if let Value::Text(text) = item { Ok(text) } else { Err(wrong()) }).collect()
}
