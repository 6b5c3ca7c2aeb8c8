//! A head fitted to a user's own labels: what it adds to a score, and the calibrated success that comes of it.
//!
//! # Source
//! A Gaussian process with a linear kernel on the grams and a smooth one on the measures (Rasmussen and Williams 2006, chapter 2),
//! the smooth one by random cosines (Rahimi and Recht 2007), so that a score costs the same however many rows were fitted.

use super::dense::DENSE;
use super::gram_weights::GramWeights;
use super::head::{Score, at, rank, value_at};
use crate::error::{Error, Result};

/// Standard deviations beyond which a measure is held: text unlike the fitted one says no more than the most unlike fitted one.
const HELD: f64 = 4.0;

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
    weights: GramWeights,
    /// The directions, measure by measure: the cosines then lie side by side, and the processor takes several at once.
    across: Vec<f64>,
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
        let weights = GramWeights::new(std::mem::take(&mut parts.grams))?;
        let across = (0..DENSE).flat_map(|at| parts.directions.iter().skip(at).step_by(DENSE).copied()).collect();
        Ok(Self { parts, weights, across })
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

    /// The expected gain of a text whose need is so high.
    pub fn gain_at(&self, need: f64) -> f64 {
        value_at(&self.parts.quantiles, need)
    }

    fn wording(&self, grams: impl Iterator<Item = (i64, f32)>) -> f64 {
        let (mut dot, mut square) = (0.0_f64, 0.0_f64);
        for (bucket, tf) in grams {
            let [idf, weight] = self.weights.of(bucket);
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
        let mut angles = self.parts.phases.clone();
        for (directions, held) in self.across.chunks_exact(angles.len().max(1)).zip(held) {
            angles.iter_mut().zip(directions).for_each(|(angle, direction)| *angle += direction * held);
        }
        for angle in &mut angles {
            *angle = cosine(*angle);
        }
        self.parts.amplitudes.iter().zip(&angles).map(|(amplitude, wave)| amplitude * wave).sum()
    }
}

/// The cosine to 1e-9, in steps that a processor can do for several angles at once; the library's takes them one by one.
fn cosine(angle: f64) -> f64 {
    /// Added and taken away again, it leaves a whole number: 1.5 * 2^52.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    /// `(-1)^n / (2n)!` from the last kept term to the first.
    const TERMS: [f64; 12] = [
        -1.0 / 1_124_000_727_777_607_680_000.0,
        1.0 / 2_432_902_008_176_640_000.0,
        -1.0 / 6_402_373_705_728_000.0,
        1.0 / 20_922_789_888_000.0,
        -1.0 / 87_178_291_200.0,
        1.0 / 479_001_600.0,
        -1.0 / 3_628_800.0,
        1.0 / 40_320.0,
        -1.0 / 720.0,
        1.0 / 24.0,
        -0.5,
        1.0,
    ];
    let turns = (angle * std::f64::consts::FRAC_1_PI * 0.5 + ROUND) - ROUND;
    let rest = angle - turns * std::f64::consts::TAU;
    let square = rest * rest;
    TERMS.iter().fold(0.0, |sum, term| sum * square + term)
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
    fn cosines_are_right() {
        for step in -40_000..40_000 {
            let angle = f64::from(step) / 100.0;
            assert!((cosine(angle) - angle.cos()).abs() < 1e-9, "{angle}");
        }
    }

    #[test]
    fn waves_of_the_measures_add_up() -> Result<()> {
        let directions: Vec<f64> = (0..3 * DENSE).map(|at| f64::from(u32::try_from(at % 7).unwrap_or(0)) / 10.0).collect();
        let (phases, amplitudes) = (vec![0.1, 2.0, 4.0], vec![0.5, -1.0, 2.0]);
        let wanted: f64 = (0..3)
            .map(|wave| {
                let sum: f64 = directions[wave * DENSE..(wave + 1) * DENSE].iter().map(|direction| direction * 1.5).sum();
                amplitudes[wave] * (sum + phases[wave]).cos()
            })
            .sum();
        let head = FittedHead::new(FittedParts { directions, phases, amplitudes, scale: vec![1.0; DENSE], ..parts() })?;
        assert!((head.structure(&[1.5; DENSE]) - wanted).abs() < 1e-8);
        Ok(())
    }

    #[test]
    fn what_nobody_solves_needs_no_stronger_tier() -> Result<()> {
        let head = FittedHead::new(parts())?;
        assert!(head.gain(-2.0) < head.gain(0.5));
        assert!(head.gain(2.4) < head.gain(0.5));
        let score = head.finish(&base(0.5), [].into_iter(), &[0.0; DENSE]);
        assert!((head.gain_at(score.need) - score.gap).abs() < 1e-9);
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
