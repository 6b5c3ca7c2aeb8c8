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
        let (ids, idf, weights) = (whole(ids), floats(idf), floats(weights));
        if ids.len() != idf.len() || ids.len() != weights.len() {
            let sentence = format!("{} ids, {} idf, {} weights: expected as many of each", ids.len(), idf.len(), weights.len());
            return Err(PyValueError::new_err(sentence));
        }
        let grams = ids.into_iter().zip(idf).zip(weights).map(|((id, idf), weight)| (id, idf, weight)).collect();
        let parts =
            FittedParts { grams, center, scale, directions, phases, amplitudes, base, failure, shift, quantiles, success, reach };
        attached(py, FittedHead::new(parts)).map(Self)
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
        let grams = grams_by_row(base.len(), ids, tf, row)?;
        let dense = measures(base.len(), dense)?;
        let texts = base.iter().zip(&grams).zip(dense.chunks_exact(DENSE));
        let score = |((base, grams), dense): ((&PyRef<'_, PyTierScore>, &Vec<(i64, f32)>), &[f32])| PyTierScore {
            score: self.0.finish(&base.score, grams.iter().copied(), dense),
            calibrated: true,
        };
        Ok(texts.map(score).collect())
    }
}

/// The grams of each text.
fn grams_by_row(texts: usize, ids: &[u8], tf: &[u8], row: &[u8]) -> PyResult<Vec<Vec<(i64, f32)>>> {
    let mut found = vec![Vec::new(); texts];
    for ((id, tf), row) in whole(ids).into_iter().zip(floats(tf)).zip(whole(row)) {
        let place = usize::try_from(row).ok().and_then(|at| found.get_mut(at));
        let place = place.ok_or_else(|| PyValueError::new_err(format!("row {row}: expected 0 to {}", texts.wrapping_sub(1))))?;
        place.push((id, tf));
    }
    Ok(found)
}

fn measures(texts: usize, dense: &[u8]) -> PyResult<Vec<f32>> {
    let dense = floats(dense);
    if dense.len() == texts * DENSE {
        return Ok(dense);
    }
    Err(PyValueError::new_err(format!("{} measures for {texts} texts: expected {DENSE} per text", dense.len())))
}

fn whole(bytes: &[u8]) -> Vec<i64> {
    bytes.as_chunks::<8>().0.iter().map(|eight| i64::from_ne_bytes(*eight)).collect()
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyFittedHead>()
}
