//! Features of texts as plain buffers, and the head that turns model outputs into `TierScore`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use tierkit_core::features::{self, DENSE, Head, HeadParts, Score};

use crate::door::attached;

/// How much a stronger tier is needed for one text.
#[pyclass(frozen, module = "tierkit._core", name = "TierScore", eq)]
#[derive(Clone, PartialEq)]
pub struct PyTierScore {
    pub score: Score,
    pub calibrated: bool,
}

#[pymethods]
impl PyTierScore {
    #[new]
    #[pyo3(signature = (need, *, gap = 0.0, success = 0.5, calibrated = false))]
    fn new(need: f64, gap: f64, success: f64, calibrated: bool) -> PyResult<Self> {
        for (name, value) in [("need", need), ("success", success)] {
            if !(0.0..=1.0).contains(&value) {
                return Err(PyValueError::new_err(format!("{name} {value}: expected a number from 0 to 1")));
            }
        }
        Ok(Self { score: Score { need, gap, success, reasons: Vec::new() }, calibrated })
    }

    #[getter]
    fn need(&self) -> f64 {
        self.score.need
    }

    #[getter]
    fn gap(&self) -> f64 {
        self.score.gap
    }

    #[getter]
    fn success(&self) -> f64 {
        self.score.success
    }

    #[getter]
    fn calibrated(&self) -> bool {
        self.calibrated
    }

    #[getter]
    fn reasons<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.score.reasons.iter().map(|reason| PyString::intern(py, reason)))
    }

    fn __repr__(&self) -> String {
        let Score { need, success, reasons, .. } = &self.score;
        let calibrated = if self.calibrated { "True" } else { "False" };
        let reasons = reasons.join(", ");
        format!("TierScore(need={need:.3}, success={success:.3}, calibrated={calibrated}, reasons=({reasons}))")
    }
}

impl From<Score> for PyTierScore {
    fn from(score: Score) -> Self {
        Self { score, calibrated: false }
    }
}

/// From model outputs to scores.
#[pyclass(frozen, module = "tierkit._core", name = "ScoreHead")]
pub struct PyScoreHead(Head);

#[pymethods]
impl PyScoreHead {
    #[new]
    #[pyo3(signature = (*, quantiles, success, weights, center, low, high, known_by_chance, intercept))]
    #[allow(clippy::too_many_arguments)] // one keyword per table of the manifest
    fn new(
        py: Python<'_>,
        quantiles: Vec<f64>,
        success: Vec<f64>,
        weights: Vec<f64>,
        center: Vec<f64>,
        low: Vec<f64>,
        high: Vec<f64>,
        known_by_chance: f64,
        intercept: f64,
    ) -> PyResult<Self> {
        let parts = HeadParts { quantiles, success, weights, center, low, high, known_by_chance, intercept };
        attached(py, Head::new(parts)).map(Self)
    }

    /// Scores of a batch: the model's three outputs side by side (difficulty, gap, known share) and the measures, as f32 buffers.
    fn finish(&self, outputs: &[u8], dense: &[u8]) -> PyResult<Vec<PyTierScore>> {
        let (outputs, dense) = (floats(outputs), floats(dense));
        if outputs.len() * DENSE != dense.len() * 3 {
            let sentence =
                format!("{} outputs for {} measures: expected 3 outputs per {DENSE} measures", outputs.len(), dense.len());
            return Err(PyValueError::new_err(sentence));
        }
        let rows = outputs.chunks_exact(3).zip(dense.chunks_exact(DENSE));
        let score =
            |(out, dense): (&[f32], &[f32])| self.0.finish(f64::from(out[0]), f64::from(out[1]), f64::from(out[2]), dense).into();
        Ok(rows.map(score).collect())
    }

    /// Scores of a batch by the structural part of this head.
    fn by_structure(&self, dense: &[u8]) -> Vec<PyTierScore> {
        floats(dense).chunks_exact(DENSE).map(|dense| self.0.by_structure(dense).into()).collect()
    }
}

/// The four buffers of a batch: ids (int64), tf (float32), row (int64), dense (float32, 23 per text).
type Buffers<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// Extracts the features of some texts; lone surrogates count as the replacement character.
#[pyfunction(name = "features")]
#[allow(clippy::needless_pass_by_value)] // the conversion from Python makes the vector
fn extract<'py>(py: Python<'py>, texts: Vec<Bound<'py, PyString>>) -> PyResult<Buffers<'py>> {
    let texts: Vec<_> = texts.iter().map(|text| text.to_string_lossy()).collect();
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let read = || features::extract(texts.iter().map(AsRef::as_ref));
    // Leaving the interpreter costs less than a microsecond; a batch or a long text holds others up for longer.
    let batch = if bytes > 4096 { py.detach(read) } else { read() };
    Ok((
        buffer(py, &batch.ids, |value| value.to_ne_bytes())?,
        buffer(py, &batch.tf, |value| value.to_ne_bytes())?,
        buffer(py, &batch.row, |value| value.to_ne_bytes())?,
        buffer(py, &batch.dense, |value| value.to_ne_bytes())?,
    ))
}

/// Scores of some texts by their structure alone: needs no model file and no package.
#[pyfunction]
#[allow(clippy::needless_pass_by_value)] // the conversion from Python makes the vector
fn score_by_structure(texts: Vec<Bound<'_, PyString>>) -> Vec<PyTierScore> {
    texts.iter().map(|text| features::score_by_structure(&text.to_string_lossy()).into()).collect()
}

/// Writes values in the machine's byte order, which is what numpy reads.
fn buffer<'py, T, const N: usize>(py: Python<'py>, values: &[T], bytes: fn(&T) -> [u8; N]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, values.len() * N, |room| {
        for (place, value) in room.chunks_exact_mut(N).zip(values) {
            place.copy_from_slice(&bytes(value));
        }
        Ok(())
    })
}

pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_ne_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("FEATURES_VERSION", features::VERSION)?;
    module.add("DENSE_FEATURES", DENSE)?;
    module.add("WORD_BUCKETS", features::WORD_BUCKETS)?;
    module.add("CHAR_BUCKETS", features::CHAR_BUCKETS)?;
    module.add_function(wrap_pyfunction!(extract, module)?)?;
    module.add_function(wrap_pyfunction!(score_by_structure, module)?)?;
    module.add_class::<PyScoreHead>()?;
    module.add_class::<PyTierScore>()
}
