//! `CacheFile`: a cache file beside the processes that use it.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tierkit_store::{CacheFile, FileEntry, PurgeMark};

use crate::error::state;

/// A cache file for people who look after it.
#[pyclass(frozen, module = "tierkit._core", name = "CacheFile")]
pub struct PyCacheFile {
    file: CacheFile,
}

#[pymethods]
impl PyCacheFile {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let file = py.detach(|| CacheFile::open(&path)).map_err(|error| state(py, &error))?;
        Ok(Self { file })
    }

    /// `(encoder, dim, bytes on disk, remembered reports)` and, by owner, `(owner, entries, bytes, exact, semantic, saved nano-USD)`.
    #[allow(clippy::type_complexity)] // two rows of plain numbers
    fn stats(&self, py: Python<'_>) -> PyResult<((String, u64, u64, u64), Vec<(String, u64, u64, u64, u64, i64)>)> {
        let stats = py.detach(|| self.file.stats()).map_err(|error| state(py, &error))?;
        let (encoder, dim) = stats.encoder;
        let owners = stats.owners.into_iter();
        let owners = owners.map(|one| (one.owner, one.entries, one.bytes, one.exact, one.semantic, one.saved_nusd)).collect();
        Ok(((encoder, dim, stats.file_bytes, stats.reports), owners))
    }

    /// Entries above a place, and the place to go on from; None at the end.
    #[pyo3(signature = (above, *, most, values))]
    fn entries<'py>(
        &self,
        py: Python<'py>,
        above: i64,
        most: usize,
        values: bool,
    ) -> PyResult<Option<(i64, Vec<Bound<'py, PyDict>>)>> {
        let found = py.detach(|| self.file.entries(above, most, values)).map_err(|error| state(py, &error))?;
        found
            .map(|(last, entries)| Ok((last, entries.into_iter().map(|entry| as_dict(py, entry)).collect::<PyResult<_>>()?)))
            .transpose()
    }

    /// Removes entries put longer ago than an age; tells how many.
    #[pyo3(signature = (*, owner, tag, age_ns))]
    fn purge(&self, py: Python<'_>, owner: Option<String>, tag: Option<String>, age_ns: i64) -> PyResult<usize> {
        let mark = PurgeMark { namespace: None, owner, tag };
        py.detach(|| self.file.purge(&mark, age_ns)).map_err(|error| state(py, &error))
    }

    /// Removes a wrong answer and keeps its question out of semantic hits; tells whether the file held it.
    fn report(&self, py: Python<'_>, id: u64) -> PyResult<bool> {
        py.detach(|| self.file.report(id)).map_err(|error| state(py, &error))
    }
}

fn as_dict(py: Python<'_>, entry: FileEntry) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("id", entry.id)?;
    dict.set_item("owner", entry.owner)?;
    dict.set_item("tag", entry.tag)?;
    dict.set_item("text", entry.text)?;
    dict.set_item("put_ns", entry.span_ns.0)?;
    dict.set_item("expires_ns", entry.span_ns.1)?;
    dict.set_item("saved_nusd", entry.saved_nusd)?;
    dict.set_item("value_bytes", entry.value_bytes)?;
    if let Some(value) = entry.value {
        dict.set_item("value", PyBytes::new(py, &value))?;
    }
    Ok(dict)
}
