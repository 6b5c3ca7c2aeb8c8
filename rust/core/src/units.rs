//! Money as checked integers: pico-USD per token for prices, nano-USD for amounts.
//!
//! # Source
//! ADR 0002: decimals are read as text, products are summed in `i128`, and one billed call is rounded up once.

use crate::error::{Error, Result};

/// Nano-USD in one USD.
pub const NUSD_PER_USD: i64 = 1_000_000_000;

/// Reads a decimal text such as `"25"`, `"0.013"`, `"1.5e-3"` or `"25 USD"` as an integer count of `10^-scale` units.
///
/// # Errors
/// `Config` when the text is not a finite decimal, has more digits than the scale keeps, or leaves the range of `i64`.
pub fn parse_decimal(text: &str, scale: u32) -> Result<i64> {
    let bad = |why: &str| Error::config(format!("amount '{}': {why}", shorten(text)));
    let body = text.trim();
    let body = body.strip_suffix("USD").unwrap_or(body).trim_end();
    let (mantissa, exponent) = match body.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| bad("expected a decimal number of USD such as '0.25'"))?)
        }
        None => (body, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if (whole.is_empty() && fraction.is_empty()) || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(bad("expected a decimal number of USD such as '0.25'"));
    }
    let too_large = || bad("outside the range of +-9.2 billion USD");
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        value = value.checked_mul(10).and_then(|v| v.checked_add(i128::from(digit - b'0'))).ok_or_else(too_large)?;
    }
    let fraction_digits = i32::try_from(fraction.len()).map_err(|_| too_large())?;
    let shift = i64::from(scale) + i64::from(exponent) - i64::from(fraction_digits);
    for _ in 0..shift.clamp(0, 64) {
        value = value.checked_mul(10).ok_or_else(too_large)?;
    }
    for _ in 0..(-shift).clamp(0, 64) {
        if value % 10 != 0 {
            return Err(bad(&format!("more precise than 10^-{scale} USD, the smallest unit kept")));
        }
        value /= 10;
    }
    i64::try_from(if negative { -value } else { value }).map_err(|_| too_large())
}

/// Reads an amount in USD as nano-USD; see [`parse_decimal`].
pub fn parse_nusd(text: &str) -> Result<i64> {
    parse_decimal(text, 9)
}

/// Reads a price in USD per million tokens as pico-USD per token (1 USD/Mtok = 1,000,000 pico-USD/token).
pub fn parse_pusd_per_token(text: &str) -> Result<i64> {
    let body = text.trim();
    parse_decimal(body.strip_suffix("/Mtok").unwrap_or(body), 6)
}

/// Writes nano-USD as a plain decimal of USD without trailing zeros: `13_000_000` is `"0.013"`.
pub fn format_nusd(nusd: i64) -> String {
    let sign = if nusd < 0 { "-" } else { "" };
    let magnitude = nusd.unsigned_abs();
    let per_usd = NUSD_PER_USD.unsigned_abs();
    let (whole, fraction) = (magnitude / per_usd, magnitude % per_usd);
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let fraction = format!("{fraction:09}");
    format!("{sign}{whole}.{}", fraction.trim_end_matches('0'))
}

/// Rounds a sum of `tokens * pico-USD` up to whole nano-USD, once per billed call.
///
/// # Errors
/// `Config` when the result leaves the range of `i64` (9.2 billion USD).
pub fn pusd_to_nusd(pusd: i128) -> Result<i64> {
    let rounded = pusd.div_euclid(1000) + i128::from(pusd.rem_euclid(1000) != 0);
    i64::try_from(rounded).map_err(|_| Error::config("a cost above 9.2 billion USD; check the token counts and the price"))
}

/// At most 60 characters of a text, for messages: on one line, and with what cannot be seen written out.
pub fn shorten(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars().take(60) {
        match character {
            '\'' | '"' | '\\' => shown.push(character),
            _ => shown.extend(character.escape_debug()),
        }
    }
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_text_hides_nothing() {
        assert_eq!(shorten("Österreich's \"a\\b\""), "Österreich's \"a\\b\"");
        assert_eq!(shorten("\u{feff}UTC\n"), "\\u{feff}UTC\\n");
        assert_eq!(shorten(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
    }

    #[test]
    fn decimals_are_exact() {
        assert_eq!(parse_nusd("25 USD"), Ok(25_000_000_000));
        assert_eq!(parse_nusd("0.000000001"), Ok(1));
        assert_eq!(parse_nusd("1.5e-3"), Ok(1_500_000));
        assert_eq!(parse_nusd("-0.02"), Ok(-20_000_000));
        assert_eq!(parse_pusd_per_token("0.05 USD/Mtok"), Ok(50_000));
        assert_eq!(format_nusd(13_000_000), "0.013");
        assert_eq!(format_nusd(-1), "-0.000000001");
        assert_eq!(format_nusd(i64::MIN), "-9223372036.854775808");
    }

    #[test]
    fn bad_amounts_are_refused() {
        for text in ["", "USD", "ten", "1e400", "NaN", "inf", "1.2.3", "0.0000000001", "9300000000", "1e-10", "--1", "1_000"] {
            assert!(parse_nusd(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_rounding_upwards() {
        assert_eq!(pusd_to_nusd(0), Ok(0));
        assert_eq!(pusd_to_nusd(1), Ok(1));
        assert_eq!(pusd_to_nusd(1000), Ok(1));
        assert_eq!(pusd_to_nusd(1001), Ok(2));
        assert!(pusd_to_nusd(i128::MAX).is_err());
    }
}
