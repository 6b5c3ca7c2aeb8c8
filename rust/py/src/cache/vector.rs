//! Embeddings from Python buffers.

use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;
use tierkit_core::cache::unit::Unit;

use crate::door::attached;
use crate::error::config;

const FIX: &str = "expected a one-dimensional float32 buffer; convert it with numpy.asarray(v, dtype=numpy.float32)";

/// Reads, checks and normalises an embedding; strided ones are copied.
pub fn unit(found: &Bound<'_, PyAny>, dim: usize) -> PyResult<Unit> {
    let py = found.py();
    let values = match PyBuffer::<f32>::get(found) {
        Ok(buffer) if buffer.dimensions() == 1 && native(buffer.format().to_bytes()) => Some(buffer.to_vec(py)?),
        Ok(_) => None,
        Err(_) => unaligned(found).unwrap_or(None),
    };
    let values = values.ok_or_else(|| config(py, format!("embedding of {}: {FIX}", kind(found))))?;
    attached(py, Unit::new(&values, dim))
}

/// Whether a struct format is one float in this machine's byte order; the buffer type does not look at the order.
fn native(format: &[u8]) -> bool {
    let here = if cfg!(target_endian = "little") { b"<f" } else { b">f" };
    matches!(format, b"f" | b"@f" | b"=f") || format == here
}

/// Floats at an odd address, which may not be read in place.
fn unaligned(found: &Bound<'_, PyAny>) -> PyResult<Option<Vec<f32>>> {
    let view = PyMemoryView::from(found)?;
    if view.getattr("ndim")?.extract::<usize>()? != 1 || !native(view.getattr("format")?.extract::<String>()?.as_bytes()) {
        return Ok(None);
    }
    let bytes: Vec<u8> = view.call_method0("tobytes")?.extract()?;
    let (values, _) = bytes.as_chunks::<4>();
    Ok(Some(values.iter().map(|value| f32::from_ne_bytes(*value)).collect()))
}

/// The dtype and shape where there are such, else the type.
fn kind(found: &Bound<'_, PyAny>) -> String {
    let part = |name: &str| found.getattr(name).and_then(|part| part.str()).map(|text| text.to_string());
    match (part("dtype"), part("shape")) {
        (Ok(dtype), Ok(shape)) => format!("dtype {dtype} and shape {shape}"),
        _ => found.get_type().name().map_or_else(|_| "an unknown type".to_owned(), |name| format!("type {name}")),
    }
}
