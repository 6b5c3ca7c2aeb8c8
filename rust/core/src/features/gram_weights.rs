//! Weights of the few grams that were fitted, found without touching the many that were not.

use super::grams::{CHAR_BUCKETS, WORD_BUCKETS};
use crate::error::{Error, Result};

/// Buckets of words and characters together.
const BUCKETS: usize = (WORD_BUCKETS + CHAR_BUCKETS) as usize;

/// Inverse document frequency and weight of each fitted bucket.
///
/// One bit per bucket says whether it was fitted: 48 KiB, where a row per bucket would be 3 MiB and push the model out of the
/// processor's cache. Grams of a new text are mostly unknown, so most end at the bit.
#[derive(Debug, Clone)]
pub struct GramWeights {
    known: Vec<u64>,
    /// Fitted buckets before each word of `known`.
    before: Vec<u32>,
    rows: Vec<[f32; 2]>,
}

impl GramWeights {
    /// A table of (bucket, inverse document frequency, weight); of a bucket given twice the last counts.
    ///
    /// # Errors
    /// `Config` for a bucket that no text has, or a number that is not finite.
    pub fn new(mut grams: Vec<(i64, f32, f32)>) -> Result<Self> {
        grams.sort_by_key(|gram| gram.0);
        let mut known = vec![0_u64; BUCKETS.div_ceil(64)];
        let mut rows: Vec<[f32; 2]> = Vec::with_capacity(grams.len());
        for (bucket, idf, weight) in grams {
            let place = usize::try_from(bucket).ok().filter(|at| *at < BUCKETS && idf.is_finite() && weight.is_finite());
            let Some((word, bit)) = place.and_then(|at| Some((known.get_mut(at / 64)?, 1 << (at % 64)))) else {
                return Err(Error::config(format!(
                    "gram {bucket} of a fitted head: expected a bucket below {BUCKETS} and finite weights; fit again"
                )));
            };
            if *word & bit != 0 {
                rows.pop();
            }
            *word |= bit;
            rows.push([idf, weight]);
        }
        let before = known.iter().scan(0, |sum, word| Some(std::mem::replace(sum, *sum + word.count_ones()))).collect();
        Ok(Self { known, before, rows })
    }

    /// Inverse document frequency and weight of a bucket; zeros when it was not fitted.
    #[inline]
    pub fn of(&self, bucket: i64) -> [f32; 2] {
        let Ok(at) = usize::try_from(bucket) else { return [0.0; 2] };
        let (place, bit) = (at / 64, 1_u64 << (at % 64));
        let known = self.known.get(place).copied().unwrap_or(0);
        if known & bit == 0 {
            return [0.0; 2];
        }
        let rank = self.before.get(place).copied().unwrap_or(0) + (known & (bit - 1)).count_ones();
        self.rows.get(rank as usize).copied().unwrap_or([0.0; 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fitted_bucket_is_found_and_no_other() -> Result<()> {
        let last = i64::try_from(BUCKETS).unwrap_or(0) - 1;
        let weights = GramWeights::new(vec![(last, 3.0, 4.0), (0, 1.0, 2.0), (63, 5.0, 6.0), (64, 7.0, 8.0), (64, 9.0, 10.0)])?;
        for (bucket, row) in [(0, [1.0, 2.0]), (63, [5.0, 6.0]), (64, [9.0, 10.0]), (last, [3.0, 4.0])] {
            assert_eq!(weights.of(bucket).map(f32::to_bits), row.map(f32::to_bits), "{bucket}");
        }
        for bucket in [-1, 1, 62, 65, last - 1, last + 1, i64::MAX, i64::MIN] {
            assert_eq!(weights.of(bucket).map(f32::to_bits), [0; 2], "{bucket}");
        }
        Ok(())
    }
}
