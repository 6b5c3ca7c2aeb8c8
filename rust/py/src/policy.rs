//! Reading a policy file: the TOML tree with the place of every key and value, and the quantities written in it.

use std::ops::Range;

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use tierkit_core::error::Error;
use tierkit_core::quantity::{parse_bytes, parse_duration_ns};
use tierkit_core::units::shorten;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::door::attached;

/// Deepest table that is converted; a policy needs five levels, and deeper ones are unknown keys anyway.
const MAX_DEPTH: u32 = 16;
/// Characters are counted from marks this many bytes apart, so that a long line costs no more than many short ones.
const MARK_BYTES: usize = 256;

/// Turns byte offsets into lines and columns, both from 1, columns in characters.
struct Places<'a> {
    text: &'a str,
    lines: Vec<usize>,
    marks: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut marks = vec![0];
        for chunk in text.as_bytes().chunks(MARK_BYTES) {
            marks.push(marks.last().copied().unwrap_or(0) + characters(chunk));
        }
        Self { text, lines, marks }
    }

    fn before(&self, offset: usize) -> usize {
        let mark = offset / MARK_BYTES;
        let tail = self.text.as_bytes().get(mark * MARK_BYTES..offset).unwrap_or_default();
        self.marks.get(mark).map_or(0, |count| count + characters(tail))
    }

    fn at(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line, self.before(offset) - self.before(start) + 1)
    }
}

/// Characters that begin in these bytes of UTF-8.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

/// `(kind, value, (line, column), (key line, key column))`; numbers that do not fit and dates keep their text.
fn node<'py>(
    py: Python<'py>,
    places: &Places<'_>,
    value: &Spanned<DeValue<'_>>,
    key: &Range<usize>,
    depth: u32,
) -> PyResult<Bound<'py, PyAny>> {
    let (kind, converted) = match value.get_ref() {
        DeValue::String(text) => ("text", text.into_pyobject(py)?.into_any()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => ("integer", number.into_pyobject(py)?.into_any()),
            Err(_) => ("large", shorten(integer.as_str()).into_pyobject(py)?.into_any()),
        },
        DeValue::Float(float) => ("float", float.as_str().into_pyobject(py)?.into_any()),
        DeValue::Boolean(flag) => ("flag", flag.into_pyobject(py)?.to_owned().into_any()),
        DeValue::Datetime(date) => ("date", date.to_string().into_pyobject(py)?.into_any()),
        _ if depth >= MAX_DEPTH => ("deep", py.None().into_bound(py)),
        DeValue::Array(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(node(py, places, item, &item.span(), depth + 1)?)?;
            }
            ("list", list.into_any())
        }
        DeValue::Table(inner) => ("table", table(py, places, inner, depth + 1)?.into_any()),
    };
    (kind, converted, places.at(value.span().start), places.at(key.start)).into_bound_py_any(py)
}

fn table<'py>(py: Python<'py>, places: &Places<'_>, table: &DeTable<'_>, depth: u32) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    for (key, value) in table {
        found.set_item(key.get_ref().as_ref(), node(py, places, value, &key.span(), depth)?)?;
    }
    Ok(found)
}

/// Line, column and sentence.
type Mistake = (usize, usize, String);

/// The tree of a TOML text, and its mistakes as `(line, column, sentence)`.
#[pyfunction]
#[pyo3(signature = (text, /))]
fn toml_document<'py>(py: Python<'py>, text: &str) -> PyResult<(Bound<'py, PyDict>, Vec<Mistake>)> {
    let places = Places::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    let mistakes = errors.iter().map(|error| {
        let (line, column) = places.at(error.span().map_or(0, |span| span.start));
        (line, column, error.message().to_owned())
    });
    Ok((table(py, &places, document.get_ref(), 0)?, mistakes.collect()))
}

/// A length of time such as `"90s"`, in nanoseconds; the error begins with the key.
#[pyfunction]
#[pyo3(signature = (key, text, /))]
fn duration_ns(py: Python<'_>, key: &str, text: &str) -> PyResult<i64> {
    attached(py, parse_duration_ns(text).map_err(|error| Error::config(format!("{key} {error}"))))
}

/// A size such as `"256 MiB"`, in bytes; the error begins with the key.
#[pyfunction]
#[pyo3(signature = (key, text, /))]
fn size_bytes(py: Python<'_>, key: &str, text: &str) -> PyResult<i64> {
    attached(py, parse_bytes(text).map_err(|error| Error::config(format!("{key} {error}"))))
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(toml_document, module)?)?;
    module.add_function(wrap_pyfunction!(duration_ns, module)?)?;
    module.add_function(wrap_pyfunction!(size_bytes, module)?)
}
