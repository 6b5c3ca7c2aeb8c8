//! From the model's raw outputs to what a user reads: a rank, a success rate, reasons and flags.

use super::dense::{DENSE, REASONS};
use super::shipped;
use crate::error::{Error, Result};

/// Below this share of known grams a text is flagged as in a language that the model was not trained on, and its need is drawn to
/// the middle: words and sentences may be counted wrongly there.
///
/// # Source
/// A target of the routing design, to be replaced once labelled traffic in other languages exists.
const KNOWN_FLOOR: f64 = 0.3;

/// Most reasons given for one score, flags not counted.
const MAX_REASONS: usize = 3;

/// A contribution is named when it is at least this part of the largest one.
const WORTH_NAMING: f64 = 0.25;

/// The distance to the quantiles by which a rank outside of them comes closer to its end by a factor e, as a part of their range.
const TAIL: f64 = 8.0;

/// The score of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// How much a stronger tier is needed: the rank of the difficulty among the training prompts, in [0, 1].
    pub need: f64,
    /// Expected gain of the strongest tier over the cheapest, centred and scaled; only its order means something.
    pub gap: f64,
    /// Expected success of the cheapest tier, in [0, 1], on the training mixture: not calibrated to any own traffic.
    pub success: f64,
    /// The largest contributions in words, then flags.
    pub reasons: Vec<&'static str>,
}

/// The numbers of a [`Head`].
#[derive(Debug, Clone, Default)]
pub struct HeadParts {
    /// Ascending quantiles of the difficulty on the training distribution, evenly spaced from 0 to 1.
    pub quantiles: Vec<f64>,
    /// Success of the cheapest tier at evenly spaced ranks from 0 to 1.
    pub success: Vec<f64>,
    /// Weight of each measure, in units of the difficulty per unit of the measure.
    pub weights: Vec<f64>,
    /// Mean of each measure in training.
    pub center: Vec<f64>,
    /// Least value of each measure in training.
    pub low: Vec<f64>,
    /// Largest value of each measure in training.
    pub high: Vec<f64>,
    /// Share of unseen grams that fall into a trained bucket by chance.
    pub known_by_chance: f64,
    /// Difficulty of a text whose measures are all at their means.
    pub intercept: f64,
}

/// Turns difficulties into scores.
#[derive(Debug, Clone)]
pub struct Head(HeadParts);

/// The head that needs no model file.
pub fn fallback() -> Head {
    Head(HeadParts {
        quantiles: shipped::QUANTILES.to_vec(),
        success: shipped::SUCCESS.to_vec(),
        weights: shipped::WEIGHTS.to_vec(),
        center: shipped::CENTER.to_vec(),
        low: shipped::LOW.to_vec(),
        high: shipped::HIGH.to_vec(),
        known_by_chance: 0.0,
        intercept: shipped::INTERCEPT,
    })
}

impl Head {
    /// A head from a model's manifest.
    ///
    /// # Errors
    /// `Config` when a table is too short, unordered, of the wrong length or not finite.
    pub fn new(parts: HeadParts) -> Result<Self> {
        let tables = [&parts.weights, &parts.center, &parts.low, &parts.high];
        if let Some(table) = tables.iter().find(|table| table.len() != DENSE) {
            return Err(Error::config(format!(
                "a table of {} values: expected {DENSE}, one per measure; train the model again",
                table.len()
            )));
        }
        let everything = tables.into_iter().chain([&parts.quantiles, &parts.success]).flatten();
        if !everything.chain([&parts.known_by_chance, &parts.intercept]).all(|value| value.is_finite()) {
            return Err(Error::config(
                "a number that is not finite in the model's tables: expected finite ones; train the model again",
            ));
        }
        let ordered = parts.quantiles.len() >= 2 && parts.quantiles.is_sorted();
        if !ordered || parts.success.len() < 2 || !(0.0..1.0).contains(&parts.known_by_chance) {
            return Err(Error::config(format!(
                "{} quantiles, {} success rates, {} known by chance: expected at least two ascending quantiles, two rates and a \
                 share below 1; train the model again",
                parts.quantiles.len(),
                parts.success.len(),
                parts.known_by_chance
            )));
        }
        Ok(Self(parts))
    }

    /// The score from the model's outputs: difficulty, gap, and the share of grams that hit a trained bucket.
    pub fn finish(&self, difficulty: f64, gap: f64, known: f64, dense: &[f32]) -> Score {
        let known = if known.is_finite() { known } else { 0.0 };
        let known = ((known - self.0.known_by_chance) / (1.0 - self.0.known_by_chance)).clamp(0.0, 1.0);
        let structure = self.structure(dense);
        let wording = known * (difficulty - structure);
        let rank = rank(&self.0.quantiles, structure + wording);
        let need = 0.5 + (known / KNOWN_FLOOR).min(1.0) * (rank - 0.5);
        let mut reasons = self.reasons(dense, Some(wording), rank >= 0.5);
        if known < KNOWN_FLOOR {
            reasons.push("language");
        }
        self.flag_range(dense, &mut reasons);
        Score { need, gap, success: at(&self.0.success, need), reasons }
    }

    /// The score from the structure alone.
    pub fn by_structure(&self, dense: &[f32]) -> Score {
        let need = rank(&self.0.quantiles, self.structure(dense));
        let mut reasons = self.reasons(dense, None, need >= 0.5);
        reasons.push("fallback");
        self.flag_range(dense, &mut reasons);
        Score { need, gap: 0.0, success: at(&self.0.success, need), reasons }
    }

    /// The linear part of the measures, each held inside its training range.
    fn structure(&self, dense: &[f32]) -> f64 {
        self.contributions(dense).map(|(_, part)| part).sum::<f64>() + self.0.intercept
    }

    /// For each measure: its distance from the mean, and what it adds to the difficulty.
    fn contributions<'a>(&'a self, dense: &'a [f32]) -> impl Iterator<Item = (f64, f64)> + 'a {
        dense.iter().enumerate().take(DENSE).map(|(at, value)| {
            let held = f64::from(*value).max(self.0.low[at]).min(self.0.high[at]);
            let distance = held - self.0.center[at];
            (distance, distance * self.0.weights[at])
        })
    }

    /// The largest contributions that point the way the score went.
    fn reasons(&self, dense: &[f32], wording: Option<f64>, upward: bool) -> Vec<&'static str> {
        let along = |part: f64| if upward { part } else { -part };
        let mut named: Vec<(f64, &'static str)> = self
            .contributions(dense)
            .zip(REASONS)
            .map(|((distance, part), (high, low))| (along(part), if distance > 0.0 { high } else { low }))
            .chain(wording.map(|part| (along(part), "wording")))
            .filter(|(part, _)| *part > 0.0)
            .collect();
        named.sort_by(|a, b| b.0.total_cmp(&a.0));
        let floor = named.first().map_or(0.0, |largest| largest.0 * WORTH_NAMING);
        named.into_iter().take_while(|(part, _)| *part >= floor).take(MAX_REASONS).map(|(_, word)| word).collect()
    }

    fn flag_range(&self, dense: &[f32], reasons: &mut Vec<&'static str>) {
        let outside = |(at, value): (usize, &f32)| !(self.0.low[at]..=self.0.high[at]).contains(&f64::from(*value));
        if dense.iter().enumerate().take(DENSE).any(outside) {
            reasons.push("out_of_range");
        }
    }
}

/// The rank of a value among ascending quantiles, linear between them.
///
/// Values outside share the half steps at both ends, so that two of them still differ: a text may be harder than any in training.
pub(super) fn rank(quantiles: &[f64], value: f64) -> f64 {
    if value.is_nan() {
        return 0.5;
    }
    let last = quantiles.len() - 1;
    let (least, most) = (quantiles[0], quantiles[last]);
    #[allow(clippy::cast_precision_loss)] // tables are short
    let steps = last as f64;
    let half = half_step(quantiles);
    let reach = ((most - least) / TAIL).max(f64::MIN_POSITIVE);
    if value < least {
        return half * ((value - least) / reach).exp();
    }
    if value >= most {
        return 1.0 - half * ((most - value) / reach).exp();
    }
    let above = quantiles.partition_point(|quantile| *quantile <= value);
    let (low, high) = (quantiles[above - 1], quantiles[above]);
    #[allow(clippy::cast_precision_loss)] // as above
    let inside = ((above - 1) as f64 + (value - low) / (high - low)) / steps;
    half + (1.0 - 2.0 * half) * inside
}

/// The value that has a rank among ascending quantiles; the ends for ranks outside of them.
pub(super) fn value_at(quantiles: &[f64], rank: f64) -> f64 {
    let half = half_step(quantiles);
    at(quantiles, (rank - half) / (1.0 - 2.0 * half))
}

/// The part of all ranks that belongs to values below the least quantile, and to those above the largest.
fn half_step(quantiles: &[f64]) -> f64 {
    #[allow(clippy::cast_precision_loss)] // tables are short
    let count = quantiles.len() as f64;
    0.5 / count
}

/// The value of a table at a rank in [0, 1], linear between its points.
pub(super) fn at(table: &[f64], rank: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    // a short table, a rank in [0, 1]
    let (place, below) = {
        let place = rank.clamp(0.0, 1.0) * (table.len() - 1) as f64;
        (place, (place as usize).min(table.len() - 2))
    };
    #[allow(clippy::cast_precision_loss)] // as above
    let part = place - below as f64;
    table[below] + part * (table[below + 1] - table[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> HeadParts {
        let mut weights = vec![0.0; DENSE];
        weights[0] = 1.0;
        HeadParts {
            quantiles: vec![-1.0, 0.0, 3.0],
            success: vec![0.9, 0.1],
            weights,
            center: vec![2.0; DENSE],
            low: vec![0.0; DENSE],
            high: vec![10.0; DENSE],
            known_by_chance: 0.5,
            intercept: 0.0,
        }
    }

    #[test]
    fn ranks_are_linear_between_quantiles() {
        let half = 0.5 / 3.0;
        for (value, wanted) in [(-1.0, 0.0), (-0.5, 0.25), (0.0, 0.5), (1.5, 0.75), (3.0, 1.0)] {
            let wanted = half + (1.0 - 2.0 * half) * wanted;
            assert!((rank(&[-1.0, 0.0, 3.0], value) - wanted).abs() < 1e-12, "{value}");
        }
        assert!((rank(&[0.0, 1.0], f64::NAN) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn values_outside_of_the_quantiles_still_differ() {
        let ranks: Vec<f64> = [f64::NEG_INFINITY, -3.0, -2.0, -1.0, 0.0, 3.0, 4.0, 9.0, f64::INFINITY]
            .map(|value| rank(&[-1.0, 0.0, 3.0], value))
            .into();
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert!(ranks[0] >= 0.0 && ranks[8] <= 1.0);
        assert!((rank(&[1.0, 1.0], 1.0) - 0.75).abs() < 1e-12);
    }

    #[test]
    fn unknown_text_moves_to_the_middle() -> Result<()> {
        let head = Head::new(parts())?;
        let mut dense = [2.0_f32; DENSE];
        dense[0] = 5.0;
        let known = head.finish(3.0, 0.0, 1.0, &dense);
        let most = 1.0 - 0.5 / 3.0;
        assert!((known.need - most).abs() < 1e-12);
        assert!((known.success - (0.9 - 0.8 * most)).abs() < 1e-12);
        assert_eq!(known.reasons, ["long"]);
        let foreign = head.finish(3.0, 0.0, 0.55, &dense);
        assert!((foreign.need - 0.5 - (most - 0.5) / 3.0).abs() < 1e-9);
        assert_eq!(foreign.reasons, ["long", "language"]);
        dense[0] = 11.0;
        assert!(head.finish(-1.0, 0.0, 1.0, &dense).reasons.contains(&"out_of_range"));
        Ok(())
    }

    #[test]
    fn bad_tables_are_refused() {
        let spoil: [fn(&mut HeadParts); 5] = [
            |parts| parts.quantiles = vec![1.0, 0.0],
            |parts| parts.weights.truncate(3),
            |parts| parts.low[0] = f64::NAN,
            |parts| parts.success.clear(),
            |parts| parts.known_by_chance = 1.0,
        ];
        for spoil in spoil {
            let mut parts = parts();
            spoil(&mut parts);
            assert!(Head::new(parts).is_err());
        }
    }
}
