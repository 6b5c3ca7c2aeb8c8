//! A quantised vector on its way to a file and back: the bytes that a scan needs, so nothing is computed again.
//!
//! `factor f32 | high i8 · dim | fine i16 · dim` for narrow rows, `factor f32 | high i8 · dim | signs u64 · words` for wide ones,
//! all little-endian.

use super::index::NARROW;

/// What the bytes mean; another rotation or another rounding needs another name.
pub const QUANTISER: &str = "rotated-i8-1";

/// One row of [`super::index::Flat`], by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    pub(super) high: Vec<i8>,
    /// Empty in a wide row.
    pub(super) fine: Vec<i16>,
    /// Empty in a narrow row.
    pub(super) bits: Vec<u64>,
    pub(super) factor: f32,
}

impl Row {
    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.factor.to_le_bytes().to_vec();
        bytes.extend(self.high.iter().map(|value| value.cast_unsigned()));
        bytes.extend(self.fine.iter().flat_map(|value| value.to_le_bytes()));
        bytes.extend(self.bits.iter().flat_map(|word| word.to_le_bytes()));
        bytes
    }

    /// The row in the bytes; None when they have another size, no finite factor, or a value that no row has.
    pub fn from_bytes(bytes: &[u8], dim: usize) -> Option<Self> {
        let (factor, rest) = bytes.split_first_chunk::<4>()?;
        let (high, rest) = rest.split_at_checked(dim)?;
        let factor = f32::from_le_bytes(*factor);
        let high: Vec<i8> = high.iter().map(|byte| byte.cast_signed()).collect();
        let wanted = if dim < NARROW { 2 * dim } else { 8 * dim.div_ceil(64) };
        // Sums over rows stay inside i32 because no value is -128.
        if rest.len() != wanted || !factor.is_finite() || factor <= 0.0 || high.contains(&i8::MIN) {
            return None;
        }
        let (mut fine, mut bits) = (Vec::new(), Vec::new());
        if dim < NARROW {
            fine = rest.as_chunks::<2>().0.iter().map(|two| i16::from_le_bytes(*two)).collect();
        } else {
            bits = rest.as_chunks::<8>().0.iter().map(|eight| u64::from_le_bytes(*eight)).collect();
        }
        Some(Self { high, fine, bits, factor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::index::Flat;
    use crate::cache::unit::Unit;

    /// The row of a vector, by way of an index, and its query.
    fn made(dim: usize) -> (Flat, Unit) {
        let vector: Vec<f32> = (0..dim).map(|at| if at % 3 == 0 { 1.0 } else { -0.25 }).collect();
        match Unit::new(&vector, dim) {
            Ok(unit) => {
                let mut flat = Flat::new(dim);
                flat.push(7, &unit);
                (flat, unit)
            }
            Err(error) => unreachable!("{error}"),
        }
    }

    #[test]
    fn a_row_that_went_through_bytes_is_found_with_the_same_similarity() {
        for dim in [1, 2, 64, 127, 128, 256, 300, 1536] {
            let (flat, query) = made(dim);
            let bytes = flat.row(0).map(|row| row.to_bytes()).unwrap_or_default();
            let mut again = Flat::new(dim);
            let row = Row::from_bytes(&bytes, dim);
            assert!(row.is_some_and(|row| again.push_row(7, &row) == 0), "dim {dim}");
            assert_eq!(flat.nearest(&query, -1.0, 1, |_| true), again.nearest(&query, -1.0, 1, |_| true), "dim {dim}");
            assert_eq!(again.row(0).map(|row| row.to_bytes()), Some(bytes), "dim {dim}");
        }
    }

    #[test]
    fn wrong_sizes_and_factors_are_no_rows() {
        for dim in [2, 256] {
            let bytes = made(dim).0.row(0).map(|row| row.to_bytes()).unwrap_or_default();
            for len in 0..bytes.len() {
                assert_eq!(Row::from_bytes(&bytes[..len], dim), None);
            }
            assert_eq!(Row::from_bytes(&[&bytes[..], &[0]].concat(), dim), None);
            assert_eq!(Row::from_bytes(&bytes, dim + 1), None);
            for factor in [f32::NAN, f32::INFINITY, 0.0, -1.0] {
                let wrong = [&factor.to_le_bytes()[..], &bytes[4..]].concat();
                assert_eq!(Row::from_bytes(&wrong, dim), None, "{factor}");
            }
            let mut wrong = bytes.clone();
            wrong[4] = 128;
            assert_eq!(Row::from_bytes(&wrong, dim), None);
        }
    }
}
