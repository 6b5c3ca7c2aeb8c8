//! `FittedHead`: from the base's scores to scores for the traffic that was fitted.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use tierkit_core::features::{DENSE, FittedHead, FittedParts};

use crate::door::attached;
use crate::features::{PyTierScore, floats};

/// A small head that was fitted to labels.
#[pyclass(frozen, module = "tierkit._core", name = "FittedHead")]
pub struct PyFittedHead(FittedHead);

#[pymethods]
impl PyFittedHead {
    #[new]
    #[pyo3(signature = (*, ids, idf, weights, center, scale, directions, phases, amplitudes, base, failure, shift, quantiles,
        success, reach))]
    fn new(
        py: Python<'_>,
        ids: &[u8],
        idf: &[u8],
        weights: &[u8],
        center: Vec<f64>,
        scale: Vec<f64>,
        directions: Vec<f64>,
        phases: Vec<f64>,
        amplitudes: Vec<f64>,
        base: (f64, f64),
        failure: (f64, f64),
        shift: f64,
        quantiles: Vec<f64>,
        success: Vec<f64>,
        reach: (f64, f64),
    ) -> PyResult<Self> {
        let (ids, idf, weights): (Vec<i64>, _, _) = (whole(ids).collect(), floats(idf), floats(weights));
        if ids.len() != idf.len() || ids.len() != weights.len() {
            let sentence = format!("{} ids, {} idf, {} weights: expected as many of each", ids.len(), idf.len(), weights.len());
            return Err(PyValueError::new_err(sentence));
        }
        let grams = ids.into_iter().zip(idf).zip(weights).map(|((id, idf), weight)| (id, idf, weight)).collect();
        let parts =
            FittedParts { grams, center, scale, directions, phases, amplitudes, base, failure, shift, quantiles, success, reach };
        attached(py, FittedHead::new(parts)).map(Self)
    }

    /// The expected gain of the strong tier on a text whose need is so high.
    fn gain_at(&self, need: f64) -> f64 {
        self.0.gain_at(need)
    }

    /// Scores from the base's scores and the four feature buffers of the same texts.
    fn finish(
        &self,
        base: Vec<PyRef<'_, PyTierScore>>,
        ids: &[u8],
        tf: &[u8],
        row: &[u8],
        dense: &[u8],
    ) -> PyResult<Vec<PyTierScore>> {
        let dense = measures(base.len(), dense)?;
        let tf = tf.as_chunks::<4>().0.iter().map(|four| f32::from_ne_bytes(*four));
        // The extractor writes text after text: the grams of one are a run.
        let mut rows = whole(row).zip(whole(ids).zip(tf)).peekable();
        let mut found = Vec::with_capacity(base.len());
        for ((at, base), dense) in (0_i64..).zip(&base).zip(dense.chunks_exact(DENSE)) {
            let own = std::iter::from_fn(|| rows.next_if(|(row, _)| *row == at).map(|(_, gram)| gram));
            found.push(PyTierScore { score: self.0.finish(&base.score, own, dense), calibrated: true });
        }
        if let Some((row, _)) = rows.next() {
            return Err(PyValueError::new_err(format!("row {row}: expected ascending rows of the {} texts", base.len())));
        }
        Ok(found)
    }
}

fn measures(texts: usize, dense: &[u8]) -> PyResult<Vec<f32>> {
    let dense = floats(dense);
    if dense.len() == texts * DENSE {
        return Ok(dense);
    }
    Err(PyValueError::new_err(format!("{} measures for {texts} texts: expected {DENSE} per text", dense.len())))
}

fn whole(bytes: &[u8]) -> impl Iterator<Item = i64> + '_ {
    bytes.as_chunks::<8>().0.iter().map(|eight| i64::from_ne_bytes(*eight))
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyFittedHead>()
}
