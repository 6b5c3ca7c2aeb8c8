//! tokens

use pyo3::prelude::*;

/// Adds these names to the module.
#[allow(clippy::unnecessary_wraps)]
pub fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
