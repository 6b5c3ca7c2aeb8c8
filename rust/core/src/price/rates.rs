//! The prices of the kinds of token, and their sum over a usage.

use super::usage::Usage;
use crate::error::{Error, Result};

/// Pico-USD per token of each kind; `None` where the source lists no price.
///
/// # Invariant
/// No price is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Input that no cache touched.
    pub input: i64,
    /// Output, reasoning included; `None` for models without output, such as embeddings.
    pub output: Option<i64>,
    /// Input read from the provider's cache; `None` bills it as plain input.
    pub cache_read: Option<i64>,
    /// Input written to the cache for five minutes, or for the only lifetime that the provider has.
    pub cache_write_5m: Option<i64>,
    /// Input written to the cache for one hour.
    pub cache_write_1h: Option<i64>,
}

impl Rates {
    /// Refuses negative prices.
    ///
    /// # Errors
    /// `Config` with the kind and the value.
    pub fn check(&self) -> Result<()> {
        for (kind, price) in self.named() {
            if price.is_some_and(|price| price < 0) {
                let seen = price.unwrap_or_default();
                return Err(Error::config(format!("price of {kind} tokens {seen} pico-USD per token: expected 0 or more")));
            }
        }
        Ok(())
    }

    /// Each kind with its price.
    pub fn named(&self) -> [(&'static str, Option<i64>); 5] {
        [
            ("input", Some(self.input)),
            ("output", self.output),
            ("cache_read", self.cache_read),
            ("cache_write_5m", self.cache_write_5m),
            ("cache_write_1h", self.cache_write_1h),
        ]
    }

    /// What a cache read costs: a provider that lists no discount bills plain input.
    fn read(&self) -> i64 {
        self.cache_read.unwrap_or(self.input)
    }

    /// What cache writes cost. A provider that lists no price for any write bills plain input; where it lists one lifetime
    /// and not the other, the other is unknown.
    fn writes(&self) -> (Option<i64>, Option<i64>) {
        match (self.cache_write_5m, self.cache_write_1h) {
            (None, None) => (Some(self.input), Some(self.input)),
            listed => listed,
        }
    }

    /// `Σ tokens × price` over the disjoint parts of a usage in pico-USD, or the kind whose price is missing.
    pub fn cost_pusd(&self, usage: &Usage) -> std::result::Result<i128, &'static str> {
        let (write_5m, write_1h) = self.writes();
        let parts = [
            ("input", usage.uncached_tokens(), Some(self.input)),
            ("cache_read", usage.cache_read_tokens, Some(self.read())),
            ("cache_write_5m", usage.cache_write_5m_tokens, write_5m),
            ("cache_write_1h", usage.cache_write_1h_tokens, write_1h),
            ("output", usage.output_tokens, self.output),
        ];
        let mut sum: i128 = 0;
        for (kind, tokens, price) in parts {
            if tokens > 0 {
                // At most 5 × 2^40 × 2^63: far inside i128.
                sum += i128::from(tokens) * i128::from(price.ok_or(kind)?);
            }
        }
        Ok(sum)
    }

    /// The dearest price of one input token, with or without cache writes.
    pub fn dearest_input(&self, cache_writes: bool) -> i64 {
        let plain = self.input.max(self.read());
        let (write_5m, write_1h) = self.writes();
        if cache_writes { plain.max(write_5m.unwrap_or(0)).max(write_1h.unwrap_or(0)) } else { plain }
    }

    /// The most that a call within these bounds can cost in pico-USD, or the kind whose price is missing.
    pub fn ceiling_pusd(&self, input: u64, output: u64, cache_writes: bool) -> std::result::Result<i128, &'static str> {
        let output_price = if output > 0 { self.output.ok_or("output")? } else { 0 };
        Ok(i128::from(input) * i128::from(self.dearest_input(cache_writes)) + i128::from(output) * i128::from(output_price))
    }

    /// For each kind the dearer of two prices.
    #[must_use]
    pub fn dearer(&self, other: &Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cache_read: self.cache_read.max(other.cache_read),
            cache_write_5m: self.cache_write_5m.max(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.max(other.cache_write_1h),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAUDE: Rates = Rates {
        input: 3_000_000,
        output: Some(15_000_000),
        cache_read: Some(300_000),
        cache_write_5m: Some(3_750_000),
        cache_write_1h: Some(6_000_000),
    };

    #[test]
    fn parts_are_disjoint() {
        let usage = Usage {
            input_tokens: 1000,
            output_tokens: 10,
            cache_read_tokens: 700,
            cache_write_5m_tokens: 100,
            cache_write_1h_tokens: 50,
            reasoning_tokens: 4,
        };
        let wanted = 150 * 3_000_000 + 700 * 300_000 + 100 * 3_750_000 + 50 * 6_000_000 + 10 * 15_000_000;
        assert_eq!(CLAUDE.cost_pusd(&usage), Ok(wanted));
    }

    #[test]
    fn unlisted_kinds() {
        let plain = Rates { input: 5, output: Some(7), ..Rates::default() };
        let read = Usage { input_tokens: 3, cache_read_tokens: 3, ..Usage::default() };
        let written = Usage { input_tokens: 3, cache_write_1h_tokens: 3, ..Usage::default() };
        assert_eq!(plain.cost_pusd(&read), Ok(15));
        assert_eq!(plain.cost_pusd(&written), Ok(15));
        assert_eq!(Rates { cache_write_5m: Some(6), ..plain }.cost_pusd(&written), Err("cache_write_1h"));
        let embedding = Rates { output: None, ..plain };
        assert_eq!(embedding.cost_pusd(&Usage { input_tokens: 2, output_tokens: 1, ..Usage::default() }), Err("output"));
        assert_eq!(embedding.ceiling_pusd(2, 0, true), Ok(10));
    }

    #[test]
    fn ceilings_take_the_dearest_class() {
        assert_eq!(CLAUDE.ceiling_pusd(10, 1, true), Ok(10 * 6_000_000 + 15_000_000));
        assert_eq!(CLAUDE.ceiling_pusd(10, 1, false), Ok(10 * 3_000_000 + 15_000_000));
    }
}
