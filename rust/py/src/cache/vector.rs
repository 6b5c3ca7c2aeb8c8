//! Embeddings from Python buffers.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use tierkit_core::cache::index::Unit;

use crate::door::attached;
use crate::error::config;

const FIX: &str = "expected a one-dimensional float32 buffer; convert it with numpy.asarray(v, dtype=numpy.float32)";

/// Reads, checks and normalises an embedding; strided ones are copied.
pub fn unit(found: &Bound<'_, PyAny>, dim: usize) -> PyResult<Unit> {
    let py = found.py();
    let Ok(buffer) = PyBuffer::<f32>::get(found) else {
        return Err(config(py, format!("embedding of {}: {FIX}", kind(found))));
    };
    if buffer.dimensions() != 1 {
        return Err(config(py, format!("embedding of {} dimensions: {FIX}", buffer.dimensions())));
    }
    attached(py, Unit::new(&buffer.to_vec(py)?, dim))
}

/// The dtype where there is one, else the type.
fn kind(found: &Bound<'_, PyAny>) -> String {
    let dtype = found.getattr("dtype").and_then(|dtype| dtype.getattr("str")).and_then(|text| text.extract::<String>());
    dtype.unwrap_or_else(|_| found.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string()))
}
