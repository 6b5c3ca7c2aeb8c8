//! A vector of length one, checked and quantised once for all scans.

// Values are rounded to their quantised form on purpose.
#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]

use super::rotation::rotate;
use crate::error::{Error, Result};

/// The widest vector a store takes.
pub const MAX_DIM: usize = 16_384;
/// Largest magnitude of a fine value: 127 in the high plane, 127 in the low one.
const FINE_MAX: usize = 32_639;

/// A vector of length one as integers.
///
/// # Invariant
/// `127 * max|fine| * len < 2^31`, so that dot products with 8-bit rows stay inside `i32`.
#[derive(Debug, Clone)]
pub struct Unit {
    /// The rotated values, 16 bits each, or fewer for more than 516 of them.
    pub(super) fine: Vec<i16>,
    /// The same in 8 bits, the largest as 127.
    pub(super) high: Vec<i8>,
    /// The signs, 64 to a word.
    pub(super) bits: Vec<u64>,
    /// Length of `fine`.
    pub(super) length: f64,
}

impl Unit {
    /// Checks and normalises an embedding.
    ///
    /// # Errors
    /// `Config` when the size differs from `dim`, a value is not finite, or all are zero.
    pub fn new(vector: &[f32], dim: usize) -> Result<Self> {
        if vector.len() != dim {
            let seen = vector.len();
            return Err(Error::config(format!(
                "embedding of {seen} values: this cache keeps {dim}; use the encoder it was made for"
            )));
        }
        let largest = vector.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        if let Some(at) = vector.iter().position(|value| !value.is_finite()) {
            return Err(Error::config(format!("embedding value {at} is {}: expected finite numbers", vector[at])));
        }
        if largest == 0.0 {
            return Err(Error::config("embedding of zeros: expected a vector with a direction; leave it out for exact lookups"));
        }
        // Divided first: sums of the rotation stay small for the largest and the smallest floats alike.
        let shrink = 1.0 / f64::from(largest);
        let mut values: Vec<f32> = vector.iter().map(|value| (f64::from(*value) * shrink) as f32).collect();
        rotate(&mut values);
        Ok(Self::from_rotated(&values))
    }

    fn from_rotated(values: &[f32]) -> Self {
        let largest = values.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let room = FINE_MAX.min(i32::MAX as usize / (127 * values.len().max(1)));
        let (fine_step, high_step) = (room as f32 / largest, 127.0 / largest);
        let fine: Vec<i16> = values.iter().map(|value| rounded(value * fine_step) as i16).collect();
        let high = values.iter().map(|value| rounded(value * high_step) as i8).collect();
        let bits = fine.chunks(64).map(signs).collect();
        let length = fine.iter().map(|value| i64::from(*value) * i64::from(*value)).sum::<i64>() as f64;
        Self { fine, high, bits, length: length.sqrt() }
    }
}

/// The nearest whole number, for magnitudes below 2^22: after this addition an f32 has no fraction left.
fn rounded(value: f32) -> f32 {
    const WHOLE: f32 = 12_582_912.0;
    (value + WHOLE) - WHOLE
}

/// One bit for each negative value.
fn signs(values: &[i16]) -> u64 {
    values.iter().enumerate().fold(0, |word, (at, value)| word | u64::from(*value < 0) << at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_vectors_are_refused() {
        for vector in [&[0.0, 0.0][..], &[f32::NAN, 1.0], &[f32::INFINITY, 1.0], &[1.0], &[1.0, 2.0, 3.0]] {
            assert!(Unit::new(vector, 2).is_err(), "{vector:?}");
        }
        assert!(Unit::new(&[1e-45, 0.0], 2).is_ok());
        assert!(Unit::new(&[f32::MAX, f32::MIN], 2).is_ok());
    }

    #[test]
    fn sums_of_the_widest_vector_stay_inside() {
        let unit = Unit::new(&vec![1.0; MAX_DIM], MAX_DIM).map(|unit| unit.fine);
        let most = unit.map_or(i16::MAX, |fine| fine.iter().copied().max().unwrap_or(i16::MAX));
        assert!(i64::from(most) * 127 * i64::try_from(MAX_DIM).unwrap_or(i64::MAX) <= i64::from(i32::MAX));
    }
}
