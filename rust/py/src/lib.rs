//! `tierkit._core`: the list of what Python sees. Each file holds one class or one family of functions.

// Signatures here are what PyO3 extracts and what Python reads, so their shape is not ours to choose.
#![allow(clippy::needless_pass_by_value, clippy::trivially_copy_pass_by_ref, clippy::type_complexity, clippy::too_many_arguments)]

mod books;
mod cache;
mod clock;
mod decision;
mod door;
mod error;
mod features;
mod fitted;
mod gate;
mod labels;
mod limits;
mod money;
mod policy;
mod price;
mod provider;
mod queue;
mod route;
mod rules;
mod scope;
mod steering;
mod tokens;
mod units;
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
    fitted::register(module)?;
    route::register(module)?;
    cache::register(module)?;
    clock::register(module)?;
    rules::register(module)?;
    decision::register(module)?;
    scope::register(module)?;
    gate::register(module)?;
    steering::register(module)?;
    queue::register(module)?;
    provider::register(module)?;
    books::register(module)?;
    limits::register(module)?;
    policy::register(module)
}
