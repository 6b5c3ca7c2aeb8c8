"""Token usage as providers report it, in one normal form: totals include their parts.

Whatever a server writes, nothing here raises and nothing negative comes out: a value that is not a count is ignored
and the result is marked `estimated`, so that the caller takes its own count where that is higher.

Example:
    >>> from tierkit.backends.usage import parse_usage
    >>> parse_usage("vllm", {"usage": {"prompt_tokens": 19, "completion_tokens": 24, "total_tokens": 43}})
    Usage(input_tokens=19, output_tokens=24)
    >>> parse_usage("vllm", {"usage": {"prompt_tokens": -1, "completion_tokens": 24}})
    Usage(input_tokens=0, output_tokens=24, estimated=True)
    >>> parse_usage("vllm", {"usage": None}) is None
    True

"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from tierkit.backends.usage_rules import UsageRule, rule_of
from tierkit.request import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MAX_TOKENS", "UsageReader", "parse_usage"]

MAX_TOKENS = 1 << 40
"""More tokens than any call can have; a larger figure is a broken server's."""
_DEPTH = 4


def parse_usage(kind: str, body: Any) -> Usage | None:
    """Read the usage of one whole reply body.

    Args:
        kind: The provider's row, such as "openai", "vllm", "anthropic", "gemini", "openai_responses".
        body: The parsed JSON body; anything else gives None.

    Returns:
        Inclusive totals, or None when the body names no usable count. `estimated` is True when a count was missing,
        not a count, or did not add up.

    """
    reader = UsageReader(kind)
    reader.feed(body)
    return reader.usage()


class UsageReader:
    """Merges the usage that the frames of one reply carry: per field the last usable value, never a sum."""

    __slots__ = ("_counts", "_paths", "_rule", "_suspect", "served_tier")

    def __init__(self, kind: str) -> None:
        """Start empty."""
        self._rule: UsageRule = rule_of(kind)
        self._paths = _paths(self._rule)
        self._counts: dict[str, int] = {}
        self._suspect = False
        self.served_tier: str | None = None

    def feed(self, body: Any) -> bool:
        """Take one body or frame; return True when it carried a usage object."""
        if not isinstance(body, dict):
            return False
        for path in self._rule.served:
            served = _at(body, path)
            if isinstance(served, str):
                self.served_tier = served[:64]
        for root in self._rule.roots:
            found = _at(body, root)
            if isinstance(found, dict):
                self._merge(found)
                return True
            self._suspect |= found is not None
        return False

    def _merge(self, found: Mapping[str, Any]) -> None:
        for path, value in _leaves(found):
            count = _count(value)
            if count is not None:
                self._counts[path] = count
            elif path in self._paths:
                self._suspect = True

    def usage(self) -> Usage | None:
        """Return what was reported so far, or None when no total was usable."""
        rule, counts = self._rule, self._counts
        if rule.input not in counts and rule.output not in counts:
            return None
        reads = _first(counts, rule.reads)
        writes_5m, writes_1h = _writes(counts, rule)
        reasoning = _first(counts, rule.reasoning)
        input_tokens = counts.get(rule.input, 0) + sum(counts.get(path, 0) for path in rule.extra_input)
        output_tokens = counts.get(rule.output, 0)
        if rule.cached_outside:
            input_tokens += reads + writes_5m + writes_1h
        if rule.reasoning_outside:
            output_tokens += reasoning
        sure = not self._suspect and rule.input in counts and rule.output in counts
        total = counts.get(rule.total)
        sure = sure and (total is None or total == input_tokens + output_tokens)
        # A part larger than its total is a contradiction: keep the totals, which cost more uncached, and say so.
        sure = sure and reads + writes_5m + writes_1h <= input_tokens and reasoning <= output_tokens
        reads = min(reads, input_tokens)
        writes_5m = min(writes_5m, input_tokens - reads)
        writes_1h = min(writes_1h, input_tokens - reads - writes_5m)
        return Usage(
            min(input_tokens, MAX_TOKENS),
            min(output_tokens, MAX_TOKENS),
            cache_read_tokens=reads,
            cache_write_5m_tokens=writes_5m,
            cache_write_1h_tokens=writes_1h,
            reasoning_tokens=min(reasoning, output_tokens),
            served_tier=self.served_tier,
            estimated=not sure,
        )


def _writes(counts: Mapping[str, int], rule: UsageRule) -> tuple[int, int]:
    writes_5m, writes_1h = _first(counts, rule.writes_5m), _first(counts, rule.writes_1h)
    # Anthropic's undivided figure; the division by time to live may be absent (vLLM, llama.cpp, older replies).
    undivided = counts.get("cache_creation_input_tokens", 0) if rule.cached_outside else 0
    return max(writes_5m, undivided - writes_1h), writes_1h


def _first(counts: Mapping[str, int], paths: tuple[str, ...]) -> int:
    return next((counts[path] for path in paths if path in counts), 0)


@cache
def _paths(rule: UsageRule) -> frozenset[str]:
    parts = (*rule.reads, *rule.writes_5m, *rule.writes_1h, *rule.reasoning, *rule.extra_input)
    return frozenset((rule.input, rule.output, rule.total, *parts, "cache_creation_input_tokens"))


def _count(value: Any) -> int | None:
    """Return a token count, or None; some servers write whole floats, none writes a bool and means a number."""
    if isinstance(value, float) and value.is_integer() and 0 <= value <= MAX_TOKENS:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS:
        return value
    return None


def _at(body: Mapping[str, Any], path: str) -> Any:
    if "." not in path:  # nearly always, and once a frame
        return body.get(path)
    found: Any = body
    for key in path.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


def _leaves(found: Mapping[str, Any], prefix: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Any]]:
    """Yield the dotted path of every value; null is absence, so it never overwrites."""
    for key, value in found.items():
        if isinstance(value, dict):
            if depth > 1:
                yield from _leaves(value, f"{prefix}{key}.", depth - 1)
        elif value is not None:
            yield f"{prefix}{key}", value
