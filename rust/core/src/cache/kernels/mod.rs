//! Dot products of quantised rows. Every kernel must be bit-equal to [`scalar`]: integer sums are exact.

pub mod scalar;
