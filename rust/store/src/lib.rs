//! The state directory of tierkit and the clock: the only crate that does I/O.
