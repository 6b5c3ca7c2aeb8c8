"""What a request got, and its form in the cache."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from tierkit.money import Money
from tierkit.request import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Answer", "Attempt", "CachedAnswer", "read_cached", "write_cached"]

_FORM = 1
_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
)


class Attempt(NamedTuple):
    """One request to one server, as it was charged.

    Attributes:
        id: `<request id>/<number>`, as in the ledger.
        tier: The tier that was tried.
        model: Its model.
        backend: Its backend.
        outcome: answered, cached, dropped, or the error's outcome: not_sent, refused, uncertain, partial.
        error_class: Why it failed, or None.
        usage: What was posted; None when it was posted as reserved or not at all.
        cost: What was posted.

    """

    id: str
    tier: str
    model: str
    backend: str
    outcome: str
    error_class: str | None
    usage: Usage | None
    cost: Money


class Answer:
    """A complete answer and what it cost.

    Attributes:
        text: The answer.
        tier: The tier that served it.
        model: The tier's model.
        cost: USD of all attempts together; 0 for an answer from the cache.
        usage: Tokens of the attempt that answered; from the cache, those that the answer took when it was made.
        from_cache: True when no server was asked.
        id: The request's id; attempts add `/1`, `/2`, …
        finish_reason: `stop`, `length`, `tool_calls`, … as the server wrote it.
        tool_calls: Tool calls as the server wrote them.
        attempts: Every attempt, the last one answered.

    """

    __slots__ = (
        "attempts",
        "cost",
        "finish_reason",
        "from_cache",
        "id",
        "model",
        "text",
        "tier",
        "tool_calls",
        "usage",
    )

    def __init__(
        self,
        text: str,
        *,
        id: str,  # noqa: A002 - the word that users read in the ledger
        attempts: tuple[Attempt, ...],
        usage: Usage | None,
        finish_reason: str | None,
        tool_calls: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Keep the parts; the last attempt is the one that answered."""
        self.text = text
        self.id = id
        self.attempts = attempts
        self.tier = attempts[-1].tier
        self.model = attempts[-1].model
        self.from_cache = attempts[-1].outcome == "cached"
        self.cost = total_cost(attempts)
        self.usage = usage
        self.finish_reason = finish_reason
        self.tool_calls = tool_calls

    def __repr__(self) -> str:
        """Show where it came from and what it cost; the text may be private."""
        return f"Answer(id={self.id!r}, tier={self.tier!r}, cost='{self.cost}', from_cache={self.from_cache})"


def total_cost(attempts: Sequence[Attempt]) -> Money:
    """Add the cost of all attempts."""
    return sum((attempt.cost for attempt in attempts), start=Money("0"))


class CachedAnswer(NamedTuple):
    """An answer as the cache holds it."""

    text: str
    finish_reason: str | None
    usage: Usage | None


def write_cached(text: str, finish_reason: str | None, usage: Usage) -> bytes:
    """Write an answer for the cache."""
    counts = {name: getattr(usage, name) for name in _COUNTS if getattr(usage, name)}
    value = {"form": _FORM, "text": text, "finish_reason": finish_reason, "usage": counts}
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def read_cached(value: bytes) -> CachedAnswer | None:
    """Read an answer from the cache; None when another program, or another version, wrote it."""
    try:
        found = json.loads(value)
        if found["form"] != _FORM or not isinstance(found["text"], str):
            return None
        counts: dict[str, Any] = {name: int(found["usage"].get(name, 0)) for name in _COUNTS}
        usage = Usage(counts.pop("input_tokens"), counts.pop("output_tokens"), **counts)
        return CachedAnswer(found["text"], found.get("finish_reason"), usage)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
