//! `tierkit._core`: the list of what Python sees. Each file holds one class or one family of functions.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "a method of a Python class takes its object by reference")]

mod cache;
mod door;
mod error;
mod features;
mod gate;
mod money;
mod policy;
mod price;
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
    cache::register(module)?;
    gate::register(module)?;
    policy::register(module)
}
