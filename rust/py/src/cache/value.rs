//! JSON-like Python objects as core values, without a JSON text in between.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use tierkit_core::cache::form::Value;

use crate::error::config;

/// Deeper values are refused: no request needs them, and recursion must end.
const MAX_DEPTH: usize = 64;

/// A Python text without a copy; one with lone surrogates as their three-byte form.
pub enum Text {
    /// Valid UTF-8 inside the Python object.
    Backed(PyBackedStr),
    /// UTF-8 with surrogates.
    Bytes(Vec<u8>),
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Backed(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

/// Reads a Python text.
pub fn text(found: &Bound<'_, PyString>) -> PyResult<Text> {
    match PyBackedStr::try_from(found.clone()) {
        Ok(backed) => Ok(Text::Backed(backed)),
        Err(_) => found.call_method1("encode", ("utf-8", "surrogatepass"))?.extract().map(Text::Bytes),
    }
}

/// Reads any JSON-like value.
pub fn value(found: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value<Text>> {
    if depth > MAX_DEPTH {
        return Err(config(found.py(), format!("a request nested deeper than {MAX_DEPTH} levels: flatten it to use the cache")));
    }
    if let Ok(string) = found.cast::<PyString>() {
        return text(string).map(Value::Text);
    }
    if let Ok(dict) = found.cast::<PyDict>() {
        return entries(dict, depth).map(Value::Map);
    }
    if let Ok(list) = found.cast::<PyList>() {
        return list.iter().map(|item| value(&item, depth + 1)).collect::<PyResult<_>>().map(Value::List);
    }
    scalar(found).unwrap_or_else(|| rare(found, depth))
}

fn scalar(found: &Bound<'_, PyAny>) -> Option<PyResult<Value<Text>>> {
    if found.is_none() {
        return Some(Ok(Value::Null));
    }
    if let Ok(truth) = found.cast::<PyBool>() {
        return Some(Ok(Value::Bool(truth.is_true())));
    }
    if found.cast::<PyInt>().is_ok() {
        return Some(match found.extract::<i64>() {
            Ok(number) => Ok(Value::Int(number)),
            Err(_) => found.call_method1("__format__", ("x",)).and_then(|digits| digits.extract()).map(Value::BigInt),
        });
    }
    let number = found.cast::<PyFloat>().ok()?.extract::<f64>();
    Some(number.and_then(|number| if number.is_finite() { Ok(Value::Float(number)) } else { Err(not_finite(found, number)) }))
}

fn not_finite(found: &Bound<'_, PyAny>, number: f64) -> PyErr {
    config(found.py(), format!("parameter value {number}: JSON has no such number; use a finite one"))
}

/// Tuples and other mappings, as a JSON writer would take them.
fn rare(found: &Bound<'_, PyAny>, depth: usize) -> PyResult<Value<Text>> {
    if let Ok(tuple) = found.cast::<PyTuple>() {
        return tuple.iter().map(|item| value(&item, depth + 1)).collect::<PyResult<_>>().map(Value::List);
    }
    if let Ok(mapping) = found.cast::<PyMapping>() {
        let copy = PyDict::new(found.py());
        copy.call_method1("update", (mapping,))?;
        return entries(&copy, depth).map(Value::Map);
    }
    let kind = found.get_type().name()?;
    Err(config(found.py(), format!("a {kind} in the request: expected dict, list, str, int, float, bool or None, as in JSON")))
}

/// Reads the entries of a dict.
pub fn entries(dict: &Bound<'_, PyDict>, depth: usize) -> PyResult<Vec<(Text, Value<Text>)>> {
    let mut found = Vec::with_capacity(dict.len());
    for (name, item) in dict.iter() {
        let Ok(name) = name.cast::<PyString>() else {
            return Err(config(dict.py(), format!("key {} in the request: expected a text, as in JSON", name.repr()?)));
        };
        found.push((text(name)?, value(&item, depth + 1)?));
    }
    Ok(found)
}
