//! One row of the book: rates, and for which processing, context length and time they hold.

use super::rates::Rates;
use crate::error::{Error, Result};

/// Minutes of a day.
const DAY_MINUTES: u32 = 24 * 60;
const NS_PER_MINUTE: i64 = 60_000_000_000;

/// Rates with their conditions and their source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    /// `standard`, `batch`, `flex`, `priority`, or another word of the provider.
    pub processing: String,
    /// Holds for requests with more input tokens than this; 0 holds from the first token.
    pub context_over: u64,
    /// Holds up to this number of input tokens; `None` without end.
    pub context_upto: Option<u64>,
    /// First instant at which the row holds, in ns since 1970; `None` from ever.
    pub valid_from_ns: Option<i64>,
    /// First instant at which it no longer holds; `None` for good.
    pub valid_to_ns: Option<i64>,
    /// Minutes of the UTC day, from and before, in which it holds; `None` all day.
    pub hours: Option<(u32, u32)>,
    /// The prices.
    pub rates: Rates,
    /// Where the price was read.
    pub source: String,
    /// The day on which it was read, as `2026-10-14`.
    pub as_of: String,
}

impl PriceRow {
    /// Refuses rows that can never hold, and prices without a source.
    ///
    /// # Errors
    /// `Config` with the value seen.
    pub fn check(&self) -> Result<()> {
        self.rates.check()?;
        if self.processing.is_empty() || self.source.is_empty() || self.as_of.is_empty() {
            return Err(Error::config("a price row needs a processing, a source and an as_of date"));
        }
        if self.context_upto.is_some_and(|upto| upto <= self.context_over) {
            return Err(Error::config(format!("context over {} up to {:?}: empty", self.context_over, self.context_upto)));
        }
        if let (Some(from), Some(to)) = (self.valid_from_ns, self.valid_to_ns)
            && to <= from
        {
            return Err(Error::config(format!("a price valid from {from} to {to} ns: empty")));
        }
        match self.hours {
            Some((from, to)) if from >= to || to > DAY_MINUTES => {
                Err(Error::config(format!("hours from minute {from} to {to}: expected 0 <= from < to <= {DAY_MINUTES}")))
            }
            _ => Ok(()),
        }
    }

    /// Whether the row holds for this number of input tokens.
    pub fn fits_context(&self, input_tokens: u64) -> bool {
        (input_tokens > self.context_over || self.context_over == 0) && self.context_upto.is_none_or(|upto| input_tokens <= upto)
    }

    /// Whether the row holds at an instant: validity is half-open, and so are hours.
    pub fn holds_at(&self, at_ns: i64) -> bool {
        let minute = u32::try_from(at_ns.div_euclid(NS_PER_MINUTE).rem_euclid(i64::from(DAY_MINUTES))).unwrap_or_default();
        self.valid_from_ns.is_none_or(|from| from <= at_ns)
            && self.valid_to_ns.is_none_or(|to| at_ns < to)
            && self.hours.is_none_or(|(from, to)| from <= minute && minute < to)
    }

    /// Whether some request would find both rows.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |to: Option<i64>, from: Option<i64>| matches!((to, from), (Some(to), Some(from)) if to <= from);
        let (hours, others) = (self.hours.unwrap_or((0, DAY_MINUTES)), other.hours.unwrap_or((0, DAY_MINUTES)));
        let apart = self.context_upto.is_some_and(|upto| upto <= other.context_over)
            || other.context_upto.is_some_and(|upto| upto <= self.context_over)
            || before(self.valid_to_ns, other.valid_from_ns)
            || before(other.valid_to_ns, self.valid_from_ns)
            || hours.1 <= others.0
            || others.1 <= hours.0;
        self.processing == other.processing && !apart
    }
}
