//! The embedder in the package, and the stateless verdict.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyList, PyString};
use tierkit_core::cache::decision::verdict;
use tierkit_core::cache::guards::{Overlap, Pair, Words};
use tierkit_core::features::embed::{DIM, embed};

use super::hit::PyCacheVerdict;
use super::value::{Text, text};
use crate::door::detached;
use crate::error::config;

/// The vectors of texts as native float32 bytes, 256 values each, one after the other.
#[pyfunction]
pub fn embed_many<'py>(py: Python<'py>, texts: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyByteArray>> {
    let mut found: Vec<Text> = Vec::with_capacity(texts.len());
    for item in texts.iter() {
        let Ok(string) = item.cast::<PyString>() else {
            return Err(config(py, format!("a {} to embed: expected a list of str", item.get_type().name()?)));
        };
        found.push(text(string)?);
    }
    let bytes = detached(py, || {
        let mut bytes = Vec::with_capacity(found.len() * DIM * size_of::<f32>());
        for text in &found {
            let vector = embed(&String::from_utf8_lossy(text.as_ref()));
            bytes.extend(vector.iter().flat_map(|value| value.to_ne_bytes()));
        }
        Ok(bytes)
    })?;
    Ok(PyByteArray::new(py, &bytes))
}

/// Whether the answer to one text may serve another one, and why not.
#[pyfunction]
#[pyo3(signature = (cached, new, similarity, min_similarity=None))]
pub fn cache_decide(
    py: Python<'_>,
    cached: &Bound<'_, PyString>,
    new: &Bound<'_, PyString>,
    similarity: f32,
    min_similarity: Option<f32>,
) -> PyResult<PyCacheVerdict> {
    let (cached, new) = (cached.to_string_lossy(), new.to_string_lossy());
    let reasons = detached(py, || verdict(&cached, &new, similarity, min_similarity))?;
    Ok(PyCacheVerdict { hit: reasons.is_empty(), reasons })
}

/// What two texts share: content words of both, of the first alone, of the second alone, names in common, equal words.
#[pyfunction]
pub fn cache_overlap(
    py: Python<'_>,
    cached: &Bound<'_, PyString>,
    new: &Bound<'_, PyString>,
) -> PyResult<(usize, usize, usize, usize, bool)> {
    let (cached, new) = (cached.to_string_lossy(), new.to_string_lossy());
    let seen = detached(py, || Ok(Overlap::of(&Pair::of(&Words::of(&cached), &Words::of(&new)))))?;
    Ok((seen.shared, seen.alone_a, seen.alone_b, seen.anchors, seen.equal))
}
