"""When to come back: the wait that a server asks for.

Order: `retry-after-ms`, `retry-after` (seconds, float or HTTP date), the provider's reset of the dimension that is at
0, a hint in the body. Garbage, the past and negatives are no hint. Hints are capped, and never stretched.

Example:
    >>> from tierkit.backends.hints import retry_after_s
    >>> retry_after_s("openai", {"retry-after-ms": "1500", "retry-after": "2"}, b"", now_s=0)
    1.5
    >>> retry_after_s("openai", {"retry-after": "soon"}, b"", now_s=0) is None
    True

"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tierkit.backends.limits import parse_duration_s, parse_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_HINT_S", "retry_after_s"]

MAX_HINT_S = 86_400.0
"""No hint is longer than a day: day quotas reset within it, and a garbage figure does no more harm than that."""
_BODY_HINT = re.compile(rb"try again in ([0-9][0-9a-z.]{0,30})", re.IGNORECASE)
_RETRY_DELAY = re.compile(rb'"retryDelay"\s*:\s*"([0-9][0-9a-z.]{0,30})"')


def retry_after_s(kind: str, headers: Mapping[str, str], body: bytes, *, now_s: float) -> float | None:
    """Return the server's hint in seconds, or None.

    Args:
        kind: The provider, such as "openai"; its rate-limit headers are read when no plain hint stands.
        headers: Reply headers with lower-case names.
        body: The error body.
        now_s: Unix time in seconds, for hints that name a point in time. A `date` header in the reply wins over it,
            since only the server's own clock fits its own dates.

    """
    found = _number(headers.get("retry-after-ms"), scale=0.001)
    if found is None:
        found = _number(headers.get("retry-after"), scale=1.0)
    if found is None:
        found = _date(headers.get("retry-after"), _date_s(headers.get("date")) or now_s)
    if found is None:
        found = _reset(kind, headers, now_s)
    if found is None:
        found = _in_body(body)
    return None if found is None else min(found, MAX_HINT_S)


def _number(text: str | None, *, scale: float) -> float | None:
    try:
        value = float(text or "") * scale
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None  # also refuses nan


def _date(text: str | None, now_s: float) -> float | None:
    at_s = _date_s(text)
    return at_s - now_s if at_s is not None and at_s > now_s else None


def _date_s(text: str | None) -> float | None:
    if not text or not text[:1].isalpha():
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - rarely needed

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _reset(kind: str, headers: Mapping[str, str], now_s: float) -> float | None:
    waits: list[float] = [
        row.reset_s for row in parse_limits(kind, headers, now_s=now_s) if row.remaining == 0 and row.reset_s
    ]
    return max(waits, default=None)


def _in_body(body: bytes) -> float | None:
    head: Any = body[:65536]
    for pattern in (_RETRY_DELAY, _BODY_HINT):
        found = pattern.search(head)
        if found:
            wait_s = parse_duration_s(found.group(1).decode("ascii").rstrip("."))
            if wait_s is not None:
                return wait_s
    return None
