//! Rates: what is counted, how fast it refills, and the exact bucket.

mod allowance;
mod bucket;
#[cfg(test)]
mod bucket_tests;
mod provider;
mod quota;

pub use crate::dimension::{Dimension, Units};
pub use bucket::Bucket;
pub use provider::{Held, Provider};
pub use quota::{Burst, Quota};
