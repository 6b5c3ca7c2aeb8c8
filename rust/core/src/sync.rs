//! The atomics that shared words are made of. The model checkers of `rust/model` compile the same code over their own.

pub use std::hint::spin_loop;
pub use std::sync::atomic::{AtomicU64, Ordering, fence};
