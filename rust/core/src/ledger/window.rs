//! Budget windows as a pure function of time: no reset job, no state.
//!
//! # Source
//! Calendar arithmetic and the IANA zone rules are those of `jiff` and its built-in zone database. A missing local time becomes
//! the first instant after the gap, a repeated one its first occurrence.

use std::fmt;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::error::{Error, Result};
use crate::suggest::nearest;
use crate::units::shorten;

const NS: i64 = 1_000_000_000;
const WORDS: [&str; 6] = ["hour", "day", "week", "month", "year", "total"];

/// A stretch of time: `start_ns <= t < end_ns`, nanoseconds since 1970. Its start is its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First instant.
    pub start_ns: i64,
    /// First instant of the next window; `i64::MAX` when there is none.
    pub end_ns: i64,
}

impl Window {
    /// No stretch of time at all.
    pub const NONE: Self = Self { start_ns: 0, end_ns: 0 };

    /// Whether an instant lies inside.
    pub fn contains(&self, wall_ns: i64) -> bool {
        self.start_ns <= wall_ns && wall_ns < self.end_ns
    }
}

/// How long a window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// 3,600 s from the zone's full hour.
    Hour,
    /// From local midnight.
    Day,
    /// From local Monday midnight.
    Week,
    /// From the first of the month.
    Month,
    /// From the first of January.
    Year,
    /// Elapsed time in whole seconds, counted from 1970-01-01T00:00Z.
    Fixed(i64),
    /// One window for ever.
    Total,
}

impl Period {
    /// Reads `hour`, `day`, `week`, `month`, `year`, `total`, or elapsed time such as `30d`, `5h`, `90m`.
    ///
    /// # Errors
    /// `Config` with the words that are known.
    pub fn parse(text: &str) -> Result<Self> {
        Ok(match text {
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "year" => Self::Year,
            "total" => Self::Total,
            _ => Self::Fixed(fixed_seconds(text).ok_or_else(|| {
                let near = nearest(text, &WORDS).map_or_else(String::new, |near| format!(" (did you mean '{near}'?)"));
                Error::config(format!(
                    "period '{}': expected hour, day, week, month, year, total or elapsed time such as '30d' or '5h'{near}",
                    shorten(text)
                ))
            })?),
        })
    }
}

impl fmt::Display for Period {
    /// As it is read by [`Period::parse`].
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hour => out.write_str("hour"),
            Self::Day => out.write_str("day"),
            Self::Week => out.write_str("week"),
            Self::Month => out.write_str("month"),
            Self::Year => out.write_str("year"),
            Self::Total => out.write_str("total"),
            // Every elapsed time that can be written is a whole number of minutes.
            Self::Fixed(seconds) => write!(out, "{}m", seconds / 60),
        }
    }
}

fn fixed_seconds(text: &str) -> Option<i64> {
    let unit = match text.bytes().last()? {
        b'm' => 60,
        b'h' => 3_600,
        b'd' => 86_400,
        b'w' => 604_800,
        _ => return None,
    };
    let count: i64 = text.get(..text.len() - 1)?.parse().ok()?;
    count.checked_mul(unit).filter(|seconds| (60..=3_660 * 86_400).contains(seconds))
}

/// A period in a time zone.
#[derive(Debug, Clone)]
pub struct Calendar {
    period: Period,
    zone: TimeZone,
}

impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.period == other.period && self.zone == other.zone
    }
}

impl Eq for Calendar {}

impl Calendar {
    /// A period in an IANA zone such as `Europe/Berlin`.
    ///
    /// # Errors
    /// `Config` for an unknown period or zone.
    pub fn new(period: &str, zone: &str) -> Result<Self> {
        let period = Period::parse(period)?;
        let zone = TimeZone::get(zone).map_err(|_| {
            Error::config(format!("timezone '{}': not an IANA zone; write one such as 'UTC' or 'Europe/Berlin'", shorten(zone)))
        })?;
        Ok(Self { period, zone })
    }

    /// The period.
    pub fn period(&self) -> &Period {
        &self.period
    }

    /// The name of its zone, as it was given.
    pub fn zone(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// The window that holds an instant.
    pub fn window(&self, wall_ns: i64) -> Window {
        match self.period {
            Period::Total => Window { start_ns: i64::MIN, end_ns: i64::MAX },
            Period::Fixed(seconds) => {
                let length = seconds.saturating_mul(NS);
                let start_ns = wall_ns.div_euclid(length).saturating_mul(length);
                Window { start_ns, end_ns: start_ns.saturating_add(length) }
            }
            Period::Hour => self.hour(wall_ns),
            Period::Day | Period::Week | Period::Month | Period::Year => self.calendar(wall_ns),
        }
    }

    /// Hours follow the elapsed clock, shifted by the part of an hour that the zone is off (Kathmandu: 45 minutes).
    fn hour(&self, wall_ns: i64) -> Window {
        let offset_s = i64::from(self.zone.to_offset(timestamp(wall_ns)).seconds());
        let shift = offset_s.rem_euclid(3_600) * NS;
        let length = 3_600 * NS;
        let start_ns = (wall_ns.saturating_add(shift)).div_euclid(length).saturating_mul(length).saturating_sub(shift);
        Window { start_ns, end_ns: start_ns.saturating_add(length) }
    }

    fn calendar(&self, wall_ns: i64) -> Window {
        let today = self.zone.to_datetime(timestamp(wall_ns)).date();
        let mut first = self.first_date(today);
        // Where midnight repeats or is missing, the local date alone can point one window off.
        if self.instant(first) > wall_ns {
            first = self.first_date(first.checked_sub(1.day()).unwrap_or(first));
        }
        let mut next = self.next_date(first);
        while self.instant(next) <= wall_ns && next > first {
            first = next;
            next = self.next_date(first);
        }
        // A date that the zone skips whole (Apia, 2011-12-30) makes a window of length 0: it is passed over.
        let start_ns = self.instant(first);
        let mut end_ns = self.instant(next);
        while end_ns <= start_ns && next < Date::MAX {
            next = self.next_date(next);
            end_ns = self.instant(next);
        }
        Window { start_ns, end_ns }
    }

    fn first_date(&self, date: Date) -> Date {
        match self.period {
            Period::Week => {
                let back = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(back.days()).unwrap_or(date)
            }
            Period::Month => date.first_of_month(),
            Period::Year => date.first_of_year(),
            _ => date,
        }
    }

    fn next_date(&self, first: Date) -> Date {
        let span = match self.period {
            Period::Week => 7.days(),
            Period::Month => 1.month(),
            Period::Year => 1.year(),
            _ => 1.day(),
        };
        first.checked_add(span).unwrap_or(Date::MAX)
    }

    /// The instant of a local midnight: after a gap its end, in a fold its first occurrence.
    fn instant(&self, date: Date) -> i64 {
        let midnight = DateTime::from_parts(date, Time::midnight());
        let ambiguous = self.zone.to_ambiguous_timestamp(midnight);
        let found = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous(),
            AmbiguousOffset::Fold { .. } => ambiguous.earlier(),
            AmbiguousOffset::Gap { before, .. } => {
                // Midnight at the old offset lies inside the gap; the gap's end is the transition before it.
                let Ok(probe) = before.to_timestamp(midnight) else { return i64::MAX };
                let after = probe.checked_add(1.nanosecond()).unwrap_or(probe);
                let transition = self.zone.preceding(after).next().map_or(probe, |found| found.timestamp());
                return nanoseconds(transition);
            }
        };
        found.map_or(i64::MAX, nanoseconds)
    }
}

fn timestamp(wall_ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(wall_ns)).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn nanoseconds(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_nanosecond()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(zone: &str, period: &str, at: &str) -> (String, String) {
        let calendar = Calendar::new(period, zone).unwrap_or_else(|error| unreachable!("{error}"));
        let at: Timestamp = at.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        let window = calendar.window(nanoseconds(at));
        (timestamp(window.start_ns).to_string(), timestamp(window.end_ns).to_string())
    }

    #[test]
    fn daylight_saving_and_odd_zones() {
        let table = [
            ("Europe/Paris", "day", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
            ("Europe/Paris", "day", "2026-10-25T01:30:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
            ("Europe/Paris", "month", "2026-10-10T00:00:00Z", "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"),
            ("America/Santiago", "day", "2026-09-05T12:00:00Z", "2026-09-05T04:00:00Z", "2026-09-06T04:00:00Z"),
            ("America/Santiago", "day", "2026-09-06T12:00:00Z", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),
            ("America/Santiago", "day", "2026-04-05T03:30:00Z", "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z"),
            ("America/Santiago", "month", "2026-09-15T00:00:00Z", "2026-09-01T04:00:00Z", "2026-10-01T03:00:00Z"),
            ("America/New_York", "week", "2026-10-28T00:00:00Z", "2026-10-26T04:00:00Z", "2026-11-02T05:00:00Z"),
            ("Asia/Kathmandu", "day", "2026-06-01T00:00:00Z", "2026-05-31T18:15:00Z", "2026-06-01T18:15:00Z"),
            ("Asia/Kathmandu", "hour", "2026-06-01T00:00:00Z", "2026-05-31T23:15:00Z", "2026-06-01T00:15:00Z"),
            ("Pacific/Apia", "day", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", "day", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
            ("UTC", "year", "2028-02-29T00:00:00Z", "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z"),
            ("UTC", "30d", "1970-01-31T00:00:00Z", "1970-01-31T00:00:00Z", "1970-03-02T00:00:00Z"),
        ];
        for (zone, period, at, start, end) in table {
            assert_eq!(window(zone, period, at), (start.to_owned(), end.to_owned()), "{zone} {period} {at}");
        }
    }

    #[test]
    fn windows_tile_time() {
        for zone in ["Europe/Paris", "America/Santiago", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo", "America/Asuncion"] {
            for period in ["hour", "day", "week", "month", "year", "30d"] {
                let Ok(calendar) = Calendar::new(period, zone) else { unreachable!("{zone}") };
                let mut at = 1_262_304_000 * NS;
                for _ in 0..2_000 {
                    let window = calendar.window(at);
                    assert!(window.contains(at) && window.end_ns > window.start_ns, "{zone} {period} {at}");
                    assert_eq!(calendar.window(window.start_ns), window, "{zone} {period}");
                    assert_eq!(calendar.window(window.end_ns - 1), window, "{zone} {period}");
                    assert_eq!(calendar.window(window.end_ns).start_ns, window.end_ns, "{zone} {period}");
                    at = window.end_ns;
                    if at > 1_900_000_000 * NS {
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (period, zone) in
            [("dya", "UTC"), ("0d", "UTC"), ("-1d", "UTC"), ("30", "UTC"), ("", "UTC"), ("day", "Berlin"), ("day", "")]
        {
            assert!(Calendar::new(period, zone).is_err(), "{period} {zone}");
        }
        let error = Calendar::new("dya", "UTC").err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.ends_with("(did you mean 'day'?)"), "{error}");
    }
}
