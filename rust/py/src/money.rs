//! `Money`: nano-USD with decimal text at the edge.

use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::PyType;
use tierkit_core::units::{format_nusd, parse_nusd};

use crate::door::attached;
use crate::error::config;

/// An exact amount of USD.
#[pyclass(frozen, module = "tierkit._core", name = "Money", from_py_object)]
#[derive(Clone, Copy)]
pub struct PyMoney {
    /// Nano-USD.
    #[pyo3(get)]
    pub nusd: i64,
}

/// Reads `Money`, `Decimal`, `int` (USD) or text as nano-USD; a float is refused, since it cannot hold money.
pub fn extract_nusd(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    if let Ok(money) = value.extract::<PyMoney>() {
        return Ok(money.nusd);
    }
    let py = value.py();
    let kind = value.get_type().name()?.to_string();
    if matches!(kind.as_str(), "str" | "Decimal" | "int") {
        return attached(py, parse_nusd(&value.str()?.to_string_lossy()));
    }
    Err(config(
        py,
        format!("amount {}: a {kind} cannot hold money exactly; write it as text or Decimal, such as '0.25'", value.repr()?),
    ))
}

fn difference(py: Python<'_>, from: i64, less: i64) -> PyResult<PyMoney> {
    from.checked_sub(less)
        .map(|nusd| PyMoney { nusd })
        .ok_or_else(|| config(py, "a difference outside the range of +-9.2 billion USD"))
}

#[pymethods]
impl PyMoney {
    #[new]
    fn new(usd: &Bound<'_, PyAny>) -> PyResult<Self> {
        extract_nusd(usd).map(|nusd| Self { nusd })
    }

    #[classmethod]
    fn from_nusd(_class: &Bound<'_, PyType>, nusd: i64) -> Self {
        Self { nusd }
    }

    #[getter]
    fn usd<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        decimal(py, self.nusd)
    }

    fn __add__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let other = extract_nusd(other)?;
        self.nusd.checked_add(other).map(|nusd| Self { nusd }).ok_or_else(|| config(py, "a sum above 9.2 billion USD"))
    }

    fn __radd__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__add__(py, other)
    }

    fn __sub__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        difference(py, self.nusd, extract_nusd(other)?)
    }

    fn __rsub__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        difference(py, extract_nusd(other)?, self.nusd)
    }

    fn __richcmp__(&self, py: Python<'_>, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<Py<PyAny>> {
        match extract_nusd(other) {
            Ok(other) => Ok(op.matches(self.nusd.cmp(&other)).into_pyobject(py)?.to_owned().into_any().unbind()),
            Err(_) => Ok(py.NotImplemented()),
        }
    }

    fn __getnewargs__(&self) -> (String,) {
        (format_nusd(self.nusd),)
    }

    /// As of the equal `Decimal` or whole number.
    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        decimal(py, self.nusd)?.hash()
    }

    fn __bool__(&self) -> bool {
        self.nusd != 0
    }

    fn __str__(&self) -> String {
        format_nusd(self.nusd)
    }

    fn __repr__(&self) -> String {
        format!("Money('{}')", format_nusd(self.nusd))
    }
}

/// Nano-USD as `decimal.Decimal` USD.
pub fn decimal(py: Python<'_>, nusd: i64) -> PyResult<Bound<'_, PyAny>> {
    py.import("decimal")?.getattr("Decimal")?.call1((format_nusd(nusd),))
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyMoney>()
}
