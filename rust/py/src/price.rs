//! `PriceBook`, `ModelPrice` and `PriceRow`: prices as Python sees them.

use std::sync::Arc;

use pyo3::prelude::*;
use tierkit_core::error::Result;
use tierkit_core::price::{ModelPrice, PriceBook, PriceRow, Rates, Terms, billed_processing};

use crate::door::attached;
use crate::usage::{PyUsage, count};

/// `(input, output, cache_read, cache_write_5m, cache_write_1h)` in pico-USD per token.
type RatesRecord = (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>);
/// `(processing, context over and up to, valid from and to in ns, minutes of the day, rates, source, as_of)`.
type RowRecord = (String, (u64, Option<u64>), (Option<i64>, Option<i64>), Option<(u32, u32)>, RatesRecord, String, String);
/// `(name, provider, aliases, dated, rows)`.
type ModelRecord = (String, String, Vec<String>, bool, Vec<RowRecord>);

fn row(record: RowRecord) -> PriceRow {
    let (processing, context, valid, hours, rates, source, as_of) = record;
    let (input, output, cache_read, cache_write_5m, cache_write_1h) = rates;
    PriceRow {
        processing,
        context_over: context.0,
        context_upto: context.1,
        valid_from_ns: valid.0,
        valid_to_ns: valid.1,
        hours,
        rates: Rates { input, output, cache_read, cache_write_5m, cache_write_1h },
        source,
        as_of,
    }
}

fn priced(name: &str, provider: &str, rows: Vec<RowRecord>) -> Result<ModelPrice> {
    ModelPrice::new(name, provider, rows.into_iter().map(row).collect())
}

fn book_of(models: Vec<ModelRecord>) -> Result<PriceBook> {
    let mut book = PriceBook::new();
    for (name, provider, aliases, dated, rows) in models {
        book.add(priced(&name, &provider, rows)?, &aliases, dated)?;
    }
    Ok(book)
}

fn replaced(mut book: PriceBook, models: Vec<ModelRecord>) -> Result<PriceBook> {
    for (name, provider, _, _, rows) in models {
        book.replace(priced(&name, &provider, rows)?);
    }
    Ok(book)
}

/// Models by name.
#[pyclass(frozen, module = "tierkit._core", name = "PriceBook")]
pub struct PyPriceBook {
    book: PriceBook,
}

#[pymethods]
impl PyPriceBook {
    #[new]
    fn new(py: Python<'_>, models: Vec<ModelRecord>) -> PyResult<Self> {
        attached(py, book_of(models)).map(|book| Self { book })
    }

    fn replacing(&self, py: Python<'_>, models: Vec<ModelRecord>) -> PyResult<Self> {
        attached(py, replaced(self.book.clone(), models)).map(|book| Self { book })
    }

    fn models(&self) -> Vec<&str> {
        self.book.models().collect()
    }

    #[pyo3(signature = (model, *, at_ns))]
    fn resolve(&self, py: Python<'_>, model: &str, at_ns: i64) -> PyResult<PyModelPrice> {
        attached(py, self.book.resolve(model)).map(|price| PyModelPrice { price, at_ns })
    }

    fn highest_nusd(&self, py: Python<'_>, model: &str, usage: &PyUsage) -> PyResult<i64> {
        attached(py, self.book.highest_nusd(model, &usage.counts))
    }
}

/// The prices of one model, and the instant at which requests are priced unless told otherwise.
#[pyclass(frozen, module = "tierkit._core", name = "ModelPrice")]
pub struct PyModelPrice {
    price: Arc<ModelPrice>,
    #[pyo3(get)]
    at_ns: i64,
}

impl PyModelPrice {
    fn terms<'a>(&self, at_ns: Option<i64>, requested: Option<&'a str>, served: Option<&'a str>) -> Terms<'a> {
        Terms { at_ns: at_ns.unwrap_or(self.at_ns), processing: billed_processing(requested, served) }
    }
}

#[pymethods]
impl PyModelPrice {
    #[getter]
    fn name(&self) -> &str {
        self.price.name()
    }

    #[getter]
    fn provider(&self) -> &str {
        self.price.provider()
    }

    #[pyo3(signature = (usage, *, at_ns=None, processing=None))]
    fn cost_nusd(&self, py: Python<'_>, usage: &PyUsage, at_ns: Option<i64>, processing: Option<&str>) -> PyResult<i64> {
        let terms = self.terms(at_ns, processing, usage.served_tier.as_deref());
        attached(py, self.price.cost_nusd(&usage.counts, terms))
    }

    #[pyo3(signature = (input_tokens, output_tokens, *, at_ns=None, processing=None, cache_writes=true))]
    fn ceiling_nusd(
        &self,
        input_tokens: &Bound<'_, PyAny>,
        output_tokens: &Bound<'_, PyAny>,
        at_ns: Option<i64>,
        processing: Option<&str>,
        cache_writes: bool,
    ) -> PyResult<i64> {
        let (input, output) = (count(input_tokens, "input_tokens")?, count(output_tokens, "output_tokens")?);
        let terms = self.terms(at_ns, processing, None);
        attached(input_tokens.py(), self.price.ceiling_nusd(input, output, cache_writes, terms))
    }

    #[pyo3(signature = (*, input_tokens=0, at_ns=None, processing=None))]
    fn row(&self, py: Python<'_>, input_tokens: u64, at_ns: Option<i64>, processing: Option<&str>) -> PyResult<PyPriceRow> {
        let found = self.price.row(input_tokens, self.terms(at_ns, processing, None));
        attached(py, found.cloned()).map(|row| PyPriceRow { row })
    }

    fn rows(&self) -> Vec<PyPriceRow> {
        self.price.rows().iter().map(|row| PyPriceRow { row: row.clone() }).collect()
    }

    fn __repr__(&self) -> String {
        format!("ModelPrice('{}', provider='{}')", self.price.name(), self.price.provider())
    }
}

/// One row: prices with their conditions and their source.
#[pyclass(frozen, eq, module = "tierkit._core", name = "PriceRow")]
#[derive(PartialEq, Eq)]
pub struct PyPriceRow {
    row: PriceRow,
}

#[pymethods]
impl PyPriceRow {
    #[getter]
    fn processing(&self) -> &str {
        &self.row.processing
    }

    #[getter]
    fn context_over_tokens(&self) -> u64 {
        self.row.context_over
    }

    #[getter]
    fn context_upto_tokens(&self) -> Option<u64> {
        self.row.context_upto
    }

    #[getter]
    fn valid_from_ns(&self) -> Option<i64> {
        self.row.valid_from_ns
    }

    #[getter]
    fn valid_to_ns(&self) -> Option<i64> {
        self.row.valid_to_ns
    }

    #[getter]
    fn utc_minutes(&self) -> Option<(u32, u32)> {
        self.row.hours
    }

    #[getter]
    fn input_pusd_per_token(&self) -> i64 {
        self.row.rates.input
    }

    #[getter]
    fn output_pusd_per_token(&self) -> Option<i64> {
        self.row.rates.output
    }

    #[getter]
    fn cache_read_pusd_per_token(&self) -> Option<i64> {
        self.row.rates.cache_read
    }

    #[getter]
    fn cache_write_5m_pusd_per_token(&self) -> Option<i64> {
        self.row.rates.cache_write_5m
    }

    #[getter]
    fn cache_write_1h_pusd_per_token(&self) -> Option<i64> {
        self.row.rates.cache_write_1h
    }

    #[getter]
    fn source(&self) -> &str {
        &self.row.source
    }

    #[getter]
    fn as_of(&self) -> &str {
        &self.row.as_of
    }

    fn __repr__(&self) -> String {
        let rates = &self.row.rates;
        let output = rates.output.map_or_else(|| "None".to_owned(), |price| price.to_string());
        format!(
            "PriceRow(processing='{}', input_pusd_per_token={}, output_pusd_per_token={output})",
            self.row.processing, rates.input
        )
    }
}

/// A price such as `0.05 USD/Mtok` as pico-USD per token.
#[pyfunction]
fn price_pusd_per_token(py: Python<'_>, text: &str) -> PyResult<i64> {
    attached(py, tierkit_core::units::parse_pusd_per_token(text))
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyPriceBook>()?;
    module.add_class::<PyModelPrice>()?;
    module.add_class::<PyPriceRow>()?;
    module.add_function(wrap_pyfunction!(price_pusd_per_token, module)?)
}
