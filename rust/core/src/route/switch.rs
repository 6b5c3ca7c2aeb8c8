//! What it costs that a session changes its tier: the prompt cache that it leaves, and the one that it must write.
//!
//! # Source
//! With L cached tokens, H turns to come, u new input and v output tokens per turn, from tier a to tier b:
//! `ΔC = L(w_b − r_a) + (H − 1)·L(r_b − r_a) + H[u(i_b − i_a) + v(o_b − o_a)]`; r, w, i, o are prices of cache reads, cache
//! writes, input and output. A change is worth it if `H · gain ≥ λ · ΔC`, λ being the gain per USD at the margin of the shares.

/// Turns that are expected at most.
pub const MOST_TURNS: u32 = 20;

/// What tokens cost on one tier, in pico-USD per token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenPrices {
    /// Input read from the prompt cache.
    pub read: i64,
    /// Input written to it.
    pub write: i64,
    /// Input that no cache touched.
    pub input: i64,
    /// Output.
    pub output: i64,
}

/// The tokens of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Talk {
    /// Tokens that the present tier has cached.
    pub cached: u32,
    /// New input tokens per turn.
    pub fresh: u32,
    /// Output tokens per turn.
    pub output: u32,
    /// Turns to come, this one included.
    pub turns: u32,
}

/// What it is worth: all in millionths of quality and nano-USD.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worth {
    /// Expected gain of the strong tier on this request.
    pub gain_ppm: u32,
    /// Gain of the request that the shares only just serve with the strong tier.
    pub margin_ppm: u32,
    /// What such a request costs more there.
    pub extra_nusd: i64,
}

/// The extra cost of going from one tier to another for the turns to come, in pico-USD.
///
/// # Example
/// ```
/// use tierkit_core::route::{Talk, TokenPrices, switch_cost_pusd};
/// let small = TokenPrices { read: 10, write: 125, input: 100, output: 400 };
/// let large = TokenPrices { read: 200, write: 2_500, input: 2_000, output: 8_000 };
/// let talk = Talk { cached: 10_000, fresh: 100, output: 200, turns: 5 };
/// // 10,000 × (2,500 − 10) + 4 × 10,000 × (200 − 10) + 5 × (100 × 1,900 + 200 × 7,600)
/// assert_eq!(switch_cost_pusd(talk, small, large), 24_900_000 + 7_600_000 + 8_550_000);
/// ```
pub fn switch_cost_pusd(talk: Talk, from: TokenPrices, to: TokenPrices) -> i128 {
    let [cached, fresh, output] = [talk.cached, talk.fresh, talk.output].map(i128::from);
    let turns = i128::from(talk.turns.clamp(1, MOST_TURNS));
    let apart = |to: i64, from: i64| i128::from(to) - i128::from(from);
    // Tokens below 2^32, turns below 2^5, prices below 2^63: each product is below 2^101.
    cached * apart(to.write, from.read)
        + (turns - 1) * cached * apart(to.read, from.read)
        + turns * (fresh * apart(to.input, from.input) + output * apart(to.output, from.output))
}

/// Whether a change of that cost is worth its gain over the turns to come; cross-multiplied, so nothing is rounded.
///
/// # Example
/// ```
/// use tierkit_core::route::{Worth, is_worth};
/// // At the margin a gain of 0.2 costs 1,000 nano-USD more: 0.3 is worth up to 1,500 a turn.
/// let worth = Worth { gain_ppm: 300_000, margin_ppm: 200_000, extra_nusd: 1_000 };
/// assert!(is_worth(worth, 1, 1_500_000));
/// assert!(!is_worth(worth, 1, 1_500_001));
/// assert!(is_worth(worth, 2, 3_000_000));
/// ```
pub fn is_worth(worth: Worth, turns: u32, cost_pusd: i128) -> bool {
    let turns = i128::from(turns.clamp(1, MOST_TURNS));
    let gained = turns * i128::from(worth.gain_ppm) * i128::from(worth.extra_nusd.max(0)) * 1_000;
    cost_pusd <= 0 || gained >= i128::from(worth.margin_ppm).saturating_mul(cost_pusd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formula_is_the_difference_of_two_bills() {
        let small = TokenPrices { read: 7, write: 90, input: 70, output: 300 };
        let large = TokenPrices { read: 150, write: 1_900, input: 1_500, output: 6_000 };
        for turns in 1..=MOST_TURNS {
            let talk = Talk { cached: 8_000, fresh: 321, output: 77, turns };
            let stay = i128::from(turns) * (8_000 * 7 + 321 * 70 + 77 * 300);
            let go = 8_000 * 1_900 + i128::from(turns - 1) * 8_000 * 150 + i128::from(turns) * (321 * 1_500 + 77 * 6_000);
            assert_eq!(switch_cost_pusd(talk, small, large), go - stay);
        }
    }

    #[test]
    fn a_longer_cache_is_dearer_to_leave_and_extremes_hold() {
        let prices = TokenPrices { read: 0, write: i64::MAX, input: i64::MAX, output: i64::MAX };
        let talk = Talk { cached: u32::MAX, fresh: u32::MAX, output: u32::MAX, turns: u32::MAX };
        let cost = switch_cost_pusd(talk, TokenPrices::default(), prices);
        assert!(cost > 0);
        assert!(!is_worth(Worth { gain_ppm: 1_000_000, margin_ppm: 1_000_000, extra_nusd: 1 }, 20, cost));
        assert!(is_worth(Worth::default(), 1, -1));
    }
}
