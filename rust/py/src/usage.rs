//! `Usage`: what a call used.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tierkit_core::price::Usage;

use crate::door::attached;
use crate::error::config;

/// Tokens of one call; totals include their parts.
#[pyclass(frozen, eq, hash, module = "tierkit._core", name = "Usage", from_py_object)]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PyUsage {
    /// The counts.
    pub counts: Usage,
    /// The processing tier that the provider says it served, when it says so.
    pub served_tier: Option<String>,
    /// True when a count is tierkit's estimate and not the server's figure.
    pub estimated: bool,
}

/// A token count: a whole number of 0 or more.
pub fn count(value: &Bound<'_, PyAny>, name: &str) -> PyResult<u64> {
    let is_bool = value.is_instance_of::<pyo3::types::PyBool>();
    value.extract::<u64>().ok().filter(|_| !is_bool).ok_or_else(|| {
        let seen = value.repr().map_or_else(|_| "?".to_owned(), |text| tierkit_core::units::shorten(&text.to_string_lossy()));
        config(value.py(), format!("{name}={seen}: expected a whole number of 0 or more"))
    })
}

#[pymethods]
impl PyUsage {
    #[new]
    #[pyo3(signature = (input_tokens, output_tokens, *, cache_read_tokens=None, cache_write_5m_tokens=None, cache_write_1h_tokens=None, reasoning_tokens=None, served_tier=None, estimated=false))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        input_tokens: &Bound<'_, PyAny>,
        output_tokens: &Bound<'_, PyAny>,
        cache_read_tokens: Option<&Bound<'_, PyAny>>,
        cache_write_5m_tokens: Option<&Bound<'_, PyAny>>,
        cache_write_1h_tokens: Option<&Bound<'_, PyAny>>,
        reasoning_tokens: Option<&Bound<'_, PyAny>>,
        served_tier: Option<String>,
        estimated: bool,
    ) -> PyResult<Self> {
        let optional = |value: Option<&Bound<'_, PyAny>>, name: &str| value.map_or(Ok(0), |value| count(value, name));
        let counts = Usage {
            input_tokens: count(input_tokens, "input_tokens")?,
            output_tokens: count(output_tokens, "output_tokens")?,
            cache_read_tokens: optional(cache_read_tokens, "cache_read_tokens")?,
            cache_write_5m_tokens: optional(cache_write_5m_tokens, "cache_write_5m_tokens")?,
            cache_write_1h_tokens: optional(cache_write_1h_tokens, "cache_write_1h_tokens")?,
            reasoning_tokens: optional(reasoning_tokens, "reasoning_tokens")?,
        };
        attached(py, counts.check())?;
        Ok(Self { counts, served_tier, estimated })
    }

    #[getter]
    fn input_tokens(&self) -> u64 {
        self.counts.input_tokens
    }

    #[getter]
    fn output_tokens(&self) -> u64 {
        self.counts.output_tokens
    }

    #[getter]
    fn total_tokens(&self) -> u64 {
        self.counts.input_tokens + self.counts.output_tokens
    }

    #[getter]
    fn cache_read_tokens(&self) -> u64 {
        self.counts.cache_read_tokens
    }

    #[getter]
    fn cache_write_5m_tokens(&self) -> u64 {
        self.counts.cache_write_5m_tokens
    }

    #[getter]
    fn cache_write_1h_tokens(&self) -> u64 {
        self.counts.cache_write_1h_tokens
    }

    #[getter]
    fn reasoning_tokens(&self) -> u64 {
        self.counts.reasoning_tokens
    }

    #[getter]
    fn served_tier(&self) -> Option<&str> {
        self.served_tier.as_deref()
    }

    #[getter]
    fn estimated(&self) -> bool {
        self.estimated
    }

    /// Everything that `new` takes, so that it can be pickled and copied.
    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((u64, u64), Bound<'py, PyDict>)> {
        let rest = PyDict::new(py);
        rest.set_item("cache_read_tokens", self.counts.cache_read_tokens)?;
        rest.set_item("cache_write_5m_tokens", self.counts.cache_write_5m_tokens)?;
        rest.set_item("cache_write_1h_tokens", self.counts.cache_write_1h_tokens)?;
        rest.set_item("reasoning_tokens", self.counts.reasoning_tokens)?;
        rest.set_item("served_tier", &self.served_tier)?;
        rest.set_item("estimated", self.estimated)?;
        Ok(((self.counts.input_tokens, self.counts.output_tokens), rest))
    }

    fn __repr__(&self) -> String {
        let mark = if self.estimated { ", estimated=True" } else { "" };
        format!("Usage(input_tokens={}, output_tokens={}{mark})", self.counts.input_tokens, self.counts.output_tokens)
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyUsage>()
}
