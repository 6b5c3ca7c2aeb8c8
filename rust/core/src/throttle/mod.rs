//! Rates: what is counted, how fast it refills, and the exact bucket.

mod bucket;
mod quota;

pub use crate::dimension::{Dimension, Units};
pub use bucket::Bucket;
pub use quota::Quota;
