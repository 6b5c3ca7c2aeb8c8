//! The price book: models by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::model::ModelPrice;
use super::names::{nearest, without_snapshot};
use super::rates::Rates;
use super::usage::Usage;
use crate::error::{Error, Result};
use crate::units::{pusd_to_nusd, shorten};

/// One name, and whether dated snapshots of it cost the same.
#[derive(Debug, Clone)]
struct Entry {
    price: Arc<ModelPrice>,
    dated: bool,
}

/// Models by name, alias and `provider/name`.
///
/// # Invariant
/// A name leads to one model.
#[derive(Debug, Clone, Default)]
pub struct PriceBook {
    names: BTreeMap<String, Entry>,
    models: BTreeMap<String, Arc<ModelPrice>>,
    dearest: Rates,
}

impl PriceBook {
    /// A book without models.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a model under its name, `provider/name` and aliases. With `dated`, dated snapshots of these names cost the same.
    ///
    /// # Errors
    /// `Config` when a name is taken.
    pub fn add(&mut self, price: ModelPrice, aliases: &[String], dated: bool) -> Result<()> {
        let price = Arc::new(price);
        let own = std::iter::once(price.name()).chain(aliases.iter().map(String::as_str));
        let prefix = format!("{}/", price.provider());
        let qualified = |name: &str| if name.starts_with(&prefix) { name.to_owned() } else { format!("{prefix}{name}") };
        let names: Vec<String> = own.flat_map(|name| [name.to_owned(), qualified(name)]).collect();
        for name in names {
            let entry = Entry { price: Arc::clone(&price), dated };
            if let Some(taken) = self.names.insert(name.clone(), entry)
                && taken.price.name() != price.name()
            {
                return Err(Error::config(format!(
                    "model name '{}': taken by both '{}' and '{}'",
                    shorten(&name),
                    taken.price.name(),
                    price.name()
                )));
            }
        }
        self.dearest = self.dearest.dearer(&price.dearest());
        self.models.insert(price.name().to_owned(), price);
        Ok(())
    }

    /// Gives a model the user's own prices. A known model keeps its other names; an alias or a new name stands alone.
    pub fn replace(&mut self, price: ModelPrice) {
        let price = Arc::new(price);
        let name = price.name().to_owned();
        if self.models.contains_key(&name) {
            for entry in self.names.values_mut().filter(|entry| entry.price.name() == name) {
                entry.price = Arc::clone(&price);
            }
        }
        self.names.insert(name.clone(), Entry { price: Arc::clone(&price), dated: false });
        self.dearest = self.dearest.dearer(&price.dearest());
        self.models.insert(name, price);
    }

    /// Names of all models, sorted, without aliases.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.keys().map(String::as_str)
    }

    /// The prices of a model.
    ///
    /// # Errors
    /// `PriceMissing` with the name that was probably meant.
    pub fn resolve(&self, name: &str) -> Result<Arc<ModelPrice>> {
        self.find(name).or_else(|| self.find(&name.to_lowercase())).ok_or_else(|| {
            let near = nearest(name, self.names.keys().map(String::as_str));
            let near = near.map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
            Error::PriceMissing(format!(
                "model '{}': no price in the book{near}; give the tier a price, or set on_missing_price = \"ceiling\"",
                shorten(name)
            ))
        })
    }

    fn find(&self, name: &str) -> Option<Arc<ModelPrice>> {
        let exact = self.names.get(name);
        let found = exact.or_else(|| without_snapshot(name).and_then(|base| self.names.get(base)).filter(|entry| entry.dated));
        found.map(|entry| Arc::clone(&entry.price))
    }

    /// The highest price known for a usage, in nano-USD: of the model if the book has it, else of the whole book. For labelled
    /// estimates where the exact price is missing.
    ///
    /// # Errors
    /// `Config` for impossible usages; `PriceMissing` when the book is empty.
    pub fn highest_nusd(&self, name: &str, usage: &Usage) -> Result<i64> {
        usage.check()?;
        let known = self.resolve(name);
        if self.models.is_empty() {
            return known.and(Err(Error::PriceMissing("the price book is empty; give the tier a price".to_owned())));
        }
        let own = known.ok().and_then(|model| model.dearest().ceiling_pusd(usage.input_tokens, usage.output_tokens, true).ok());
        match own {
            Some(pusd) => pusd_to_nusd(pusd),
            None => {
                let worst = self.dearest.ceiling_pusd(usage.input_tokens, usage.output_tokens, true);
                pusd_to_nusd(worst.map_err(|kind| Error::PriceMissing(format!("no price for {kind} tokens in the whole book")))?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::PriceRow;
    use super::*;

    fn priced(name: &str, input: i64) -> ModelPrice {
        let row = PriceRow {
            processing: "standard".to_owned(),
            context_over: 0,
            context_upto: None,
            valid_from_ns: None,
            valid_to_ns: None,
            hours: None,
            rates: Rates { input, output: Some(input), ..Rates::default() },
            source: "test".to_owned(),
            as_of: "2026-10-14".to_owned(),
        };
        ModelPrice::new(name, "openai", vec![row]).unwrap_or_else(|error| unreachable!("{error}"))
    }

    fn book() -> PriceBook {
        let mut book = PriceBook::new();
        assert_eq!(book.add(priced("gpt-5", 10), &["gpt-5-2025-08-07".to_owned()], false), Ok(()));
        assert_eq!(book.add(priced("claude-x", 20), &[], true), Ok(()));
        book
    }

    fn input_price(book: &PriceBook, name: &str) -> Option<i64> {
        book.resolve(name).ok().map(|model| model.dearest().input)
    }

    #[test]
    fn names_lead_to_models() {
        let book = book();
        for (name, price) in [
            ("gpt-5", Some(10)),
            ("GPT-5", Some(10)),
            ("openai/gpt-5", Some(10)),
            ("gpt-5-2025-08-07", Some(10)),
            ("gpt-5-2026-01-01", None),
            ("claude-x-20260101", Some(20)),
            ("claude-x-mini", None),
            ("gpt-5-nano", None),
        ] {
            assert_eq!(input_price(&book, name), price, "{name}");
        }
        let error = book.resolve("gpt5").map_or_else(|error| error.to_string(), |_| String::new());
        assert!(error.contains("did you mean 'gpt-5'?"), "{error}");
        assert!(book.clone().add(priced("other", 1), &["gpt-5".to_owned()], false).is_err());
    }

    #[test]
    fn own_prices_replace() {
        let mut book = book();
        book.replace(priced("gpt-5", 3));
        book.replace(priced("Qwen/Qwen3-8B", 4));
        assert_eq!(input_price(&book, "gpt-5-2025-08-07"), Some(3));
        assert_eq!(input_price(&book, "openai/gpt-5"), Some(3));
        assert_eq!(input_price(&book, "Qwen/Qwen3-8B"), Some(4));
        assert_eq!(input_price(&book, "claude-x"), Some(20));
    }

    #[test]
    fn the_highest_price_stands_in() {
        let usage = Usage { input_tokens: 1000, output_tokens: 1000, ..Usage::default() };
        assert_eq!(book().highest_nusd("gpt-5", &usage), Ok(20));
        assert_eq!(book().highest_nusd("unknown", &usage), Ok(40));
        assert!(PriceBook::new().highest_nusd("unknown", &usage).is_err());
    }
}
