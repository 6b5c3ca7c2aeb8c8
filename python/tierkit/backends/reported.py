"""What a reply says is left of the provider's limits, in the form that the governor applies.

Example:
    >>> from tierkit.backends.reported import reported_limits
    >>> headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59"}
    >>> reported_limits("openai", headers)
    (ReportedLimit(dimension='requests', limit=60, period_s=60, remaining=59),)

"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit.backends.limits import parse_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ReportedLimit", "reported_limits"]

_MINUTE_S = 60
_DAY_S = 86_400
_ROUNDED_TOKENS = 999
"""Anthropic rounds the tokens that are left to thousands: up to so many may be missing."""


class ReportedLimit(NamedTuple):
    """One limit of a provider.

    Attributes:
        dimension: requests, total_tokens, input_tokens or output_tokens.
        limit: Units per period; None when the reply does not say.
        period_s: The period, in seconds.
        remaining: Units left; None when the reply does not say.

    """

    dimension: str
    limit: int | None
    period_s: int
    remaining: int | None


def reported_limits(kind: str, headers: Mapping[str, str]) -> tuple[ReportedLimit, ...]:
    """Read the limits of a reply; of several for one dimension, the one with the least left. Garbage gives nothing.

    Args:
        kind: The provider; it decides the period (requests are per day at Groq) and how figures are rounded.
        headers: Reply headers with lower-case names.

    """
    found: dict[str, ReportedLimit] = {}
    for row in parse_limits(kind, headers, now_s=0):
        left = row.remaining
        if left is not None and kind == "anthropic" and row.dimension != "requests":
            left = max(left - _ROUNDED_TOKENS, 0)
        period_s = _DAY_S if kind == "groq" and row.dimension == "requests" else _MINUTE_S
        known = found.get(row.dimension)
        if known is None or (left is not None and (known.remaining is None or left < known.remaining)):
            found[row.dimension] = ReportedLimit(row.dimension, row.limit, period_s, left)
    return tuple(found.values())
