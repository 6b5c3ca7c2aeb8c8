//! A cap on the strong tiers' part of each key's requests that no text can talk its way around.
//!
//! # Invariant
//! Strong requests of one key are at most `burst + share · n` after its `n` requests, for every `n`, whatever the needs say.
//!
//! # Source
//! Confounder prefixes push any prompt to the strong model and transfer between routers (arXiv 2501.01818): the score must not be
//! the guard.

use std::collections::HashMap;

use super::WHOLE_PPM;

/// Keys that are remembered; beyond, the half that was seen longest ago is forgotten.
const MOST_KEYS: usize = 65_536;

/// Credit of each key in millionths of a strong request.
#[derive(Debug, Clone)]
pub struct ShareQuota {
    share_ppm: u64,
    burst_ppm: u64,
    keys: HashMap<Box<str>, Credit>,
    seen: u64,
}

#[derive(Debug, Clone, Copy)]
struct Credit {
    ppm: u64,
    seen: u64,
}

impl ShareQuota {
    /// A quota of `share_ppm` millionths of each key's requests, with `burst` requests ahead of it.
    ///
    /// # Example
    /// ```
    /// let mut quota = tierkit_core::route::ShareQuota::new(500_000, 1);
    /// let granted: Vec<bool> = (0..5).map(|_| quota.ask("ada", true)).collect();
    /// assert_eq!(granted, [true, false, true, false, true]);
    /// ```
    pub fn new(share_ppm: u32, burst: u32) -> Self {
        let burst_ppm = u64::from(burst) * u64::from(WHOLE_PPM);
        Self { share_ppm: u64::from(share_ppm.min(WHOLE_PPM)), burst_ppm, keys: HashMap::new(), seen: 0 }
    }

    /// Counts a request of a key; `strong` asks whether it may go to a strong tier, and takes the credit if so.
    pub fn ask(&mut self, key: &str, strong: bool) -> bool {
        self.seen += 1;
        if self.keys.len() >= MOST_KEYS && !self.keys.contains_key(key) {
            self.forget();
        }
        let (full, seen) = (self.burst_ppm, self.seen);
        let credit = match self.keys.get_mut(key) {
            Some(credit) => credit,
            None => self.keys.entry(key.into()).or_insert(Credit { ppm: full, seen }),
        };
        credit.seen = seen;
        // A whole request is kept even where the burst is none: else a share below one would never add up to it.
        credit.ppm = (credit.ppm + self.share_ppm).min(full.max(u64::from(WHOLE_PPM)));
        let granted = strong && credit.ppm >= u64::from(WHOLE_PPM);
        if granted {
            credit.ppm -= u64::from(WHOLE_PPM);
        }
        granted
    }

    fn forget(&mut self) {
        let mut ages: Vec<u64> = self.keys.values().map(|credit| credit.seen).collect();
        let middle = ages.len() / 2;
        let (_, median, _) = ages.select_nth_unstable(middle);
        let oldest = *median;
        self.keys.retain(|_, credit| credit.seen > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_holds_for_every_count_and_order() {
        for (share, burst) in [(0, 0), (300_000, 5), (333_333, 0), (1_000_000, 1), (10_000, 3)] {
            let mut state = 7_u64;
            let mut quota = ShareQuota::new(share, burst);
            let mut strong = 0_u64;
            for n in 1..=5_000_u64 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                strong += u64::from(quota.ask("mallory", n < 1_000 || state >> 63 == 0));
                let most = u64::from(burst) * 1_000_000 + u64::from(share) * n;
                assert!(strong * 1_000_000 <= most, "{strong} of {n} at {share}");
            }
        }
    }

    #[test]
    fn keys_do_not_share_and_are_bounded() {
        let mut quota = ShareQuota::new(0, 1);
        for key in 0..200_000_u32 {
            assert!(quota.ask(&key.to_string(), true));
        }
        assert!(quota.keys.len() <= MOST_KEYS);
        assert!(!quota.ask("199999", true));
    }
}
