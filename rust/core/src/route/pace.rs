//! How much of the traffic a budget can pay the strong tier for until its period ends.
//!
//! # Invariant
//! Time and money are integer arguments; nothing is integrated, so nothing can wind up or oscillate: the share is what the money
//! that is left pays for, shared evenly among the requests that are still expected.
//!
//! # Source
//! `docs/concepts/routing.md`, "The pace of a budget". With spare money `y` and a true extra cost of `r` times the estimated one,
//! `dy/dτ = r·y/τ` over the traffic τ to come, so `y = y₀·(τ/τ₀)^r`: above zero until the end, without overshoot.

use crate::segment::{Region, Tx, Words};

/// Parts into which a period is cut to count requests.
const SLOTS: usize = 64;

/// Newest parts whose rate counts as much as that of the whole period.
const RECENT: usize = 8;

/// Requests of at least this part of a period are expected until its very end: what is left is not thrown at the last ones.
const FLOOR: u128 = 100;

/// Requests after which a cost counts half: one part in 370 of every new one is taken.
const COST_STEP: i128 = 370;

/// One share is a million.
pub const WHOLE_PPM: u32 = 1_000_000;

/// Counts are kept in millionths of a request, costs in 1/2^16 nano-USD.
const MILLION: u128 = 1_000_000;
const FINE: u32 = 16;

/// Places of the counts among the words of a pace.
const COUNTS: usize = 16;
const BEFORE: usize = COUNTS + SLOTS;

/// The pace of one budget in its period.
#[derive(Debug, Clone)]
pub struct Pace {
    start_ns: i64,
    end_ns: i64,
    counts: [u64; SLOTS],
    /// The counts of the whole period before this one.
    before: Option<[u64; SLOTS]>,
    cheap: Option<i128>,
    strong: Option<i128>,
}

impl Pace {
    /// A pace for the period `[start_ns, end_ns)`.
    pub fn new(start_ns: i64, end_ns: i64) -> Self {
        Self { start_ns, end_ns, counts: [0; SLOTS], before: None, cheap: None, strong: None }
    }

    /// Goes on to another period; the traffic of a whole one before it becomes the forecast.
    ///
    /// A period that is over is not entered again, whoever comes late with it; one that has begun may turn out longer or shorter.
    pub fn enter(&mut self, start_ns: i64, end_ns: i64) {
        if start_ns <= self.start_ns && self.end_ns > self.start_ns {
            if start_ns == self.start_ns {
                self.end_ns = end_ns;
            }
            return;
        }
        // A period that was joined late is no forecast for a whole one.
        let whole = self.counts.first().is_some_and(|first| *first > 0);
        self.before = if start_ns == self.end_ns && whole { Some(self.counts) } else { None };
        self.counts = [0; SLOTS];
        (self.start_ns, self.end_ns) = (start_ns, end_ns);
    }

    /// Reads a pace from words that others write too; zeros are one without a period.
    pub(super) fn read(words: Words<'_>, at: Region) -> Self {
        let word = |place: usize| words.load(at.at(place));
        let cost = |place: usize| {
            let found = i128::from(word(place)) | i128::from(word(place + 1).cast_signed()) << 64;
            (word(place + 2) != 0).then_some(found)
        };
        Self {
            start_ns: word(0).cast_signed(),
            end_ns: word(1).cast_signed(),
            cheap: cost(2),
            strong: cost(5),
            before: (word(8) != 0).then(|| std::array::from_fn(|slot| word(BEFORE + slot))),
            counts: std::array::from_fn(|slot| word(COUNTS + slot)),
        }
    }

    /// Writes it; what is as it was costs nothing.
    pub(super) fn write(&self, tx: &mut Tx<'_>, at: Region) {
        let mut store = |place: usize, value: u64| tx.store(at.at(place), value);
        store(0, self.start_ns.cast_unsigned());
        store(1, self.end_ns.cast_unsigned());
        for (place, cost) in [(2, self.cheap), (5, self.strong)] {
            let value = cost.unwrap_or(0);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the two halves
            let halves = (value as u64, (value >> 64) as u64);
            store(place, halves.0);
            store(place + 1, halves.1);
            store(place + 2, u64::from(cost.is_some()));
        }
        store(8, u64::from(self.before.is_some()));
        for (slot, count) in self.counts.iter().enumerate() {
            store(COUNTS + slot, *count);
        }
        for (slot, count) in self.before.iter().flatten().enumerate() {
            store(BEFORE + slot, *count);
        }
    }

    /// Whether a period was entered.
    pub fn has_begun(&self) -> bool {
        self.end_ns > self.start_ns
    }

    /// What a request costs more on the strong tier than on the cheap one, in nano-USD; None before a first cost is known.
    pub fn extra_nusd(&self) -> Option<i64> {
        let extra = (self.strong? - self.cheap?) >> FINE;
        i64::try_from(extra).ok()
    }

    /// Counts a request that came at `now_ns`.
    pub fn arrived(&mut self, now_ns: i64) {
        let slot = self.place(now_ns).0;
        if let Some(count) = self.counts.get_mut(slot) {
            *count = count.saturating_add(1);
        }
    }

    /// Learns what a request costs on the cheap and on the strong tier, in nano-USD.
    pub fn settled(&mut self, cheap_nusd: i64, strong_nusd: i64) {
        for (mean, nusd) in [(&mut self.cheap, cheap_nusd), (&mut self.strong, strong_nusd)] {
            let cost = i128::from(nusd.max(0)) << FINE;
            *mean = Some(mean.map_or(cost, |mean| mean + (cost - mean) / COST_STEP));
        }
    }

    /// The share of requests that the strong tier may serve from `now_ns` on, in millionths, if `left_nusd` are left.
    ///
    /// `most_ppm` bounds it. The cheap tier of all expected requests is paid first. Before a first cost is known: `most_ppm`.
    ///
    /// # Example
    /// ```
    /// let mut pace = tierkit_core::route::Pace::new(0, 64_000);
    /// for at in 0..32_000 {
    ///     pace.arrived(at);
    ///     pace.settled(1_000, 21_000);
    /// }
    /// // 32,000 requests are to come: 32 mUSD for the cheap tier, and 20 mUSD per thousand of the strong one.
    /// assert!(pace.share_ppm(32_000, 32_000_000 + 64_000_000, 1_000_000).abs_diff(100_000) < 200);
    /// ```
    pub fn share_ppm(&self, now_ns: i64, left_nusd: i64, most_ppm: u32) -> u32 {
        let (Some(cheap), Some(strong)) = (self.cheap, self.strong) else { return most_ppm };
        let extra = strong - cheap;
        if extra <= 0 {
            return most_ppm;
        }
        let [likely, most] = self.to_come(now_ns).map(|count| i128::try_from(count).unwrap_or(i128::MAX >> 64).max(1));
        // nano-USD x 2^16 x a million: below 2^63 x 2^16 x 2^20 = 2^99.
        let money = (i128::from(left_nusd) << FINE).saturating_mul(MILLION.cast_signed());
        let spare = money.saturating_sub(most.saturating_mul(cheap));
        let share = spare.max(0).saturating_div((likely.saturating_mul(extra) / i128::from(WHOLE_PPM)).max(1));
        u32::try_from(share).unwrap_or(u32::MAX).min(most_ppm)
    }

    /// Requests that are expected from `now_ns` until the end, and how many there may be, in millionths of a request.
    ///
    /// By the period before, scaled to this one's traffic, once there is one; else by the rates of this period and of its newest
    /// eighth: their mean is expected, the higher one may come.
    pub fn to_come(&self, now_ns: i64) -> [u128; 2] {
        let (slot, inside) = self.place(now_ns);
        let until = slot as u128 * MILLION + inside;
        let left = (SLOTS as u128 * MILLION - until).max(SLOTS as u128 * MILLION / FLOOR);
        let total: u128 = sum(&self.counts, 0, slot + 1);
        if let Some(before) = &self.before {
            let same: u128 = sum(before, 0, slot) * MILLION + u128::from(before[slot]) * inside;
            let all: u128 = sum(before, 0, SLOTS) * MILLION;
            let rest = (all - same).max(all / FLOOR);
            // As if an eighth of such a period had been seen already: the first requests do not scale the whole of it.
            return [rest.saturating_mul(total * MILLION + all / 8) / (same + all / 8).max(1); 2];
        }
        let first = slot.saturating_sub(RECENT);
        let rate = |count: u128, span: u128| count * MILLION * left / span.max(MILLION / 4);
        let whole = rate(total, until);
        let recent = rate(sum(&self.counts, first, slot + 1), until - first as u128 * MILLION);
        [u128::midpoint(whole, recent), whole.max(recent)]
    }

    /// The slot of a time, and how far into it, in millionths; times outside of the period count at its nearer end.
    fn place(&self, now_ns: i64) -> (usize, u128) {
        let length = u128::try_from(i128::from(self.end_ns) - i128::from(self.start_ns)).unwrap_or(0).max(1);
        let since = u128::try_from(i128::from(now_ns) - i128::from(self.start_ns)).unwrap_or(0).min(length - 1);
        let place = since * SLOTS as u128 * MILLION / length;
        (usize::try_from(place / MILLION).unwrap_or(SLOTS - 1).min(SLOTS - 1), place % MILLION)
    }
}

/// Requests in the slots `[from, to)`.
fn sum(counts: &[u64; SLOTS], from: usize, to: usize) -> u128 {
    counts.iter().take(to).skip(from).map(|count| u128::from(*count)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: i64 = 3_600_000_000_000;

    /// Runs a period whose requests come at `times` (sorted), each 1,000 nano-USD on the cheap and `strong` on the strong tier,
    /// while the pace believes in `believed`. Gives what is left at the end and the shares.
    fn spend(pace: &mut Pace, times: &[i64], budget: i64, strong: i64, believed: i64) -> (i64, Vec<u32>) {
        let (mut left, mut credit, mut shares) = (budget, 0_u64, Vec::new());
        for now in times {
            pace.arrived(*now);
            pace.settled(1_000, believed);
            let share = pace.share_ppm(*now, left, WHOLE_PPM);
            credit += u64::from(share);
            let served = credit >= u64::from(WHOLE_PPM);
            credit -= if served { u64::from(WHOLE_PPM) } else { 0 };
            left -= if served { strong } else { 1_000 };
            shares.push(share);
        }
        (left, shares)
    }

    fn even(count: i64) -> Vec<i64> {
        (0..count).map(|at| PERIOD / count * at).collect()
    }

    #[test]
    fn even_traffic_is_paid_evenly_to_the_end() {
        let budget = 10_000 * 1_000 + 2_500 * 19_000;
        let (left, shares) = spend(&mut Pace::new(0, PERIOD), &even(10_000), budget, 20_000, 20_000);
        assert!(left >= 0 && left < budget / 50, "{left} of {budget}");
        let (low, high) = shares[1_000..9_000].iter().fold((u32::MAX, 0), |(low, high), one| (low.min(*one), high.max(*one)));
        assert!(low > 230_000 && high < 270_000, "{low} to {high}");
    }

    #[test]
    fn wrong_costs_and_traffic_that_swells_or_fades_never_run_dry() {
        let swelling: Vec<i64> = (0..8_000_i64).map(|at| (at * 8_000).isqrt() * (PERIOD / 8_000)).collect();
        let fading: Vec<i64> = swelling.iter().rev().map(|at| PERIOD - 1 - at).collect();
        for (times, believed, least) in
            [(even(8_000), 14_000, 95), (even(8_000), 28_000, 95), (swelling, 20_000, 95), (fading, 20_000, 75)]
        {
            let budget = 8_000 * 1_000 + 2_000 * 19_000;
            let (left, _) = spend(&mut Pace::new(0, PERIOD), &times, budget, 20_000, believed);
            assert!(left >= 0 && left < budget / 100 * (100 - least), "{left} of {budget}, believed {believed}");
        }
    }

    #[test]
    fn the_period_before_is_the_forecast() {
        let mut pace = Pace::new(0, PERIOD);
        // All traffic comes in the second half.
        let late: Vec<i64> = even(4_000).into_iter().map(|at| at / 2 + PERIOD / 2).collect();
        pace.arrived(1);
        for at in late {
            pace.arrived(at);
        }
        pace.enter(PERIOD, 2 * PERIOD);
        pace.arrived(PERIOD + 1);
        let expected = pace.to_come(PERIOD + PERIOD / 2)[0] / MILLION;
        assert!((3_900..4_100).contains(&expected), "{expected}");
    }

    #[test]
    fn a_period_that_is_over_is_not_entered_again() {
        let mut pace = Pace::new(0, PERIOD);
        (0..100).for_each(|_| pace.arrived(1));
        pace.enter(PERIOD, 2 * PERIOD);
        pace.arrived(PERIOD + 1);
        let known = pace.clone();
        pace.enter(0, PERIOD);
        assert_eq!(format!("{pace:?}"), format!("{known:?}"));
        pace.enter(PERIOD, 3 * PERIOD);
        assert_eq!((pace.counts[0], pace.end_ns), (1, 3 * PERIOD), "a longer month forgets nothing");
    }

    #[test]
    fn words_hold_a_pace() -> crate::error::Result<()> {
        let own = crate::route::board::OwnBoard::new([0; 32]);
        let mut pace = Pace::new(0, PERIOD);
        (0..100).for_each(|at| pace.arrived(at * PERIOD / 100));
        pace.enter(PERIOD, 2 * PERIOD);
        pace.settled(i64::MAX, 3);
        let mut tx = Tx::begin(crate::segment::Memory::view(&own.words), own.log)?;
        pace.write(&mut tx, own.board.pace);
        tx.commit()?;
        let found = Pace::read(crate::segment::Memory::view(&own.words), own.board.pace);
        assert_eq!(format!("{pace:?}"), format!("{found:?}"));
        Ok(())
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut pace = Pace::new(i64::MIN, i64::MAX);
        assert_eq!(pace.share_ppm(0, i64::MAX, 300_000), 300_000);
        for at in [i64::MIN, -1, 0, i64::MAX] {
            pace.arrived(at);
            pace.settled(0, i64::MAX);
            assert!(pace.share_ppm(at, i64::MAX, WHOLE_PPM) <= WHOLE_PPM);
            assert_eq!(pace.share_ppm(at, i64::MIN, WHOLE_PPM), 0);
        }
        let mut pace = Pace::new(5, 5);
        pace.arrived(5);
        pace.settled(7, 3);
        assert_eq!(pace.share_ppm(5, 0, 400_000), 400_000);
    }
}
