//! `read_limits` and `read_rules`: how every live scope of a state directory stands, and by which rules.

use std::path::PathBuf;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tierkit_core::units::format_nusd;
use tierkit_store::{Crowd, ScopeRow};

use crate::error::state;
use crate::money::PyMoney;

/// An amount as users read it: money as decimal text, everything else as a number.
fn amount<'py>(py: Python<'py>, row: &ScopeRow, amount: i64) -> PyResult<Bound<'py, PyAny>> {
    if row.dimension == "usd" { format_nusd(amount).into_bound_py_any(py) } else { amount.into_bound_py_any(py) }
}

fn told<'py>(py: Python<'py>, row: &ScopeRow) -> PyResult<Bound<'py, PyDict>> {
    let told = PyDict::new(py);
    let optional = |value: Option<i64>| value.map(|value| amount(py, row, value)).transpose();
    told.set_item("rule", &row.rule)?;
    told.set_item("key", &row.key)?;
    told.set_item("kind", row.kind)?;
    told.set_item("dimension", &row.dimension)?;
    told.set_item("observes", row.observes)?;
    told.set_item("limit", optional(row.limit)?)?;
    told.set_item("left", optional(row.left)?)?;
    told.set_item("held", (row.kind != "rate").then(|| amount(py, row, row.held)).transpose()?)?;
    told.set_item("posted", (row.kind == "budget").then(|| amount(py, row, row.posted)).transpose()?)?;
    told.set_item("start_ns", row.window_ns.map(|window| window.0).filter(|start_ns| *start_ns != i64::MIN))?;
    told.set_item("end_ns", row.window_ns.map(|window| window.1).filter(|end_ns| *end_ns != i64::MAX))?;
    told.set_item("frees_in_ns", row.frees_in_ns)?;
    Ok(told)
}

/// Whether the figures come from the shared segment, and every live scope.
#[pyfunction]
fn read_limits(py: Python<'_>, directory: PathBuf) -> PyResult<(bool, Vec<Bound<'_, PyDict>>)> {
    let (live, rows) = py.detach(|| tierkit_store::limits(&directory)).map_err(|error| state(py, &error))?;
    Ok((live, rows.iter().map(|row| told(py, row)).collect::<PyResult<_>>()?))
}

/// Scopes kept, slots for them, and requests refused for want of one; then what keeps the ledger from being written, the
/// reservations that it lacks, and the money posted for them. `None` without a segment of this boot.
#[pyfunction]
fn read_crowd(py: Python<'_>, directory: PathBuf) -> PyResult<Option<((u32, u32, u64), (Option<String>, i64, PyMoney))>> {
    let found = py.detach(|| tierkit_store::crowd(&directory)).map_err(|error| state(py, &error))?;
    let lacks = |crowd: Crowd| (crowd.fault, crowd.unwritten.reservations, PyMoney { nusd: crowd.unwritten.nusd });
    Ok(found.map(|crowd| ((crowd.kept, crowd.slots, crowd.refused), lacks(crowd))))
}

/// The rules in force in a directory as JSON, in the order of their policy; None without a shared state of this boot.
#[pyfunction]
fn read_rules(py: Python<'_>, directory: PathBuf) -> PyResult<Option<Vec<String>>> {
    py.detach(|| tierkit_store::rules_in_force(&directory)).map_err(|error| state(py, &error))
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_rules, module)?)?;
    module.add_function(wrap_pyfunction!(read_limits, module)?)?;
    module.add_function(wrap_pyfunction!(read_crowd, module)?)
}
