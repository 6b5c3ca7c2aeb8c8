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
