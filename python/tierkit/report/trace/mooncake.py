"""The Mooncake traces: JSON lines with timestamp_ms (or timestamp), input_length, output_length, hash_ids.

Source: github.com/kvcache-ai/Mooncake (FAST25-release/traces), Apache-2.0. Times are milliseconds from the
trace's start.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tierkit.report.trace.moment import MAX_NS
from tierkit.report.trace.own import json_object
from tierkit.report.trace.record import TraceRecord, bad, token_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

__all__ = ["is_mooncake", "read_mooncake"]

_NO_LABELS: Mapping[str, str] = {}
_MS = 1_000_000


def is_mooncake(row: Mapping[str, Any]) -> bool:
    """Tell whether a first row has the shape of this format."""
    return "input_length" in row or "timestamp_ms" in row


def read_mooncake(lines: Iterable[tuple[int, str]], place: str) -> Iterator[TraceRecord]:
    """Read the rows. `hash_ids` name blocks of the prompt and are passed over: they carry no text to look up."""
    for line, text in lines:
        row = json_object(text, place, line)
        for field in ("input_length", "output_length"):
            if field not in row:
                raise bad(
                    place, line, f"'{field}' is missing; a Mooncake line has timestamp_ms, input_length, output_length"
                )
        yield TraceRecord(
            _instant(row, place, line),
            _NO_LABELS,
            None,
            token_count(row["input_length"], "input_length", place, line),
            token_count(row["output_length"], "output_length", place, line),
            None,
            None,
            line,
        )


def _instant(row: Mapping[str, Any], place: str, line: int) -> int:
    value = row.get("timestamp_ms", row.get("timestamp"))
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and 0 <= value <= MAX_NS // _MS:
        return int(value * _MS)
    raise bad(place, line, f"timestamp_ms {str(value)[:60]} is not a number of milliseconds from 0 on")
