//! The prices of one model, and what a call to it costs or can cost.

use super::names::nearest;
use super::rates::Rates;
use super::row::PriceRow;
use super::usage::{MAX_TOKENS, Usage};
use crate::error::{Error, Result};
use crate::units::{pusd_to_nusd, shorten};

/// When a request starts and how it is processed: with its length, what chooses the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Start of the request, in ns since 1970.
    pub at_ns: i64,
    /// `standard`, `batch`, `flex`, `priority`, …
    pub processing: &'a str,
}

/// The processing that is billed: what the provider says it served beats what was asked for, and no word means standard.
///
/// ```
/// use tierkit_core::price::billed_processing;
/// assert_eq!(billed_processing(Some("priority"), Some("default")), "standard");
/// assert_eq!(billed_processing(Some("flex"), None), "flex");
/// assert_eq!(billed_processing(None, None), "standard");
/// ```
pub fn billed_processing<'a>(requested: Option<&'a str>, served: Option<&'a str>) -> &'a str {
    match served.or(requested) {
        None | Some("" | "auto" | "default" | "on_demand" | "standard") => "standard",
        Some(other) => other,
    }
}

/// All rows of one model.
///
/// # Invariant
/// There is at least one row, and no request finds two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPrice {
    name: String,
    provider: String,
    rows: Vec<PriceRow>,
    dearest: Rates,
}

impl ModelPrice {
    /// The prices of a model from its rows.
    ///
    /// # Errors
    /// `Config` when there is no row, a row cannot hold, or two rows hold for the same request.
    pub fn new(name: &str, provider: &str, rows: Vec<PriceRow>) -> Result<Self> {
        let bad = |why: &str| Error::config(format!("prices of model '{}': {why}", shorten(name)));
        let mut dearest = rows.first().ok_or_else(|| bad("no row; expected one or more"))?.rates;
        for (position, row) in rows.iter().enumerate() {
            row.check().map_err(|error| bad(&error.to_string()))?;
            if rows.iter().take(position).any(|earlier| earlier.overlaps(row)) {
                return Err(bad(&format!("two rows hold for the same request (processing '{}')", row.processing)));
            }
            dearest = dearest.dearer(&row.rates);
        }
        Ok(Self { name: name.to_owned(), provider: provider.to_owned(), rows, dearest })
    }

    /// The model's name in the book.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Who sells it.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Every row.
    pub fn rows(&self) -> &[PriceRow] {
        &self.rows
    }

    /// For each kind of token the dearest price of any row.
    pub fn dearest(&self) -> Rates {
        self.dearest
    }

    /// The row that prices a request with this many input tokens.
    ///
    /// # Errors
    /// `PriceMissing` when the book has none: unknown processing, a longer context than priced, or another time.
    pub fn row(&self, input_tokens: u64, terms: Terms<'_>) -> Result<&PriceRow> {
        let fits =
            |row: &&PriceRow| row.fits_context(input_tokens) && row.holds_at(terms.at_ns) && row.processing == terms.processing;
        self.rows.iter().find(fits).ok_or_else(|| self.missing(input_tokens, terms))
    }

    /// What a usage costs in nano-USD, rounded up once. The input length chooses the row for the whole request.
    ///
    /// # Errors
    /// `PriceMissing` as in [`ModelPrice::row`], or when a kind of token has no price; `Config` for impossible usages.
    ///
    /// # Source
    /// ADR 0002, `docs/reference/prices.md`.
    pub fn cost_nusd(&self, usage: &Usage, terms: Terms<'_>) -> Result<i64> {
        usage.check()?;
        let row = self.row(usage.input_tokens, terms)?;
        pusd_to_nusd(row.rates.cost_pusd(usage).map_err(|kind| self.missing_kind(kind, row))?)
    }

    /// The most that a call can cost in nano-USD with at most these tokens: every input token in the dearest class that may
    /// be billed, in the dearest context step that the length can reach.
    ///
    /// # Errors
    /// As [`ModelPrice::cost_nusd`].
    pub fn ceiling_nusd(&self, input_tokens: u64, output_tokens: u64, cache_writes: bool, terms: Terms<'_>) -> Result<i64> {
        if input_tokens > MAX_TOKENS || output_tokens > MAX_TOKENS {
            return Err(Error::config(format!(
                "a request of {input_tokens} input and {output_tokens} output tokens: at most {MAX_TOKENS} each"
            )));
        }
        let longest = self.row(input_tokens, terms)?;
        let shorter = |row: &&PriceRow| {
            row.context_over < longest.context_over && row.holds_at(terms.at_ns) && row.processing == terms.processing
        };
        let mut ceiling: i128 = 0;
        for row in self.rows.iter().filter(shorter).chain([longest]) {
            let worst = row.rates.ceiling_pusd(input_tokens, output_tokens, cache_writes);
            ceiling = ceiling.max(worst.map_err(|kind| self.missing_kind(kind, row))?);
        }
        pusd_to_nusd(ceiling)
    }

    fn missing(&self, input_tokens: u64, terms: Terms<'_>) -> Error {
        let mut known: Vec<&str> = self.rows.iter().map(|row| row.processing.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        let named = |row: &&PriceRow| row.processing == terms.processing;
        let why = if !known.contains(&terms.processing) {
            let near = nearest(terms.processing, known.iter().copied());
            let near = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
            format!("no price for processing '{}'{near}; the book has {}", shorten(terms.processing), known.join(", "))
        } else if self.rows.iter().filter(named).any(|row| row.holds_at(terms.at_ns)) {
            format!("no price for processing '{}' with {input_tokens} input tokens", terms.processing)
        } else {
            format!("no price for processing '{}' at {} s since 1970", terms.processing, terms.at_ns.div_euclid(1_000_000_000))
        };
        Error::PriceMissing(format!("model '{}': {why}; give the tier a price, or set on_missing_price = \"ceiling\"", self.name))
    }

    fn missing_kind(&self, kind: &str, row: &PriceRow) -> Error {
        Error::PriceMissing(format!(
            "model '{}': no price for {kind} tokens with processing '{}'; give the tier a price, or set on_missing_price = \"ceiling\"",
            self.name, row.processing
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: i64 = 1_800_000_000_000_000_000;
    const STANDARD: Terms<'static> = Terms { at_ns: NOW, processing: "standard" };

    fn row(input: i64, output: i64) -> PriceRow {
        PriceRow {
            processing: "standard".to_owned(),
            context_over: 0,
            context_upto: None,
            valid_from_ns: None,
            valid_to_ns: None,
            hours: None,
            rates: Rates { input, output: Some(output), ..Rates::default() },
            source: "test".to_owned(),
            as_of: "2026-10-14".to_owned(),
        }
    }

    fn stepped(base: [i64; 2], long: [i64; 2]) -> ModelPrice {
        let rows = vec![
            PriceRow { context_upto: Some(200_000), ..row(base[0], base[1]) },
            PriceRow { context_over: 200_000, ..row(long[0], long[1]) },
        ];
        ModelPrice::new("m", "p", rows).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn input(tokens: u64) -> Usage {
        Usage { input_tokens: tokens, ..Usage::default() }
    }

    #[test]
    fn a_longer_context_reprices_the_whole_request() {
        let model = stepped([1_250_000, 10_000_000], [2_500_000, 15_000_000]);
        assert_eq!(model.cost_nusd(&input(200_000), STANDARD), Ok(250_000_000));
        assert_eq!(model.cost_nusd(&input(200_001), STANDARD), Ok(500_002_500));
        assert_eq!(model.cost_nusd(&input(0), STANDARD), Ok(0));
    }

    #[test]
    fn validity_and_hours_are_half_open() {
        let limited = PriceRow { valid_from_ns: Some(NOW), valid_to_ns: Some(NOW + 10), ..row(1, 1) };
        assert!(!limited.holds_at(NOW - 1) && limited.holds_at(NOW) && limited.holds_at(NOW + 9) && !limited.holds_at(NOW + 10));
        let minute = 60_000_000_000;
        let hourly = PriceRow { hours: Some((60, 120)), ..row(1, 1) };
        assert!(!hourly.holds_at(60 * minute - 1) && hourly.holds_at(60 * minute));
        assert!(hourly.holds_at(120 * minute - 1) && !hourly.holds_at(120 * minute) && !hourly.holds_at(-1));
    }

    #[test]
    fn rows_that_contradict_are_refused() {
        assert!(ModelPrice::new("m", "p", vec![]).is_err());
        assert!(ModelPrice::new("m", "p", vec![row(1, 1), row(2, 2)]).is_err());
        assert!(ModelPrice::new("m", "p", vec![row(-1, 1)]).is_err());
        assert!(ModelPrice::new("m", "p", vec![PriceRow { source: String::new(), ..row(1, 1) }]).is_err());
        let batch = PriceRow { processing: "batch".to_owned(), ..row(1, 1) };
        assert!(ModelPrice::new("m", "p", vec![row(1, 1), batch]).is_ok());
    }

    #[test]
    fn a_cost_that_no_amount_can_hold_is_refused() {
        let model = ModelPrice::new("m", "p", vec![row(i64::MAX, i64::MAX)]).unwrap_or_else(|error| unreachable!("{error}"));
        assert!(matches!(model.cost_nusd(&input(1 << 40), STANDARD), Err(Error::Config(_))));
        assert!(matches!(model.cost_nusd(&input(u64::MAX), STANDARD), Err(Error::Config(_))));
        assert!(matches!(model.ceiling_nusd(u64::MAX, 0, true, STANDARD), Err(Error::Config(_))));
    }

    proptest! {
        /// No usage within the bounds costs more than the ceiling, even where the longer context is the cheaper one.
        #[test]
        fn ceilings_hold(
            base in [0..50_000_000_i64, 0..90_000_000], long in [0..50_000_000_i64, 0..90_000_000],
            most in 0..500_000_u64, share in 0..=100_u64, read in 0..=100_u64, output in 0..10_000_u64,
        ) {
            let model = stepped(base, long);
            let tokens = most * share / 100;
            let usage = Usage { input_tokens: tokens, cache_read_tokens: tokens * read / 100, output_tokens: output, ..Usage::default() };
            let cost = model.cost_nusd(&usage, STANDARD)?;
            prop_assert!(cost <= model.ceiling_nusd(most, output, true, STANDARD)?);
        }
    }
}
