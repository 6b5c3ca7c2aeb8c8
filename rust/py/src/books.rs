//! What a ledger file says: walks through it, a portion per call, so that Python can show how far; its sums; one reservation's story.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tierkit_core::ledger::Flags;
use tierkit_core::units::format_nusd;
use tierkit_store::{Change, Check, Entries, LedgerEntry};

use crate::error::state;
use crate::money::PyMoney;

/// A check of a ledger under way.
#[pyclass(frozen, module = "tierkit._core", name = "LedgerCheck")]
pub struct PyLedgerCheck(Mutex<Check>);

/// A walk through the entries of a ledger.
#[pyclass(frozen, module = "tierkit._core", name = "LedgerEntries")]
pub struct PyLedgerEntries(Mutex<Entries>);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The words of an entry's flags.
pub fn marks(flags: i64) -> Vec<&'static str> {
    let flags = Flags(u8::try_from(flags).unwrap_or(0));
    let words = [("late", Flags::LATE), ("overrun", Flags::OVERRUN), ("estimated", Flags::ESTIMATED), ("cached", Flags::CACHED)];
    words.into_iter().filter(|(_, mark)| flags.has(*mark)).map(|(word, _)| word).collect()
}

#[pymethods]
impl PyLedgerCheck {
    #[new]
    fn new(py: Python<'_>, directory: PathBuf) -> PyResult<Self> {
        let check = py.detach(|| Check::begin(&directory)).map_err(|error| state(py, &error))?;
        Ok(Self(Mutex::new(check)))
    }

    /// Goes on for about so many entries; false at the end.
    fn step(&self, py: Python<'_>, entries: u32) -> bool {
        py.detach(|| lock(&self.0).step(entries))
    }

    #[getter]
    fn total(&self) -> i64 {
        lock(&self.0).total()
    }

    #[getter]
    fn checked(&self) -> i64 {
        lock(&self.0).checked()
    }

    #[getter]
    fn chain(&self) -> Vec<u8> {
        lock(&self.0).chain().to_vec()
    }

    /// (table, entry or None, what differs), or None.
    #[getter]
    fn finding(&self) -> Option<(String, Option<i64>, String)> {
        lock(&self.0).finding().map(|found| (found.table.to_owned(), found.seq, found.what.clone()))
    }
}

#[pymethods]
impl PyLedgerEntries {
    #[new]
    fn new(py: Python<'_>, directory: PathBuf, since_ns: i64, until_ns: i64) -> PyResult<Self> {
        let entries = py.detach(|| Entries::open(&directory, (since_ns, until_ns))).map_err(|error| state(py, &error))?;
        Ok(Self(Mutex::new(entries)))
    }

    /// The next entries, so many at most; none at the end.
    fn portion<'py>(&self, py: Python<'py>, most: u32) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let found = py.detach(|| lock(&self.0).portion(most)).map_err(|error| state(py, &error))?;
        found.iter().map(|entry| told(py, entry)).collect()
    }
}

fn told<'py>(py: Python<'py>, entry: &LedgerEntry) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("seq", entry.seq)?;
    row.set_item("at_ns", entry.at_ns)?;
    row.set_item("id", &entry.id)?;
    row.set_item("kind", &entry.kind)?;
    row.set_item("usd", format_nusd(entry.nusd.0))?;
    row.set_item("saved_usd", format_nusd(entry.nusd.1))?;
    row.set_item("marks", marks(entry.flags))?;
    row.set_item("labels", &entry.labels)?;
    row.set_item("units", &entry.units)?;
    row.set_item("usage", &entry.usage)?;
    row.set_item("adjustment", &entry.adjustment)?;
    let postings = PyList::empty(py);
    for change in &entry.changes {
        postings.append(told_change(py, change)?)?;
    }
    row.set_item("postings", postings)?;
    Ok(row)
}

fn told_change<'py>(py: Python<'py>, change: &Change) -> PyResult<Bound<'py, PyDict>> {
    let row = PyDict::new(py);
    row.set_item("rule", &change.rule)?;
    row.set_item("key", &change.scope)?;
    row.set_item("start_ns", (change.window_ns.0 != i64::MIN).then_some(change.window_ns.0))?;
    row.set_item("end_ns", (change.window_ns.1 != i64::MAX).then_some(change.window_ns.1))?;
    row.set_item("posted_usd", format_nusd(change.posted))?;
    row.set_item("pending_usd", format_nusd(change.pending))?;
    Ok(row)
}

/// Sums the ledger of a state directory by labels.
#[pyfunction]
fn read_spend(
    py: Python<'_>,
    directory: PathBuf,
    by: Vec<String>,
) -> PyResult<Vec<(Vec<Option<String>>, i64, i64, i64, PyMoney, PyMoney, PyMoney)>> {
    let rows = py.detach(|| tierkit_store::spend(&directory, &by)).map_err(|error| state(py, &error))?;
    let money = |nusd| PyMoney { nusd };
    Ok(rows
        .into_iter()
        .map(|row| {
            (
                row.values,
                row.requests,
                row.input_tokens,
                row.output_tokens,
                money(row.nusd),
                money(row.saved_nusd),
                money(row.estimated_nusd),
            )
        })
        .collect())
}

/// Everything the ledger knows of one reservation, oldest first.
#[pyfunction]
fn read_story<'py>(py: Python<'py>, directory: PathBuf, id: &str) -> PyResult<Vec<Bound<'py, PyDict>>> {
    let rows = py.detach(|| tierkit_store::explain(&directory, id)).map_err(|error| state(py, &error))?;
    let mut story = Vec::with_capacity(rows.len());
    for row in rows {
        let entry = PyDict::new(py);
        entry.set_item("seq", row.seq)?;
        entry.set_item("kind", row.kind)?;
        entry.set_item("at_ns", row.at_ns)?;
        entry.set_item("usd", format_nusd(row.nusd))?;
        entry.set_item("labels", row.labels)?;
        entry.set_item("usage", row.usage)?;
        entry.set_item("marks", marks(row.flags))?;
        let postings = PyList::empty(py);
        for (rule, scope, posted, pending) in row.postings {
            let change = PyDict::new(py);
            change.set_item("rule", rule)?;
            change.set_item("key", scope)?;
            change.set_item("posted_usd", format_nusd(posted))?;
            change.set_item("pending_usd", format_nusd(pending))?;
            postings.append(change)?;
        }
        entry.set_item("postings", postings)?;
        story.push(entry);
    }
    Ok(story)
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyLedgerCheck>()?;
    module.add_class::<PyLedgerEntries>()?;
    module.add_function(wrap_pyfunction!(read_spend, module)?)?;
    module.add_function(wrap_pyfunction!(read_story, module)?)
}
