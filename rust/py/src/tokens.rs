//! Token counts of Python strings.

use pyo3::exceptions::PyUnicodeEncodeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use tierkit_core::tokens::{Vocabulary, count, ranks, vocabulary_of};

use crate::door::detached;
use crate::error::config;

/// Bytes from which a count outlasts what leaving the interpreter costs.
const LONG_TEXT_BYTES: usize = 4096;

/// The vocabulary to count with, and whether it only stands in for the model's own.
fn choose(model: Option<&str>) -> (Vocabulary, bool) {
    let known = model.and_then(vocabulary_of);
    (known.unwrap_or(Vocabulary::O200k), known.is_none())
}

/// Replaces lone surrogates as tiktoken does: over UTF-16, so that two halves that stand side by side become one character.
fn repaired(text: &Bound<'_, PyString>) -> PyResult<String> {
    let encoded = text.call_method1("encode", ("utf-16-le", "surrogatepass"))?;
    let units: Vec<u16> =
        encoded.cast::<PyBytes>()?.as_bytes().chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Ok(String::from_utf16_lossy(&units))
}

fn count_str(py: Python<'_>, text: &str, vocabulary: Vocabulary) -> PyResult<usize> {
    if text.len() < LONG_TEXT_BYTES {
        return Ok(count(text, vocabulary));
    }
    detached(py, || Ok(count(text, vocabulary)))
}

fn count_one(text: &Bound<'_, PyString>, vocabulary: Vocabulary) -> PyResult<usize> {
    let py = text.py();
    match text.to_str() {
        Ok(valid) => count_str(py, valid, vocabulary),
        Err(error) if error.is_instance_of::<PyUnicodeEncodeError>(py) => count_str(py, &repaired(text)?, vocabulary),
        Err(error) => Err(error),
    }
}

/// `(tokens, estimated)` of one text.
#[pyfunction]
#[pyo3(signature = (text, model=None))]
fn count_tokens(text: &Bound<'_, PyString>, model: Option<&str>) -> PyResult<(usize, bool)> {
    let (vocabulary, estimated) = choose(model);
    Ok((count_one(text, vocabulary)?, estimated))
}

/// The tokens of each text.
#[allow(clippy::needless_pass_by_value, reason = "PyO3 hands a list over as an owned Vec; a str is refused as one")]
#[pyfunction]
#[pyo3(signature = (texts, model=None))]
fn count_tokens_many(texts: Vec<Bound<'_, PyString>>, model: Option<&str>) -> PyResult<Vec<usize>> {
    let (vocabulary, _) = choose(model);
    texts.iter().map(|text| count_one(text, vocabulary)).collect()
}

/// The bytes of every token by rank, so that a test can build an independent encoder.
#[pyfunction]
fn _token_ranks<'py>(py: Python<'py>, vocabulary: &str) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let vocabulary = match vocabulary {
        "o200k_base" => Vocabulary::O200k,
        "cl100k_base" => Vocabulary::Cl100k,
        _ => return Err(config(py, format!("vocabulary '{vocabulary}': expected 'o200k_base' or 'cl100k_base'"))),
    };
    Ok(ranks(vocabulary).into_iter().map(|token| PyBytes::new(py, token)).collect())
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(count_tokens, module)?)?;
    module.add_function(wrap_pyfunction!(count_tokens_many, module)?)?;
    module.add_function(wrap_pyfunction!(_token_ranks, module)?)
}
