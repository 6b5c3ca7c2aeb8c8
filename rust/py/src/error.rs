//! The one match from core errors to the classes of `tierkit.errors`.

use pyo3::prelude::*;
use tierkit_core::error::Error;

/// The Python exception for a core error.
pub fn to_py(py: Python<'_>, error: &Error) -> PyErr {
    let class = match error {
        Error::Config(_) => "ConfigError",
        Error::UnknownReservation(_) => "UnknownReservation",
        Error::AlreadySettled(_) => "AlreadySettled",
        Error::ReservationConflict(_) => "ReservationConflict",
        Error::PriceMissing(_) => "PriceMissing",
        Error::Full(_) | Error::Damaged(_) => "StateError",
    };
    raise(py, class, error.to_string())
}

/// An exception of `tierkit.errors` by name.
pub fn raise(py: Python<'_>, class: &str, message: String) -> PyErr {
    let found = py.import("tierkit.errors").and_then(|errors| errors.getattr(class)).and_then(|class| class.call1((message,)));
    match found {
        Ok(exception) => PyErr::from_value(exception),
        Err(import_error) => import_error,
    }
}

/// A `ConfigError` from one sentence.
pub fn config(py: Python<'_>, message: impl Into<String>) -> PyErr {
    raise(py, "ConfigError", message.into())
}

/// The Python exception for an error of the store.
pub fn store(py: Python<'_>, error: &tierkit_store::StoreError) -> PyErr {
    match error {
        tierkit_store::StoreError::Core(error) => to_py(py, error),
        tierkit_store::StoreError::State(error) => state(py, error),
        tierkit_store::StoreError::Stale => raise(py, "StateError", error.to_string()),
    }
}

/// A `StateError` with its path and fix.
pub fn state(py: Python<'_>, error: &tierkit_store::StateError) -> PyErr {
    let raised = raise(py, "StateError", error.to_string());
    let value = raised.value(py);
    let _ = value.setattr("path", error.path.display().to_string());
    let _ = value.setattr("fix", error.fix.as_str());
    raised
}
