//! The cache as Python sees it: keys, the store, the embedder.

mod embedding;
mod file;
mod hit;
mod keyer;
mod store;
mod value;
mod vector;

use pyo3::prelude::*;

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<keyer::PyCacheKeyer>()?;
    module.add_class::<store::PyCacheStore>()?;
    module.add_class::<file::PyCacheFile>()?;
    module.add_class::<hit::PyCacheHit>()?;
    module.add_class::<hit::PyCacheVerdict>()?;
    module.add_function(wrap_pyfunction!(embedding::embed_many, module)?)?;
    module.add_function(wrap_pyfunction!(embedding::cache_overlap, module)?)?;
    module.add_function(wrap_pyfunction!(embedding::cache_decide, module)?)
}
