//! `LimitRule` and `BudgetRule`: the checked form of what a policy says.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString, PyTuple};
use tierkit_core::ledger::{BudgetSpec, Calendar};
use tierkit_core::rules::{Matcher, Mode, Rule, RuleKind};
use tierkit_core::suggest::nearest;
use tierkit_core::throttle::{Burst, Quota};
use tierkit_core::units::{format_nusd, shorten};

use crate::door::attached;
use crate::error::config;
use crate::money::extract_nusd;

/// A checked limit.
#[pyclass(frozen, module = "tierkit._core", name = "LimitRule")]
pub struct PyLimitRule(pub Rule);

/// A checked budget.
#[pyclass(frozen, module = "tierkit._core", name = "BudgetRule")]
pub struct PyBudgetRule(pub Rule);

fn choice<'a>(py: Python<'_>, key: &str, seen: &str, known: &[&'a str]) -> PyResult<&'a str> {
    known.iter().find(|word| **word == seen).copied().ok_or_else(|| {
        let near = nearest(seen, known).map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
        config(py, format!("{key} '{}': expected {}{near}", shorten(seen), known.join(" or ")))
    })
}

fn mode(py: Python<'_>, seen: &str) -> PyResult<Mode> {
    Ok(if choice(py, "mode", seen, &["enforce", "observe"])? == "observe" { Mode::Observe } else { Mode::Enforce })
}

fn words(value: Option<&Bound<'_, PyAny>>, key: &str) -> PyResult<Vec<Box<str>>> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let wrong = || config(value.py(), format!("{key}: expected a list of strings such as ['team']"));
    if value.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let mut found: Vec<Box<str>> = Vec::new();
    for item in value.try_iter().map_err(|_| wrong())? {
        let word: String = item?.extract().map_err(|_| wrong())?;
        if word.is_empty() || found.iter().any(|known| **known == *word) {
            return Err(config(value.py(), format!("{key}: '{}' is empty or given twice", shorten(&word))));
        }
        found.push(word.into());
    }
    Ok(found)
}

fn clauses(value: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<(Box<str>, Vec<Box<str>>)>> {
    let Some(value) = value.filter(|value| !value.is_none()) else { return Ok(Vec::new()) };
    let wrong =
        || config(value.py(), "where: expected a table such as { team = \"search\" } or { tier = [\"small\", \"large\"] }");
    let table = value.cast::<PyDict>().map_err(|_| wrong())?;
    let mut found = Vec::new();
    for (name, wanted) in table.iter() {
        let name: String = name.extract().map_err(|_| wrong())?;
        let values = if let Ok(one) = wanted.extract::<String>() {
            vec![one.into()]
        } else if wanted.is_instance_of::<PyList>() || wanted.is_instance_of::<PyTuple>() {
            words(Some(&wanted), "where")?
        } else {
            return Err(wrong());
        };
        found.push((name.into(), values));
    }
    Ok(found)
}

fn name_of(py: Python<'_>, name: &str) -> PyResult<Box<str>> {
    if name.is_empty() || name.len() > 128 || name.chars().any(char::is_control) {
        return Err(config(py, format!("name '{}': expected 1 to 128 bytes without control characters", shorten(name))));
    }
    Ok(name.into())
}

/// A whole number of what the rate counts, or an amount of money.
fn burst_of(value: &Bound<'_, PyAny>) -> PyResult<Burst> {
    if value.is_instance_of::<PyInt>() {
        return crate::usage::count(value, "burst").map(Burst::Whole);
    }
    let nusd = extract_nusd(value)?;
    u64::try_from(nusd)
        .map(Burst::Nusd)
        .map_err(|_| config(value.py(), format!("burst {}: expected more than 0 USD", format_nusd(nusd))))
}

#[pymethods]
impl PyLimitRule {
    #[new]
    #[pyo3(signature = (name, *, rate=None, burst=None, concurrency=None, per=None, r#where=None, mode="enforce", replaces=None))]
    fn new(
        py: Python<'_>,
        name: &str,
        rate: Option<&str>,
        burst: Option<&Bound<'_, PyAny>>,
        concurrency: Option<&Bound<'_, PyAny>>,
        per: Option<&Bound<'_, PyAny>>,
        r#where: Option<&Bound<'_, PyAny>>,
        mode: &str,
        replaces: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let burst = burst.map(burst_of).transpose()?;
        let kind = match (rate, concurrency) {
            (Some(rate), None) => {
                let (dimension, quota) = attached(py, Quota::parse(rate, burst))?;
                RuleKind::Refill(dimension, quota)
            }
            (None, Some(slots)) => {
                let slots = crate::usage::count(slots, "concurrency")?;
                match i64::try_from(slots).ok().filter(|slots| *slots > 0) {
                    Some(slots) if burst.is_none() => RuleKind::Hold(slots),
                    Some(_) => return Err(config(py, "burst: belongs to a rate; concurrency is held and has none")),
                    None => return Err(config(py, format!("concurrency={slots}: expected a whole number of 1 or more"))),
                }
            }
            (None, None) => return Err(config(py, "rate: missing; write rate = \"60 requests/minute\" or concurrency = 32")),
            (Some(_), Some(_)) => {
                return Err(config(py, "concurrency: give either a rate or a concurrency, not both; write two limits"));
            }
        };
        let matcher = Matcher { per: words(per, "per")?, clauses: clauses(r#where)? };
        let mode = self::mode(py, mode)?;
        Ok(Self(Rule { name: name_of(py, name)?, matcher, kind, mode, replaces: words(replaces, "replaces")? }))
    }

    /// The rule as JSON, as a state directory keeps it.
    #[getter]
    fn text(&self) -> String {
        tierkit_store::rule_text(&self.0)
    }
}

#[pymethods]
impl PyBudgetRule {
    #[new]
    #[pyo3(signature = (name, *, amount, period, timezone="UTC", per=None, r#where=None, on_exhausted="refuse", warn_at=None, mode="enforce", replaces=None))]
    fn new(
        py: Python<'_>,
        name: &str,
        amount: &Bound<'_, PyAny>,
        period: &str,
        timezone: &str,
        per: Option<&Bound<'_, PyAny>>,
        r#where: Option<&Bound<'_, PyAny>>,
        on_exhausted: &str,
        warn_at: Option<Vec<f64>>,
        mode: &str,
        replaces: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let limit_nusd = extract_nusd(amount)?;
        if limit_nusd < 0 {
            return Err(config(py, format!("amount '{}': expected 0 USD or more", amount.str()?)));
        }
        let calendar = attached(py, Calendar::new(period, timezone))?;
        let downgrade = choice(py, "on_exhausted", on_exhausted, &["refuse", "downgrade"])? == "downgrade";
        let mut warn_at_permille = Vec::new();
        for share in warn_at.unwrap_or_default() {
            let permille = (share * 1_000.0).round();
            if !(1.0..=1_000.0).contains(&permille) {
                return Err(config(
                    py,
                    format!("warn_at {share}: expected shares of the budget above 0 and up to 1, such as [0.5, 0.8]"),
                ));
            }
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            warn_at_permille.push(permille as u32);
        }
        warn_at_permille.sort_unstable();
        let kind = RuleKind::Budget(BudgetSpec { limit_nusd, calendar, downgrade, warn_at_permille });
        let matcher = Matcher { per: words(per, "per")?, clauses: clauses(r#where)? };
        let mode = self::mode(py, mode)?;
        Ok(Self(Rule { name: name_of(py, name)?, matcher, kind, mode, replaces: words(replaces, "replaces")? }))
    }

    /// The rule as JSON, as a state directory keeps it.
    #[getter]
    fn text(&self) -> String {
        tierkit_store::rule_text(&self.0)
    }
}

/// Adds these names to the module.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyLimitRule>()?;
    module.add_class::<PyBudgetRule>()
}
