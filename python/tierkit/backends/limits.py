"""The rate limits that a provider reports in its headers.

Example:
    >>> from tierkit.backends.limits import parse_limits
    >>> parse_limits("openai", {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, now_s=0)
    [LimitRow(dimension='requests', limit=None, remaining=0, reset_s=360.0)]

"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LimitRow", "parse_duration_s", "parse_limits"]

_PART = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|us|h|m|s|d)")
_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EPOCH_AFTER = 1e9  # a plain number this large is a point in time, not a wait
# header prefix -> dimension; {} stands for limit, remaining, reset
_GENERIC = {
    "x-ratelimit-{}-requests": "requests",
    "x-ratelimit-{}-tokens": "total_tokens",
    "x-ratelimit-{}-tokens_usage_based": "total_tokens",
}
_ANTHROPIC = {
    "anthropic-ratelimit-requests-{}": "requests",
    "anthropic-ratelimit-tokens-{}": "total_tokens",
    "anthropic-ratelimit-input-tokens-{}": "input_tokens",
    "anthropic-ratelimit-output-tokens-{}": "output_tokens",
}
_TOGETHER = {"x-ratelimit-{}": "requests", "x-tokenlimit-{}": "total_tokens"}


class LimitRow(NamedTuple):
    """One dimension as the provider sees it; None where it does not say.

    Attributes:
        dimension: requests, total_tokens, input_tokens or output_tokens.
        limit: Units per window.
        remaining: Units left now.
        reset_s: Seconds until it is full again.

    """

    dimension: str
    limit: int | None
    remaining: int | None
    reset_s: float | None


def parse_limits(kind: str, headers: Mapping[str, str], *, now_s: float) -> list[LimitRow]:
    """Read the rate-limit headers of a reply; headers that are absent or garbage give no row.

    Args:
        kind: The provider.
        headers: Reply headers with lower-case names.
        now_s: Unix time in seconds, for resets that name a point in time.

    """
    if kind == "anthropic":
        table = _ANTHROPIC
    elif kind in {"together", "mistral"}:
        table = {**_GENERIC, **_TOGETHER}
    else:
        table = _GENERIC
    rows = []
    for pattern, dimension in table.items():
        limit = _units(headers.get(pattern.format("limit")))
        remaining = _units(headers.get(pattern.format("remaining")))
        reset_s = _reset_s(headers.get(pattern.format("reset")), now_s)
        if limit is not None or remaining is not None:
            rows.append(LimitRow(dimension, limit, remaining, reset_s))
    return rows


def parse_duration_s(text: str) -> float | None:
    """Read `12ms`, `6m0s`, `2m59.56s`, `10h17m5.72s` or plain seconds; None for anything else."""
    text = text.strip()
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _units(text: str | None) -> int | None:
    # Below 0 means unknown: Azure has answered -1.
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 16 else None  # noqa: PLR2004


def _reset_s(text: str | None, now_s: float) -> float | None:
    if not text:
        return None
    wait_s = parse_duration_s(text)
    if wait_s is not None:
        return wait_s if wait_s < _EPOCH_AFTER else (wait_s - now_s if wait_s > now_s else None)
    from datetime import datetime  # noqa: PLC0415 - rarely needed

    try:
        at_s = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return at_s - now_s if at_s > now_s else None
