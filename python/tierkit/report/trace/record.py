"""One request of a trace, and the checks that every reader shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

__all__ = ["MAX_TOKENS", "TraceRecord", "bad", "token_count"]

# No model takes more; a larger figure is a wrong column or a wrong unit.
MAX_TOKENS = 1_000_000_000


class TraceRecord(NamedTuple):
    """One request as a trace tells it.

    Attributes:
        ts_ns: Arrival in nanoseconds since 1970-01-01T00:00Z, or since the trace's own zero.
        labels: What the request carries; empty when the trace has none.
        prompt: Text or chat messages, or None when the trace holds only counts.
        input_tokens: Size of the request, or None when the prompt is to be counted.
        output_tokens: Size of the answer.
        max_output_tokens: The bound that the caller asked for, or None.
        need: How much the request needs the strong tier, in [0, 1], or None.
        line: Line of the file, from 1.

    """

    ts_ns: int
    labels: Mapping[str, str]
    prompt: str | Sequence[Mapping[str, Any]] | None
    input_tokens: int | None
    output_tokens: int
    max_output_tokens: int | None
    need: float | None
    line: int


def bad(place: str, line: int, sentence: str) -> ConfigError:
    """Make the error of one line: `FILE:LINE: sentence`."""
    return ConfigError(f"{place}:{line}: {sentence}")


def token_count(value: object, name: str, place: str, line: int, *, least: int = 0) -> int:
    """Accept a whole number of tokens up to a billion; refuse everything else with a sentence."""
    if type(value) is int and least <= value <= MAX_TOKENS:
        return value
    wanted = f"write a whole number from {least} to {MAX_TOKENS}"
    raise bad(place, line, f"{name} {_seen(value)} is not a token count; {wanted}")


def _seen(value: object) -> str:
    text = repr(value) if isinstance(value, (str, bool, int, type(None))) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - fits a line of a terminal
