//! `tierkit._core`: the list of what Python sees. Each file holds one class or one family of functions.

mod cache;
mod door;
mod error;
mod features;
mod gate;
mod money;
mod policy;
mod price;
mod route;
mod tokens;
mod usage;

use pyo3::prelude::*;

/// The compiled core of tierkit.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    money::register(module)?;
    usage::register(module)?;
    tokens::register(module)?;
    price::register(module)?;
    features::register(module)?;
    route::register(module)?;
    cache::register(module)?;
    gate::register(module)?;
    policy::register(module)
}
