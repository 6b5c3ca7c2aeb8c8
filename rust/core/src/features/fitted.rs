//! A head fitted to a user's own labels: what it adds to a score, and the calibrated success that comes of it.
//!
//! # Source
//! A Gaussian process with a linear kernel on the grams and a smooth one on the measures (Rasmussen and Williams 2006, chapter 2),
//! the smooth one by random cosines (Rahimi and Recht 2007), so that a score costs the same however many rows were fitted.

use super::dense::DENSE;
use super::grams::{CHAR_BUCKETS, WORD_BUCKETS};
use super::head::{Score, at, rank};
use crate::error::{Error, Result};

/// Standard deviations beyond which a measure is held: text unlike the fitted one says no more than the most unlike fitted one.
const HELD: f64 = 4.0;

/// Buckets of words and characters together.
const BUCKETS: usize = (WORD_BUCKETS + CHAR_BUCKETS) as usize;

/// Success is held this far from 0 and 1, where its odds are not finite.
const EDGE: f64 = 0.02;

/// The numbers of a [`FittedHead`].
#[derive(Debug, Clone, Default)]
pub struct FittedParts {
    /// Per fitted gram: bucket, inverse document frequency, weight.
    pub grams: Vec<(i64, f32, f32)>,
    /// Mean of each measure.
    pub center: Vec<f64>,
    /// One over the deviation of each measure; 0 leaves it out.
    pub scale: Vec<f64>,
    /// Directions of the cosines, [`DENSE`] numbers each.
    pub directions: Vec<f64>,
    /// Phase of each cosine.
    pub phases: Vec<f64>,
    /// What each cosine adds.
    pub amplitudes: Vec<f64>,
    /// Mean of the base's need, and what one unit of it adds.
    pub base: (f64, f64),
    /// Mean failure of the cheap tier, and the failure that one unit of the sum means.
    pub failure: (f64, f64),
    /// Log-odds by which the strong tier is taken to be better.
    pub shift: f64,
    /// Ascending quantiles of the expected gain on the fitted rows, evenly spaced from 0 to 1.
    pub quantiles: Vec<f64>,
    /// Success of the cheap tier at evenly spaced sums between `reach`, not rising.
    pub success: Vec<f64>,
    /// Least and largest sum on the fitted rows.
    pub reach: (f64, f64),
}

/// Turns the base's score and the features of a text into a score for the fitted traffic.
#[derive(Debug, Clone)]
pub struct FittedHead {
    parts: FittedParts,
    /// Inverse document frequency and weight per bucket.
    table: Vec<[f32; 2]>,
}

impl FittedHead {
    /// A head from its numbers.
    ///
    /// # Errors
    /// `Config` when a table has another length than the others ask for, is unordered, or holds a number that is not finite.
    pub fn new(mut parts: FittedParts) -> Result<Self> {
        let cosines = parts.phases.len();
        let fits = parts.center.len() == DENSE
            && parts.scale.len() == DENSE
            && parts.amplitudes.len() == cosines
            && parts.directions.len() == cosines * DENSE
            && parts.quantiles.len() >= 2
            && parts.success.len() >= 2
            && parts.quantiles.is_sorted()
            && parts.reach.0 <= parts.reach.1;
        if !fits {
            return Err(Error::config(
                "a fitted head whose tables do not fit each other: expected one that fit wrote; fit again",
            ));
        }
        let pairs = [parts.base, parts.failure, parts.reach, (parts.shift, 0.0)];
        let tables = [&parts.center, &parts.scale, &parts.directions, &parts.phases, &parts.amplitudes];
        let numbers = tables.into_iter().chain([&parts.quantiles, &parts.success]).flatten().copied();
        if !numbers.chain(pairs.into_iter().flat_map(|(a, b)| [a, b])).all(f64::is_finite) {
            return Err(Error::config("a number that is not finite in a fitted head: expected finite ones; fit again"));
        }
        let mut table = vec![[0.0; 2]; BUCKETS];
        for (bucket, idf, weight) in std::mem::take(&mut parts.grams) {
            let place = usize::try_from(bucket).ok().and_then(|at| table.get_mut(at));
            match place.filter(|_| idf.is_finite() && weight.is_finite()) {
                Some(place) => *place = [idf, weight],
                None => {
                    return Err(Error::config(format!(
                        "gram {bucket} of a fitted head: expected a bucket below {BUCKETS} and finite weights; fit again"
                    )));
                }
            }
        }
        Ok(Self { parts, table })
    }

    /// What speaks for failure of the cheap tier, in deviations of the fitted labels.
    pub fn sum(&self, base_need: f64, grams: impl Iterator<Item = (i64, f32)>, dense: &[f32]) -> f64 {
        let (center, slope) = self.parts.base;
        slope * (base_need - center) + self.wording(grams) + self.structure(dense)
    }

    /// The score of a text from the base's score of it.
    pub fn finish(&self, base: &Score, grams: impl Iterator<Item = (i64, f32)>, dense: &[f32]) -> Score {
        let sum = self.sum(base.need, grams, dense);
        let (low, high) = self.parts.reach;
        let place = if high > low { (sum - low) / (high - low) } else { 0.5 };
        let gap = self.gain(sum);
        Score {
            need: rank(&self.parts.quantiles, gap),
            gap,
            success: at(&self.parts.success, place),
            reasons: base.reasons.clone(),
        }
    }

    /// The expected gain of the strong tier: odds of success that are `exp(shift)` times the cheap tier's.
    ///
    /// It is largest where the cheap tier fails often but not always: what nobody can solve needs no stronger tier.
    pub fn gain(&self, sum: f64) -> f64 {
        let (mean, spread) = self.parts.failure;
        let success = (1.0 - mean - spread * sum).clamp(EDGE, 1.0 - EDGE);
        let odds = success / (1.0 - success) * self.parts.shift.exp();
        odds / (1.0 + odds) - success
    }

    fn wording(&self, grams: impl Iterator<Item = (i64, f32)>) -> f64 {
        let (mut dot, mut square) = (0.0_f64, 0.0_f64);
        for (bucket, tf) in grams {
            let [idf, weight] = usize::try_from(bucket).ok().and_then(|at| self.table.get(at)).copied().unwrap_or_default();
            let value = f64::from(tf * idf);
            dot += value * f64::from(weight);
            square += value * value;
        }
        if square > 0.0 { dot / square.sqrt() } else { 0.0 }
    }

    fn structure(&self, dense: &[f32]) -> f64 {
        let mut held = [0.0; DENSE];
        for (at, place) in held.iter_mut().enumerate() {
            let value = dense.get(at).copied().map_or(0.0, f64::from);
            *place = ((value - self.parts.center[at]) * self.parts.scale[at]).clamp(-HELD, HELD);
        }
        let cosine = |direction: &[f64]| direction.iter().zip(&held).map(|(one, other)| one * other).sum::<f64>();
        let waves = self.parts.directions.chunks_exact(DENSE).zip(&self.parts.phases).zip(&self.parts.amplitudes);
        waves.map(|((direction, phase), amplitude)| amplitude * (cosine(direction) + phase).cos()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> FittedParts {
        FittedParts {
            grams: vec![(7, 1.0, 2.0), (9, 1.0, -2.0)],
            center: vec![0.0; DENSE],
            scale: vec![0.0; DENSE],
            base: (0.5, 1.0),
            failure: (0.5, 0.2),
            shift: 2.0,
            quantiles: vec![0.0, 0.2, 0.5],
            success: vec![0.9, 0.1],
            reach: (-2.0, 2.0),
            ..FittedParts::default()
        }
    }

    fn base(need: f64) -> Score {
        Score { need, gap: 0.0, success: 0.5, reasons: vec!["long"] }
    }

    #[test]
    fn grams_and_the_base_add_up() -> Result<()> {
        let head = FittedHead::new(parts())?;
        let none: [(i64, f32); 0] = [];
        assert!((head.sum(0.75, none.into_iter(), &[0.0; DENSE]) - 0.25).abs() < 1e-9);
        assert!((head.sum(0.5, [(7, 1.0)].into_iter(), &[0.0; DENSE]) - 2.0).abs() < 1e-6);
        assert!(head.sum(0.5, [(7, 1.0), (9, 1.0)].into_iter(), &[0.0; DENSE]).abs() < 1e-6);
        let hard = head.finish(&base(0.5), [(7, 1.0)].into_iter(), &[0.0; DENSE]);
        assert!((hard.success - 0.1).abs() < 1e-9 && hard.reasons == ["long"]);
        Ok(())
    }

    #[test]
    fn what_nobody_solves_needs_no_stronger_tier() -> Result<()> {
        let head = FittedHead::new(parts())?;
        assert!(head.gain(-2.0) < head.gain(0.5));
        assert!(head.gain(2.4) < head.gain(0.5));
        Ok(())
    }

    #[test]
    fn bad_tables_are_refused() {
        let spoil: [fn(&mut FittedParts); 5] = [
            |parts| parts.grams.push((-1, 1.0, 1.0)),
            |parts| parts.grams.push((1, f32::NAN, 1.0)),
            |parts| parts.phases.push(0.0),
            |parts| parts.quantiles = vec![1.0, 0.0],
            |parts| parts.shift = f64::INFINITY,
        ];
        for spoil in spoil {
            let mut parts = parts();
            spoil(&mut parts);
            assert!(FittedHead::new(parts).is_err());
        }
    }
}
