//! Python dictionaries as labels, and scope keys as dictionaries.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use smallvec::SmallVec;
use tierkit_core::labels::{LabelRefs, Labels, key_values};
use tierkit_core::rules::{Rules, TIER_LABELS};

use crate::door::attached;
use crate::error::config;

/// Text of a Python string; anything else is refused by name: that of the label, or none where the name itself is read.
fn text<'a>(value: &'a Bound<'_, PyAny>, label: Option<&str>) -> PyResult<&'a str> {
    let py = value.py();
    let what = || label.map_or_else(|| "label name".to_owned(), |name| format!("label '{name}'"));
    let found = value.cast::<PyString>().map_err(|_| {
        let seen = value.repr().map_or_else(|_| "?".to_owned(), |seen| tierkit_core::units::shorten(&seen.to_string_lossy()));
        config(py, format!("{}: {seen} is not text; labels are strings, write str(...) around it", what()))
    })?;
    found.to_str().map_err(|_| config(py, format!("{}: holds a lone surrogate; labels are valid Unicode text", what())))
}

/// Shows a call its labels where Python keeps them, without a copy; `tier`, `model` and `backend` come from the candidate and
/// not from the caller.
pub fn passing<'py, R>(
    py: Python<'py>,
    labels: Option<&Bound<'py, PyDict>>,
    candidate: Option<[&str; 3]>,
    call: impl FnOnce(&LabelRefs<'_>) -> R,
) -> PyResult<R> {
    let pairs: SmallVec<[_; 4]> = labels.into_iter().flat_map(PyDictMethods::iter).collect();
    let mut refs = LabelRefs::default();
    for (name, value) in &pairs {
        let name = text(name, None)?;
        if candidate.is_some() && TIER_LABELS.contains(&name) {
            return Err(config(py, format!("label '{name}': set by the governor; use another name for your own")));
        }
        attached(py, refs.add(name, text(value, Some(name))?))?;
    }
    for (name, value) in candidate.into_iter().flat_map(|values| TIER_LABELS.into_iter().zip(values)) {
        attached(py, refs.add(name, value))?;
    }
    Ok(call(&refs))
}

/// Reads labels that are kept.
#[allow(clippy::redundant_closure_for_method_calls, reason = "the method alone is not general over the lifetime")]
pub fn read(py: Python<'_>, labels: Option<&Bound<'_, PyDict>>) -> PyResult<Labels> {
    passing(py, labels, None, |labels| labels.kept())
}

/// A scope's key as `{label: value or None}`.
pub fn key_dict<'py>(py: Python<'py>, rules: &Rules, rule: u16, key: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    if let Some(found) = rules.get(rule) {
        for (name, value) in found.matcher.per.iter().zip(key_values(key)) {
            dict.set_item(&**name, value)?;
        }
    }
    Ok(dict)
}

/// Labels as a dictionary.
pub fn dict<'py>(py: Python<'py>, labels: &Labels) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in labels.iter() {
        dict.set_item(name, value)?;
    }
    Ok(dict)
}
