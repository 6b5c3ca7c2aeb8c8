"""The trace format of tierkit: one JSON object per line."""

from __future__ import annotations

import json
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING

from tierkit.report.trace.moment import ns_of_seconds, ns_of_text
from tierkit.report.trace.record import TraceRecord, bad, token_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

__all__ = ["FIELDS", "json_object", "read_own"]

FIELDS = ("ts", "labels", "prompt", "input_tokens", "output_tokens", "max_output_tokens", "need")
_NO_LABELS: Mapping[str, str] = {}


def read_own(lines: Iterable[tuple[int, str]], place: str) -> Iterator[TraceRecord]:
    """Read lines such as `{"ts": 0.5, "labels": {"team": "search"}, "input_tokens": 900, "output_tokens": 40}`.

    `ts` is a number of seconds or an RFC 3339 text; either `prompt` (text or chat messages) or `input_tokens` is
    needed, both may be given; `labels`, `max_output_tokens` and `need` may be left out. Other fields are passed over.
    """
    for line, text in lines:
        row = json_object(text, place, line)
        prompt = _prompt(row.get("prompt"), place, line)
        counted = row.get("input_tokens")
        if prompt is None and counted is None:
            raise _missing("'prompt' or 'input_tokens'", "input_tokens", row, place, line)
        bound = row.get("max_output_tokens")
        if "output_tokens" not in row:
            raise _missing("'output_tokens'", "output_tokens", row, place, line)
        yield TraceRecord(
            _instant(row, place, line),
            _labels(row.get("labels"), place, line),
            prompt,
            None if counted is None else token_count(counted, "input_tokens", place, line),
            token_count(row["output_tokens"], "output_tokens", place, line),
            None if bound is None else token_count(bound, "max_output_tokens", place, line, least=1),
            _need(row.get("need"), place, line),
            line,
        )


def json_object(text: str, place: str, line: int) -> dict[str, Any]:
    """Parse one line as a JSON object; numbers with a point stay exact, NaN and Infinity are refused."""
    try:
        row = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except RecursionError:
        raise bad(place, line, "the JSON is nested too deep; a request is one flat object") from None
    except ValueError as error:
        reason = getattr(error, "msg", None) or str(error)
        column = getattr(error, "colno", 0)
        raise bad(place, line, f"not JSON: {reason}{f' at column {column}' if column else ''}") from None
    if not isinstance(row, dict):
        raise bad(place, line, f'a JSON {type(row).__name__} where an object such as {{"ts": 0, ...}} is wanted')
    return row


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number that JSON knows")


def _missing(wanted: str, field: str, row: Mapping[str, Any], place: str, line: int) -> Exception:
    near = get_close_matches(field, [name for name in row if name not in FIELDS], n=1)
    hint = f" (did you mean '{field}' by '{near[0][:40]}'?)" if near else ""
    return bad(place, line, f"{wanted} is missing{hint}")


def _instant(row: Mapping[str, Any], place: str, line: int) -> int:
    if "ts" not in row:
        raise _missing("'ts'", "ts", row, place, line)
    value = row["ts"]
    ns = None
    if isinstance(value, str):
        ns = ns_of_text(value)
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        ns = ns_of_seconds(value)
    if ns is None:
        seen = repr(value) if isinstance(value, str) else str(value)
        raise bad(place, line, f"ts {seen[:60]} is not an instant; write seconds from 0 on, or RFC 3339 text")
    return ns


def _labels(value: object, place: str, line: int) -> Mapping[str, str]:
    if value is None:
        return _NO_LABELS
    if isinstance(value, dict) and all(key and isinstance(text, str) for key, text in value.items()):
        return value
    raise bad(place, line, f'labels {str(value)[:60]} is not an object of texts; write {{"team": "search"}}')


def _prompt(value: object, place: str, line: int) -> str | list[dict[str, Any]] | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(message, dict) for message in value):
        return value
    raise bad(place, line, f"prompt {str(value)[:60]} is neither a text nor a list of chat messages")


def _need(value: object, place: str, line: int) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    raise bad(place, line, f"need {str(value)[:60]} is not a number from 0 to 1")
