//! A rate and a burst, read from text such as `60 requests/minute`.

use crate::error::{Error, Result};
use crate::suggest::nearest;
use crate::throttle::Dimension;
use crate::units::shorten;

/// Largest numerator, burst and level.
pub const MAX_UNITS: u64 = 1 << 62;
/// Longest period, in nanoseconds (417 days).
pub const MAX_DEN_NS: u64 = 1 << 55;

/// How much may pass at once, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burst {
    /// A whole number in the rate's own unit, USD for money.
    Whole(u64),
    /// An amount of money, in nano-USD.
    Nusd(u64),
}

/// `num` units every `den_ns` nanoseconds, at most `burst` at once; `num/den_ns` is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Units gained per period.
    pub num: u64,
    /// The period, in nanoseconds.
    pub den_ns: u64,
    /// The bucket's size, in units.
    pub burst: i64,
}

impl Quota {
    /// How long a bucket that holds so many units takes until it is full, in nanoseconds: what comes in later is lost.
    pub fn slack_ns(&self, units: i64) -> u64 {
        let room = u128::try_from(self.burst.saturating_sub(units)).unwrap_or(0);
        let slack = (room * u128::from(self.den_ns)).checked_div(u128::from(self.num));
        slack.and_then(|ns| u64::try_from(ns).ok()).unwrap_or(u64::MAX)
    }

    /// Checks and reduces a rate.
    ///
    /// # Errors
    /// `Config` outside `num <= 2^62`, `1 <= den_ns <= 2^55`, `1 <= burst <= 2^62`: inside, no product leaves 127 bits.
    pub fn new(num: u64, den_ns: u64, burst: u64) -> Result<Self> {
        let divisor = gcd(num, den_ns).max(1);
        let (num, den_ns) = (num / divisor, den_ns / divisor);
        if num > MAX_UNITS || den_ns == 0 || den_ns > MAX_DEN_NS {
            return Err(Error::config(format!(
                "rate of {num} units per {den_ns} ns: expected at most 2^62 units per at most 417 days"
            )));
        }
        let burst = i64::try_from(burst).ok().filter(|burst| (1..=MAX_UNITS.cast_signed()).contains(burst));
        match burst {
            Some(burst) => Ok(Self { num, den_ns, burst }),
            None => Err(Error::config("burst: expected a whole number from 1 to 2^62; a rate of 0 needs a burst of its own")),
        }
    }

    /// Reads `AMOUNT DIMENSION/PERIOD`, such as `60 requests/minute`, `200k input_tokens/min`, `2.5 USD/hour`, `5 requests/10s`.
    /// Without `burst` the bucket holds one period's amount.
    ///
    /// # Errors
    /// `Config` with the word that cannot be read and the nearest one that can.
    pub fn parse(text: &str, burst: Option<Burst>) -> Result<(Dimension, Self)> {
        let bad = |why: String| Error::config(format!("rate '{}': {why}", shorten(text)));
        let form = "expected 'AMOUNT DIMENSION/PERIOD' such as '60 requests/minute'";
        let (amount, rest) = text.trim().split_once(char::is_whitespace).ok_or_else(|| bad(form.to_owned()))?;
        let (word, period) = rest.split_once('/').ok_or_else(|| bad(form.to_owned()))?;
        let word = word.trim();
        let dimension = Dimension::parse(word).ok_or_else(|| bad(unknown_dimension(word)))?;
        if dimension == Dimension::Concurrency {
            return Err(bad("concurrency is held, not refilled; write 'concurrency = 32' instead of a rate".to_owned()));
        }
        let (mantissa, scale) =
            read_amount(amount).ok_or_else(|| bad(format!("'{}' is not an amount; {form}", shorten(amount))))?;
        let period_ns = read_period(period.trim()).ok_or_else(|| bad(unknown_period(period.trim())))?;
        let unit = if dimension == Dimension::Usd { 1_000_000_000 } else { 1 };
        let too_large = || bad("too large; at most 2^62 units and 417 days".to_owned());
        let num = mantissa.checked_mul(unit).ok_or_else(too_large)?;
        let den = u128::from(period_ns).checked_mul(scale).ok_or_else(too_large)?;
        let divisor = gcd128(num, den).max(1);
        let (num, den) = (num / divisor, den / divisor);
        let whole = (num.saturating_mul(u128::from(period_ns))).div_ceil(den.max(1));
        let burst = match burst {
            Some(Burst::Whole(burst)) => u128::from(burst).checked_mul(unit).ok_or_else(too_large)?,
            Some(Burst::Nusd(burst)) if dimension == Dimension::Usd => u128::from(burst),
            Some(Burst::Nusd(_)) => return Err(burst_of_money(dimension)),
            None => whole,
        };
        let burst = u64::try_from(burst).map_err(|_| too_large())?;
        let num = u64::try_from(num).map_err(|_| too_large())?;
        let den = u64::try_from(den).map_err(|_| bad("more precise than the bucket keeps; use fewer decimals".to_owned()))?;
        let quota = Self::new(num, den, burst).map_err(|error| bad(error.to_string()))?;
        Ok((dimension, quota))
    }
}

fn burst_of_money(dimension: Dimension) -> Error {
    let unit = dimension.as_str();
    Error::config(format!("burst: an amount of money beside a rate of {unit}; expected a whole number of {unit}, such as 10"))
}

fn unknown_dimension(word: &str) -> String {
    let known = Dimension::ALL.map(Dimension::as_str);
    let near = nearest(word, &known).map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
    let list = if near.is_empty() { format!("; known are {}", known.join(", ")) } else { near };
    format!("unknown dimension '{}'{list}", shorten(word))
}

fn unknown_period(word: &str) -> String {
    format!("unknown period '{}'; expected second, minute, hour, day, week, or a number of them such as '10s'", shorten(word))
}

/// A decimal amount with an optional `k` or `M`, as mantissa and power-of-ten divisor.
fn read_amount(text: &str) -> Option<(u128, u128)> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 1_000),
        b'M' => (text.get(..text.len() - 1)?, 1_000_000),
        _ => (text, 1),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || whole.len() > 19 || fraction.len() > 9 {
        return None;
    }
    let mantissa: u128 = format!("{whole}{fraction}").parse().ok()?;
    Some((mantissa.checked_mul(factor)?, 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?))
}

fn read_period(text: &str) -> Option<u64> {
    let split = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(split);
    let count: u64 = if count.is_empty() { 1 } else { count.parse().ok()? };
    let seconds: u64 = match unit.trim() {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3_600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    };
    count.checked_mul(seconds)?.checked_mul(1_000_000_000).filter(|ns| *ns > 0)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn gcd128(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd128(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_exactly() {
        let quota = |text| Quota::parse(text, None).map(|(d, q)| (d, q.num, q.den_ns, q.burst));
        assert_eq!(quota("60 requests/minute"), Ok((Dimension::Requests, 1, 1_000_000_000, 60)));
        assert_eq!(quota("200k input_tokens/min"), Ok((Dimension::InputTokens, 1, 300_000, 200_000)));
        assert_eq!(quota("2.5 USD/hour"), Ok((Dimension::Usd, 1, 1_440, 2_500_000_000)));
        assert_eq!(quota("0.5 requests/s"), Ok((Dimension::Requests, 1, 2_000_000_000, 1)));
        assert_eq!(quota("5 requests/10s"), Ok((Dimension::Requests, 1, 2_000_000_000, 5)));
    }

    #[test]
    fn mistakes_name_the_word_and_the_fix() {
        let error = |text| Quota::parse(text, None).err().map(|e| e.to_string()).unwrap_or_default();
        assert_eq!(
            error("200k tokns/minute"),
            "rate '200k tokns/minute': unknown dimension 'tokns' (did you mean 'input_tokens'?)"
        );
        assert!(error("60 requests/fortnight").contains("unknown period 'fortnight'"));
        for text in [
            "",
            "60",
            "x requests/minute",
            "-1 requests/minute",
            "NaN requests/s",
            "1e3 requests/s",
            "0 requests/s",
            "1 concurrency/s",
            "9999999999999999999 requests/s",
        ] {
            assert!(!error(text).is_empty(), "{text}");
        }
        assert!(Quota::parse("0 requests/s", Some(Burst::Whole(3))).is_ok());
    }

    #[test]
    fn a_burst_counts_in_the_unit_of_its_rate() {
        let burst = |text, burst| Quota::parse(text, Some(burst)).map(|(_, quota)| quota.burst);
        assert_eq!(burst("60 requests/minute", Burst::Whole(10)), Ok(10));
        assert_eq!(burst("2.5 USD/hour", Burst::Whole(5)), Ok(5_000_000_000));
        assert_eq!(burst("2.5 USD/hour", Burst::Nusd(20_000_000)), Ok(20_000_000));
        assert!(burst("60 requests/minute", Burst::Nusd(1)).is_err());
        assert!(burst("1 USD/s", Burst::Whole(u64::MAX)).is_err());
    }
}
