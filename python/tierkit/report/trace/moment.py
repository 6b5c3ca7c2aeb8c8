"""Instants as text or number to integer nanoseconds, without a float on the way."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache

__all__ = ["MAX_NS", "ns_of_seconds", "ns_of_text"]

# The last nanosecond that a signed 64-bit clock can hold, in the year 2262.
MAX_NS = 2**63 - 1
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MINUTE_NS = 60_000_000_000
_PATTERN = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?\s?(Z|z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


def ns_of_text(text: str) -> int | None:
    """Read an RFC 3339 instant as nanoseconds since 1970 in UTC; None when it is not one.

    A space may stand for the `T`. Without an offset the instant is taken as UTC; digits below a nanosecond are dropped.

    Example:
        >>> from tierkit.report.trace.moment import ns_of_text
        >>> ns_of_text("2023-11-16 18:17:03.9799600")
        1700158623979960000

    """
    found = _PATTERN.fullmatch(text.strip())
    if found is None:
        return None
    day, hour, minute, second, fraction, zone = found.groups()
    start = _day_ns(day)
    if start is None or hour > "23" or minute > "59" or second > "60":
        return None
    ns = start + (int(hour) * 60 + int(minute)) * _MINUTE_NS + int(second) * 1_000_000_000
    if fraction:
        ns += int(fraction[:9].ljust(9, "0"))
    if zone:
        ns -= _offset_ns(zone)
    return ns if 0 <= ns <= MAX_NS else None


def ns_of_seconds(value: int | Decimal) -> int | None:
    """Read seconds as nanoseconds; None when they are negative, not finite or beyond the year 2262.

    Example:
        >>> from decimal import Decimal
        >>> from tierkit.report.trace.moment import ns_of_seconds
        >>> ns_of_seconds(Decimal("0.25"))
        250000000

    """
    if isinstance(value, Decimal):
        if not value.is_finite() or not 0 <= value < MAX_NS:
            return None
        ns = int(value.scaleb(9))
    else:
        ns = value * 1_000_000_000
    return ns if 0 <= ns <= MAX_NS else None


@lru_cache(maxsize=64)
def _day_ns(text: str) -> int | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return (day.toordinal() - _EPOCH_DAY) * 1440 * _MINUTE_NS


@lru_cache(maxsize=64)
def _offset_ns(zone: str) -> int:
    if zone in {"Z", "z", "UTC"}:
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (minutes if zone[0] == "+" else -minutes) * _MINUTE_NS
