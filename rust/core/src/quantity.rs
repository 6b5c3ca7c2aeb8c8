//! Lengths of time and sizes, read from text such as `90s` or `256 MiB`.

use crate::error::{Error, Result};
use crate::units::shorten;

const NS: u64 = 1_000_000_000;

/// Reads one whole number and one unit (`ms s m h d w`, or `sec min hour day week` and their plurals) as nanoseconds.
///
/// # Errors
/// `Config` when the text has another form or leaves the range of `i64` nanoseconds (292 years).
///
/// ```
/// use tierkit_core::quantity::parse_duration_ns;
/// assert_eq!(parse_duration_ns("90s"), Ok(90_000_000_000));
/// assert!(parse_duration_ns("90").is_err());
/// ```
pub fn parse_duration_ns(text: &str) -> Result<i64> {
    let bad = |why: &str| Error::config(format!("'{}': {why}", shorten(text)));
    let form = "expected a whole number and a unit (ms, s, m, h, d, w) such as '90s' or '1h'";
    let (count, unit) = split(text).ok_or_else(|| bad(form))?;
    let unit_ns = match unit {
        "ms" => NS / 1_000,
        "s" | "sec" | "second" | "seconds" => NS,
        "m" | "min" | "minute" | "minutes" => 60 * NS,
        "h" | "hour" | "hours" => 3_600 * NS,
        "d" | "day" | "days" => 86_400 * NS,
        "w" | "week" | "weeks" => 604_800 * NS,
        _ => return Err(bad(form)),
    };
    let total = count.checked_mul(unit_ns).and_then(|total| i64::try_from(total).ok());
    total.ok_or_else(|| bad("longer than 292 years, the longest time kept"))
}

/// Reads one whole number and one unit (`B kB MB GB KiB MiB GiB`) as bytes.
///
/// # Errors
/// `Config` when the text has another form or leaves the range of `i64`.
pub fn parse_bytes(text: &str) -> Result<i64> {
    let bad = |why: &str| Error::config(format!("'{}': {why}", shorten(text)));
    let form = "expected a whole number and a unit (kB, MB, GB, KiB, MiB, GiB) such as '256 MiB'";
    let (count, unit) = split(text).ok_or_else(|| bad(form))?;
    let unit_bytes = match unit {
        "B" => 1,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(bad(form)),
    };
    let total = count.checked_mul(unit_bytes).and_then(|total| i64::try_from(total).ok());
    total.ok_or_else(|| bad("more than any machine holds"))
}

fn split(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    Some((count.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        assert_eq!(parse_duration_ns("250ms"), Ok(250_000_000));
        assert_eq!(parse_duration_ns(" 2 hours "), Ok(7_200_000_000_000));
        assert_eq!(parse_duration_ns("0s"), Ok(0));
        for text in ["", "s", "1", "-1s", "1.5h", "1h30m", "1 fortnight", "99999999999w", "99999999999999999999s", "１s"] {
            assert!(parse_duration_ns(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_bytes("256 MiB"), Ok(268_435_456));
        assert_eq!(parse_bytes("1GB"), Ok(1_000_000_000));
        for text in ["", "MB", "12", "12 mb", "9999999999999 GB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
