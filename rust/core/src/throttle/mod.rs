//! Rates: what is counted, how fast it refills, and the exact bucket.

mod bucket;
mod dimension;
mod quota;

pub use bucket::Bucket;
pub use dimension::{Dimension, Units};
pub use quota::{Quota, nearest};
