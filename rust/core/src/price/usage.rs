//! What a call used, in one normal form: totals include their parts.

use crate::error::{Error, Result};

/// Tokens of one call. `input_tokens` and `output_tokens` are inclusive totals; the other counts are parts of them.
///
/// # Source
/// OpenTelemetry GenAI semantic conventions count the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Usage {
    /// All input tokens, cached ones included.
    pub input_tokens: u64,
    /// All output tokens, reasoning included.
    pub output_tokens: u64,
    /// Input read from the provider's prompt cache.
    pub cache_read_tokens: u64,
    /// Input written to the provider's cache for five minutes.
    pub cache_write_5m_tokens: u64,
    /// Input written to the provider's cache for one hour.
    pub cache_write_1h_tokens: u64,
    /// Output spent on reasoning.
    pub reasoning_tokens: u64,
}

/// More tokens than any call can have; larger figures are a broken server's.
pub const MAX_TOKENS: u64 = 1 << 40;

impl Usage {
    /// Input tokens that were neither read from nor written to a cache.
    pub fn uncached_tokens(&self) -> u64 {
        self.input_tokens
            .saturating_sub(self.cache_read_tokens)
            .saturating_sub(self.cache_write_5m_tokens)
            .saturating_sub(self.cache_write_1h_tokens)
    }

    /// Refuses absurd counts and parts larger than their totals.
    pub fn check(&self) -> Result<()> {
        let parts = self.cache_read_tokens.saturating_add(self.cache_write_5m_tokens).saturating_add(self.cache_write_1h_tokens);
        if self.input_tokens > MAX_TOKENS || self.output_tokens > MAX_TOKENS {
            return Err(Error::config(format!(
                "usage of {} input and {} output tokens: at most {MAX_TOKENS} each",
                self.input_tokens, self.output_tokens
            )));
        }
        if parts > self.input_tokens {
            return Err(Error::config(format!(
                "usage with {parts} cached tokens of {} input tokens: totals must include their parts",
                self.input_tokens
            )));
        }
        if self.reasoning_tokens > self.output_tokens {
            return Err(Error::config(format!(
                "usage with {} reasoning tokens of {} output tokens: totals must include their parts",
                self.reasoning_tokens, self.output_tokens
            )));
        }
        Ok(())
    }
}
