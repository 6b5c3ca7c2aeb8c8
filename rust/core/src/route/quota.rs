//! Caps on the strong tiers' part of each key's requests and money that no text can talk its way around.
//!
//! # Invariant
//! Strong requests of one key are at most `burst + share · n` after its `n` requests, for every `n`, whatever the needs say.
//! Strong money is at most `burst + share · all its money`, as settled, and beyond it by what answers cost above their ceilings.
//!
//! # Source
//! Confounder prefixes push any prompt to the strong model and transfer between routers (arXiv 2501.01818): the score must not be
//! the guard.

use super::WHOLE_PPM;

/// A cap on requests: a share, and how many requests may go ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareQuota {
    share_ppm: u64,
    burst_ppm: u64,
}

impl ShareQuota {
    /// A quota of `share_ppm` millionths of each key's requests, with `burst` requests ahead of it.
    ///
    /// # Example
    /// ```
    /// let quota = tierkit_core::route::ShareQuota::new(500_000, 1);
    /// let mut credit = quota.full();
    /// let granted: Vec<bool> = (0..5).map(|_| quota.ask(&mut credit, true)).collect();
    /// assert_eq!(granted, [true, false, true, false, true]);
    /// ```
    pub fn new(share_ppm: u32, burst: u32) -> Self {
        Self { share_ppm: u64::from(share_ppm.min(WHOLE_PPM)), burst_ppm: u64::from(burst) * u64::from(WHOLE_PPM) }
    }

    /// The credit of a key that was never seen, in millionths of a request.
    pub fn full(&self) -> u64 {
        self.burst_ppm
    }

    /// Counts a request of a key; `strong` asks whether it may go to a strong tier, and takes the credit if so.
    pub fn ask(&self, credit_ppm: &mut u64, strong: bool) -> bool {
        let whole = u64::from(WHOLE_PPM);
        // A whole request is kept even where the burst is none: else a share below one would never add up to it.
        *credit_ppm = credit_ppm.saturating_add(self.share_ppm).min(self.burst_ppm.max(whole));
        let granted = strong && *credit_ppm >= whole;
        if granted {
            *credit_ppm -= whole;
        }
        granted
    }
}

/// A cap on money: a share of what the key spends in all, and how many nano-USD may go ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoneyQuota {
    share_ppm: i128,
    burst_nusd: i64,
}

impl MoneyQuota {
    /// A quota of `share_ppm` millionths of each key's money, with `burst_nusd` ahead of it.
    ///
    /// # Example
    /// ```
    /// let quota = tierkit_core::route::MoneyQuota::new(500_000, 1_000);
    /// let mut credit = quota.full();
    /// let held = quota.hold(&mut credit, 1_500);
    /// assert_eq!((held, credit), (Some(750), 250));
    /// assert_eq!(quota.hold(&mut credit, 1_000), None);
    /// quota.settle(&mut credit, 750, true, 600);
    /// assert_eq!(credit, 700);
    /// ```
    pub fn new(share_ppm: u32, burst_nusd: i64) -> Self {
        Self { share_ppm: i128::from(share_ppm.min(WHOLE_PPM)), burst_nusd: burst_nusd.max(0) }
    }

    /// The credit of a key that was never seen, in nano-USD.
    pub fn full(&self) -> i64 {
        self.burst_nusd
    }

    /// Holds what a strong request may take of the credit; None when the credit is too small.
    ///
    /// Its own cost counts to the key's money too, so it takes only the part that the share does not pay.
    pub fn hold(&self, credit_nusd: &mut i64, ceiling_nusd: i64) -> Option<i64> {
        let held = self.unpaid(ceiling_nusd);
        let left = credit_nusd.checked_sub(held).filter(|left| *left >= 0)?;
        *credit_nusd = left;
        Some(held)
    }

    /// Gives a hold back and books what the request cost.
    pub fn settle(&self, credit_nusd: &mut i64, held_nusd: i64, strong: bool, cost_nusd: i64) {
        let cost = cost_nusd.max(0);
        let change = if strong { -i128::from(self.unpaid(cost)) } else { i128::from(cost) * self.share_ppm / Self::WHOLE };
        let credit = i128::from(*credit_nusd) + i128::from(held_nusd) + change;
        *credit_nusd = i64::try_from(credit.min(i128::from(self.burst_nusd))).unwrap_or(i64::MIN);
    }

    const WHOLE: i128 = WHOLE_PPM as i128;

    /// The part of a strong cost that the share does not pay, rounded up.
    fn unpaid(&self, nusd: i64) -> i64 {
        let part = i128::from(nusd.max(0)) * (Self::WHOLE - self.share_ppm) + (Self::WHOLE - 1);
        i64::try_from(part / Self::WHOLE).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *state >> 33
    }

    #[test]
    fn the_bound_holds_for_every_count_and_order() {
        for (share, burst) in [(0, 0), (300_000, 5), (333_333, 0), (1_000_000, 1), (10_000, 3)] {
            let (mut state, quota) = (7_u64, ShareQuota::new(share, burst));
            let (mut strong, mut credit) = (0_u64, quota.full());
            for n in 1..=5_000_u64 {
                strong += u64::from(quota.ask(&mut credit, n < 1_000 || chance(&mut state).is_multiple_of(2)));
                let most = u64::from(burst) * 1_000_000 + u64::from(share) * n;
                assert!(strong * 1_000_000 <= most, "{strong} of {n} at {share}");
            }
        }
    }

    #[test]
    fn money_stays_below_its_share_with_any_number_in_flight() {
        for (share, burst) in [(0, 0), (300_000, 50_000), (900_000, 1), (1_000_000, 0)] {
            let (mut state, quota) = (3_u64, MoneyQuota::new(share, burst));
            let (mut credit, mut strong, mut all) = (quota.full(), 0_i128, 0_i128);
            let mut flying: Vec<(i64, bool, i64)> = Vec::new();
            for n in 0..20_000_u64 {
                let ceiling = i64::try_from(chance(&mut state) % 20_000).unwrap_or(0);
                let used = ceiling * i64::try_from(chance(&mut state) % 101).unwrap_or(0) / 100;
                match quota.hold(&mut credit, ceiling) {
                    Some(held) => flying.push((held, true, used)),
                    None => flying.push((0, false, used / 20)),
                }
                while flying.len() > usize::try_from(n % 30).unwrap_or(0) {
                    let (held, is_strong, used) =
                        flying.swap_remove(usize::try_from(chance(&mut state)).unwrap_or(0) % flying.len());
                    quota.settle(&mut credit, held, is_strong, used);
                    all += i128::from(used);
                    strong += if is_strong { i128::from(used) } else { 0 };
                    // Each rounding goes against the strong tier; what is in flight is on hold.
                    assert!((strong - i128::from(burst)) * 1_000_000 <= all * i128::from(share), "{strong} of {all}");
                }
            }
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let quota = MoneyQuota::new(1_000_000, i64::MAX);
        let mut credit = quota.full();
        assert_eq!(quota.hold(&mut credit, i64::MAX), Some(0));
        quota.settle(&mut credit, i64::MAX, false, i64::MAX);
        assert_eq!(credit, i64::MAX);
        let quota = MoneyQuota::new(0, 0);
        let mut credit = i64::MIN;
        assert_eq!(quota.hold(&mut credit, 1), None);
        quota.settle(&mut credit, 0, true, i64::MAX);
        assert_eq!(credit, i64::MIN);
    }
}
