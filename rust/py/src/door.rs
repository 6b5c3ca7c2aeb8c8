//! The one door into the core: runs work, detached from the interpreter where it pays, and maps the error once.

use pyo3::prelude::*;
use tierkit_store::{DurableGate, StoreError};

use crate::error::to_py;

/// Runs long work without holding the interpreter.
pub fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> tierkit_core::error::Result<T> + Send) -> PyResult<T> {
    py.detach(work).map_err(|error| to_py(py, &error))
}

/// Runs work of a few microseconds while attached: leaving and re-entering the interpreter would cost more.
pub fn attached<T>(py: Python<'_>, result: tierkit_core::error::Result<T>) -> PyResult<T> {
    result.map_err(|error| to_py(py, &error))
}

/// Makes a call that reserves or ends. Where it may wait for the disk the other threads run on, so that their entries go into
/// one commit; elsewhere leaving the interpreter would cost more than the call.
pub fn durably<T: Send>(
    py: Python<'_>,
    gate: &DurableGate,
    call: impl FnOnce(&DurableGate) -> Result<T, StoreError> + Send,
) -> Result<T, StoreError> {
    if gate.may_wait() { py.detach(|| call(gate)) } else { call(gate) }
}
