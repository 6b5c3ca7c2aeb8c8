//! Shares of the traffic per tier, kept by thresholds that follow the traffic.

use super::Sketch;
use super::board::TIERS;
use crate::error::{Error, Result};
use crate::segment::{Region, Tx, Words};

/// Shares may add up to this much more than 1, for texts such as 0.1 + 0.2 + 0.7.
const SLACK: f64 = 1e-9;

/// Requests over which a share that was missed by chance is made good.
///
/// # Source
/// Without it, 2,000 requests miss a share of one half by more than 2 points in one run of five: the luck of the draw (1.1
/// points) and of the estimated quantile add up. With 400 the realised share stays within half a point, and the share aimed at
/// moves by less than 2.
const MAKE_GOOD: f64 = 400.0;

/// The share aimed at differs from the one asked for by at most this part of it, so that a spell of hard requests is not
/// answered as if it were chance.
const MOST_CORRECTION: f64 = 0.25;

/// Where the debts lie among the words of a sketch.
const OWED: usize = 260;

/// Chooses tiers so that each stronger one serves its share of the traffic.
///
/// Tier 0 is the cheapest and serves what the others leave.
///
/// # Source
/// Threshold of tier k: the quantile `1 - (share_k + share_k+1 + ...)` of `need` on the own traffic, with the share corrected by
/// what was missed by chance.
#[derive(Debug, Clone)]
pub struct ShareRouter {
    /// For each tier the share of the traffic that it and the stronger ones serve; 1 for the cheapest.
    at_least: Vec<f64>,
    /// The shares as they were asked for, before a budget's pace lowered them.
    asked: Vec<f64>,
    thresholds: Vec<f64>,
    /// Requests that each tier and the stronger ones were short of their share; below 0 when they had too many.
    owed: Vec<f64>,
    sketch: Sketch,
    default: usize,
    escalate: bool,
}

impl ShareRouter {
    /// A router over `shares.len()` tiers, cheapest first; the share of the cheapest is what is left and not read.
    ///
    /// `default` is the tier of requests without a score. With `escalate`, a plan goes on to stronger tiers before cheaper ones.
    ///
    /// # Errors
    /// `Config` when there is no tier, a share is not in [0, 1], the shares of the stronger tiers exceed 1, or `default` is no tier.
    pub fn new(shares: &[f64], default: usize, escalate: bool) -> Result<Self> {
        if let Some(share) = shares.iter().find(|share| !(0.0..=1.0).contains(*share)) {
            return Err(Error::config(format!("share {share}: expected a part of the traffic from 0 to 1, such as 0.20")));
        }
        let upper: f64 = shares.iter().skip(1).sum();
        if upper > 1.0 + SLACK {
            return Err(Error::config(format!(
                "shares of {upper} in all: expected at most 1; lower the share of a stronger tier"
            )));
        }
        if default >= shares.len() {
            return Err(Error::config(format!(
                "default tier {default}: expected a tier from 0 to {}",
                shares.len().saturating_sub(1)
            )));
        }
        let mut at_least: Vec<f64> = (0..shares.len()).map(|tier| shares.iter().skip(tier).sum()).collect();
        if let Some(cheapest) = at_least.first_mut() {
            *cheapest = 1.0;
        }
        let nothing = vec![0.0; at_least.len()];
        let asked = at_least.clone();
        let mut router =
            Self { thresholds: nothing.clone(), owed: nothing, at_least, asked, sketch: Sketch::default(), default, escalate };
        router.move_thresholds();
        Ok(router)
    }

    /// The tiers for a need, best first: the chosen one, then the cheaper ones downwards, then the dearer ones upwards.
    ///
    /// Cheaper first, because a tier above the chosen one spends more than the share that was asked for. `escalate` turns the
    /// two around. Without a need the plan starts at the default tier.
    ///
    /// # Example
    /// ```
    /// # fn main() -> tierkit_core::error::Result<()> {
    /// let router = tierkit_core::route::ShareRouter::new(&[0.0, 0.3, 0.2], 0, false)?;
    /// assert_eq!(router.plan(Some(0.6)), [1, 0, 2]);
    /// assert_eq!(router.plan(Some(0.9)), [2, 1, 0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn plan(&self, need: Option<f64>) -> Vec<usize> {
        self.from(self.first(need))
    }

    /// The tier that a need chooses.
    pub fn first(&self, need: Option<f64>) -> usize {
        need.filter(|need| !need.is_nan()).map_or(self.default, |need| self.choose(need))
    }

    /// The tier that a need would choose if the shares were lowered to a part of what was asked for; debts are left out.
    pub fn first_at(&self, need: f64, part_ppm: u32) -> usize {
        let part = f64::from(part_ppm) / f64::from(super::WHOLE_PPM);
        let reached = |tier: &usize| {
            let share = self.asked[*tier] * part;
            share > 0.0 && need > self.sketch.quantile(1.0 - share)
        };
        (1..self.asked.len()).rev().find(reached).unwrap_or(0)
    }

    /// The tiers from a chosen one on.
    pub fn from(&self, chosen: usize) -> Vec<usize> {
        let mut plan = Vec::with_capacity(self.at_least.len());
        plan.push(chosen);
        if self.escalate {
            plan.extend(chosen + 1..self.at_least.len());
            plan.extend((0..chosen).rev());
        } else {
            plan.extend((0..chosen).rev());
            plan.extend(chosen + 1..self.at_least.len());
        }
        plan
    }

    /// Counts the need of a routed request; thresholds follow.
    pub fn observe(&mut self, need: f64) {
        if need.is_nan() {
            return;
        }
        let chosen = self.choose(need);
        for (tier, (owed, at_least)) in self.owed.iter_mut().zip(&self.at_least).enumerate() {
            let most = MOST_CORRECTION * at_least * MAKE_GOOD;
            *owed = (*owed + at_least - if chosen >= tier { 1.0 } else { 0.0 }).clamp(-most, most);
        }
        self.sketch.observe(need);
        self.move_thresholds();
    }

    /// Lowers the shares of all tiers but the cheapest to a part of what was asked for, in millionths; what is above a million is one.
    ///
    /// # Example
    /// ```
    /// # fn main() -> tierkit_core::error::Result<()> {
    /// let mut router = tierkit_core::route::ShareRouter::new(&[0.0, 0.4], 0, false)?;
    /// router.scale(500_000);
    /// assert_eq!(router.plan(Some(0.7)), [0, 1]);
    /// assert_eq!(router.plan(Some(0.9)), [1, 0]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scale(&mut self, part_ppm: u32) {
        let part = f64::from(part_ppm.min(super::WHOLE_PPM)) / f64::from(super::WHOLE_PPM);
        for (at_least, asked) in self.at_least.iter_mut().zip(&self.asked).skip(1) {
            *at_least = asked * part;
        }
        // What was owed under another share is bounded by this one's.
        for (owed, at_least) in self.owed.iter_mut().zip(&self.at_least) {
            let most = MOST_CORRECTION * at_least * MAKE_GOOD;
            *owed = owed.clamp(-most, most);
        }
        self.move_thresholds();
    }

    /// Reads what was observed from words that others write too; the shares stay this router's own.
    pub(super) fn read(&mut self, words: Words<'_>, at: Region) {
        self.sketch.read(words, at);
        for (tier, owed) in self.owed.iter_mut().enumerate().take(TIERS) {
            let found = f64::from_bits(words.load(at.at(OWED + tier)));
            *owed = if found.is_finite() { found } else { 0.0 };
        }
        self.move_thresholds();
    }

    /// Writes it.
    pub(super) fn write(&self, tx: &mut Tx<'_>, at: Region) {
        self.sketch.write(tx, at);
        for (tier, owed) in self.owed.iter().enumerate().take(TIERS) {
            tx.store(at.at(OWED + tier), owed.to_bits());
        }
    }

    /// Forgets all that was observed: needs of another model mean something else.
    pub(super) fn forget(&mut self) {
        self.sketch = Sketch::default();
        self.owed.fill(0.0);
        self.move_thresholds();
    }

    /// Part of the traffic that tiers above the cheapest serve when nothing lowers it, in millionths.
    pub fn asked_ppm(&self) -> u32 {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a share in [0, 1]
        let ppm = (self.asked.get(1).copied().unwrap_or(0.0).clamp(0.0, 1.0) * f64::from(super::WHOLE_PPM)) as u32;
        ppm
    }

    /// The need above which a tier is chosen, or None when there is no such tier; 0 for the cheapest.
    pub fn threshold(&self, tier: usize) -> Option<f64> {
        self.thresholds.get(tier).copied()
    }

    /// Number of tiers.
    pub fn tiers(&self) -> usize {
        self.at_least.len()
    }

    /// The strongest tier whose threshold lies below the need. A tie, which is a need in the threshold's own bin, goes to the
    /// cheaper tier unless the stronger one is owed a request: else one prompt sent again and again would break the share.
    fn choose(&self, need: f64) -> usize {
        let above = |tier: usize| {
            let threshold = self.thresholds[tier];
            if Sketch::same_bin(need, threshold) { self.owed[tier] > 0.0 } else { need > threshold }
        };
        let reached = |tier: &usize| self.at_least[*tier] >= 1.0 || (self.at_least[*tier] > 0.0 && above(*tier));
        (1..self.at_least.len()).rev().find(reached).unwrap_or(0)
    }

    fn move_thresholds(&mut self) {
        let mut stronger = f64::INFINITY;
        for (tier, at_least) in self.at_least.iter().enumerate().rev() {
            let aim = at_least + self.owed[tier] / MAKE_GOOD;
            // A share of nothing is reached by no need, not even by one above all others.
            let threshold = if *at_least > 0.0 { self.sketch.quantile(1.0 - aim) } else { f64::INFINITY };
            // Corrections may not let a stronger tier begin below a cheaper one.
            stronger = threshold.min(stronger);
            self.thresholds[tier] = stronger;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Needs that are far from even: the square of a fixed pseudo-random sequence.
    fn traffic(count: usize) -> impl Iterator<Item = f64> {
        let mut state = 7_u64;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let even = f64::from(u32::try_from(state >> 32).unwrap_or(0)) / f64::from(u32::MAX);
            0.2 + 0.5 * even * even
        })
        .take(count)
    }

    #[test]
    fn shares_are_kept_on_stationary_traffic() -> Result<()> {
        for shares in [[0.8, 0.15, 0.05], [0.5, 0.3, 0.2], [0.0, 0.0, 0.2], [0.0, 1.0, 0.0]] {
            let mut router = ShareRouter::new(&shares, 0, false)?;
            let mut served = [0_i32; 3];
            for need in traffic(2_000) {
                served[router.plan(Some(need))[0]] += 1;
                router.observe(need);
            }
            for (tier, wanted) in shares.iter().enumerate().skip(1) {
                let share = f64::from(served[tier]) / 2_000.0;
                assert!((share - wanted).abs() <= 0.02, "tier {tier}: {share} of {wanted}");
            }
        }
        Ok(())
    }

    #[test]
    fn nothing_shared_means_the_cheapest() -> Result<()> {
        let router = ShareRouter::new(&[1.0, 0.0], 0, false)?;
        assert_eq!(router.plan(Some(1.0)), [0, 1]);
        assert_eq!(ShareRouter::new(&[0.0, 1.0], 0, false)?.plan(Some(0.0)), [1, 0]);
        Ok(())
    }

    #[test]
    fn plans_hold_every_tier_once() -> Result<()> {
        for escalate in [false, true] {
            let router = ShareRouter::new(&[0.4, 0.3, 0.2, 0.1], 2, escalate)?;
            for need in [None, Some(f64::NAN), Some(0.0), Some(0.55), Some(1.0)] {
                let mut plan = router.plan(need);
                plan.sort_unstable();
                assert_eq!(plan, [0, 1, 2, 3]);
            }
            assert_eq!(router.plan(None), if escalate { [2, 3, 1, 0] } else { [2, 1, 0, 3] });
        }
        Ok(())
    }

    #[test]
    fn bad_shares_are_refused() {
        for shares in [&[][..], &[0.0, -0.1], &[0.0, 1.1], &[0.0, f64::NAN], &[0.0, 0.6, 0.6]] {
            assert!(ShareRouter::new(shares, 0, false).is_err(), "{shares:?}");
        }
        assert!(ShareRouter::new(&[1.0], 1, false).is_err());
    }
}
