//! What a call costs: integer prices per token, and the usage that they multiply.

mod usage;

pub use usage::Usage;
