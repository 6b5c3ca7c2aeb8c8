//! The distribution of `need` on the own traffic, in 256 integer bins that forget.

use crate::segment::{Region, Tx, Words};

/// Bins over [0, 1].
const BINS: usize = 256;

/// Requests after which an observation counts half.
///
/// # Source
/// A target of the routing design: a day of 10,000 requests moves half of the weight.
const HALF_LIFE: usize = 10_000;

/// Own requests that weigh as much as what is known from training.
///
/// # Source
/// For exchangeable traffic the own quantile keeps a share without bias from the first request on (error at most 1/(n+1)); the
/// prior only calms the first requests. `n^2 / (n^2 + 20^2)` keeps 2,000 requests within 2 points for any distribution of needs;
/// `n / (n + 200)` was up to 5 points off when the traffic is easier than the training set.
const COLD_START: u64 = 20;

/// Steps of the weight within one half-life.
const STEPS: usize = 64;

/// Weight of an observation at the beginning of a half-life; it doubles until the end, when all bins are halved.
const UNIT: u64 = 1 << 32;

/// Counts of observed needs.
///
/// # Invariant
/// `mass` is the sum of the bins; newer observations weigh more, and every half-life all of them are halved, so nothing overflows.
#[derive(Debug, Clone)]
pub struct Sketch {
    bins: [u64; BINS],
    mass: u64,
    seen: u64,
    weights: [u64; STEPS],
}

impl Default for Sketch {
    fn default() -> Self {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 2^32 to 2^33
        let weights = std::array::from_fn(|step| (UNIT as f64 * (step as f64 / STEPS as f64).exp2()) as u64);
        Self { bins: [0; BINS], mass: 0, seen: 0, weights }
    }
}

impl Sketch {
    /// Counts one need; what is not in [0, 1] counts at the nearer end, and NaN not at all.
    pub fn observe(&mut self, need: f64) {
        if need.is_nan() {
            return;
        }
        #[allow(clippy::cast_possible_truncation)] // below the half-life
        let place = (self.seen % HALF_LIFE as u64) as usize;
        if place == 0 && self.seen > 0 {
            self.halve();
        }
        let weight = self.weights[place * STEPS / HALF_LIFE];
        let bin = &mut self.bins[bin_of(need)];
        *bin = bin.saturating_add(weight);
        self.mass = self.mass.saturating_add(weight);
        self.seen = self.seen.saturating_add(1);
    }

    /// The need below which a part of the traffic lies.
    ///
    /// The own traffic weighs `n^2 / (n^2 + 20^2)` after `n` requests; the rest is even, since a need is a rank of the training set.
    pub fn quantile(&self, part: f64) -> f64 {
        let part = part.clamp(0.0, 1.0);
        #[allow(clippy::cast_precision_loss)] // shares, to 52 bits
        let (own, per_unit) = {
            let (seen, cold) = (self.seen as f64, COLD_START as f64);
            let own = seen * seen / (seen * seen + cold * cold);
            (own, if self.mass == 0 { 0.0 } else { own / self.mass as f64 })
        };
        let even = (1.0 - own) / 256.0;
        let mut below = 0.0;
        let mut edge = 0.0;
        for bin in &self.bins {
            #[allow(clippy::cast_precision_loss)] // as above
            let inside = even + *bin as f64 * per_unit;
            if below + inside >= part {
                return edge + (part - below).max(0.0) / inside / 256.0;
            }
            below += inside;
            edge += 1.0 / 256.0;
        }
        1.0
    }

    /// Whether two needs cannot be told apart.
    pub fn same_bin(one: f64, other: f64) -> bool {
        bin_of(one) == bin_of(other)
    }

    /// Reads the counts from words: mass, number seen, then the bins.
    pub(super) fn read(&mut self, words: Words<'_>, at: Region) {
        self.mass = words.load(at.at(0));
        self.seen = words.load(at.at(1));
        for (place, bin) in self.bins.iter_mut().enumerate() {
            *bin = words.load(at.at(place + 2));
        }
    }

    /// Writes them; what is as it was costs nothing.
    pub(super) fn write(&self, tx: &mut Tx<'_>, at: Region) {
        tx.store(at.at(0), self.mass);
        tx.store(at.at(1), self.seen);
        for (place, bin) in self.bins.iter().enumerate() {
            tx.store(at.at(place + 2), *bin);
        }
    }

    /// Requests observed since the beginning.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    fn halve(&mut self) {
        self.mass = 0;
        for bin in &mut self.bins {
            *bin /= 2;
            self.mass = self.mass.saturating_add(*bin);
        }
    }
}

/// The bin of a need; what is not in [0, 1] belongs to the nearer end.
fn bin_of(need: f64) -> usize {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // held inside the bins
    let bin = (need.clamp(0.0, 1.0) * 256.0) as usize;
    bin.min(BINS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cold_quantiles_are_even() {
        let sketch = Sketch::default();
        for part in [0.0, 0.25, 0.8, 1.0] {
            assert!((sketch.quantile(part) - part).abs() < 1e-9);
        }
    }

    #[test]
    fn own_traffic_takes_over_and_is_forgotten() {
        let mut sketch = Sketch::default();
        for at in 0..20_000_u32 {
            sketch.observe(f64::from(at % 100) / 1000.0);
        }
        let early = sketch.quantile(0.5);
        assert!((early - 0.05).abs() < 0.01, "{early}");
        for _ in 0..30_000 {
            sketch.observe(0.9);
        }
        assert!((sketch.quantile(0.6) - 0.9).abs() < 0.01);
        // After three half-lives a tenth of the weight is left with the first 20,000.
        assert!(sketch.quantile(0.08) < 0.1 && sketch.quantile(0.12) > 0.8);
    }

    #[test]
    fn odd_needs_do_no_harm() {
        let mut sketch = Sketch::default();
        for need in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 2.0] {
            sketch.observe(need);
        }
        assert_eq!(sketch.seen(), 4);
        assert!((0.0..=1.0).contains(&sketch.quantile(0.5)));
    }
}
