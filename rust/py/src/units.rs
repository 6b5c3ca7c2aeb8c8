//! The units of a call: what is asked at a take, and what was used at its settle.

use pyo3::prelude::*;
use tierkit_core::throttle::{Dimension, Units};

use crate::error::config;
use crate::money::extract_nusd;
use crate::usage::count;

/// A count of units.
fn amount(value: &Bound<'_, PyAny>, name: &str) -> PyResult<i64> {
    match value.extract::<i64>() {
        Ok(amount) if amount >= 0 => Ok(amount),
        _ => Ok(i64::try_from(count(value, name)?).unwrap_or(i64::MAX)),
    }
}

/// An amount of money of 0 or more, in nano-USD.
fn money(value: &Bound<'_, PyAny>) -> PyResult<i64> {
    let nusd = extract_nusd(value)?;
    if nusd < 0 {
        return Err(config(value.py(), format!("usd {}: expected 0 or more", value.str()?)));
    }
    Ok(nusd)
}

/// The units of a take: what is left out counts as 0, requests as 1, and total tokens as the sum.
#[inline]
pub fn asked(
    requests: Option<&Bound<'_, PyAny>>,
    input_tokens: Option<&Bound<'_, PyAny>>,
    output_tokens: Option<&Bound<'_, PyAny>>,
    total_tokens: Option<&Bound<'_, PyAny>>,
    usd: Option<&Bound<'_, PyAny>>,
) -> PyResult<Units> {
    let requests = requests.map_or(Ok(1), |value| amount(value, "requests"))?;
    let input = input_tokens.map_or(Ok(0), |value| amount(value, "input_tokens"))?;
    let output = output_tokens.map_or(Ok(0), |value| amount(value, "output_tokens"))?;
    let total = total_tokens.map_or(Ok(input.saturating_add(output)), |value| amount(value, "total_tokens"))?;
    let nusd = usd.map_or(Ok(0), money)?;
    Ok(Units([requests, input, output, total, nusd, 1]))
}

/// The units of a settle: what is named is what was used, the rest was used as taken.
pub fn used(taken: Units, asked: [Option<&Bound<'_, PyAny>>; 4], usd: Option<&Bound<'_, PyAny>>) -> PyResult<Units> {
    let [requests, input, output, total] = asked;
    let mut units = taken.with(Dimension::Concurrency, 0);
    for (dimension, value) in
        [(Dimension::Requests, requests), (Dimension::InputTokens, input), (Dimension::OutputTokens, output)]
    {
        if let Some(value) = value {
            units = units.with(dimension, amount(value, dimension.as_str())?);
        }
    }
    if let Some(value) = total {
        units = units.with(Dimension::TotalTokens, amount(value, "total_tokens")?);
    } else if input.is_some() || output.is_some() {
        let sum = units.get(Dimension::InputTokens).saturating_add(units.get(Dimension::OutputTokens));
        units = units.with(Dimension::TotalTokens, sum);
    }
    match usd {
        Some(value) => Ok(units.with(Dimension::Usd, money(value)?)),
        None => Ok(units),
    }
}
