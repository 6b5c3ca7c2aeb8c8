"""Traces: what requests came when, as real systems wrote it down.

Three formats are told apart by their first line: tierkit's own JSON lines, the Azure LLM inference CSV and the Mooncake
JSON lines; gzip is seen by its first bytes. A trace is streamed, never held: memory stays flat however long it is.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tierkit.errors import ConfigError
from tierkit.report.trace.azure import COLUMNS, read_azure
from tierkit.report.trace.mooncake import is_mooncake, read_mooncake
from tierkit.report.trace.own import FIELDS, json_object, read_own
from tierkit.report.trace.record import TraceRecord, bad
from tierkit.report.trace.source import numbered_lines

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Reader = Callable[[Iterable[tuple[int, str]], str], Iterator[TraceRecord]]

__all__ = ["MAX_STEP_BACK_S", "TraceRecord", "read_trace"]

# Writers that log at completion, or from several threads, step back by seconds; more is another order or unit.
MAX_STEP_BACK_S = 60


def read_trace(
    path: str | os.PathLike[str],
    *,
    labels: Mapping[str, str] | None = None,
    on_position: Callable[[int], None] | None = None,
) -> Iterator[TraceRecord]:
    """Stream the requests of a trace file in file order.

    Time never goes back: a request that is up to 60 s older than the newest before it is given that one's time; a
    larger step back is refused, since it means a file that is not in time order, or mixed units.

    Args:
        path: The file, plain or gzip; `-` reads standard input.
        labels: Labels added to every request; the trace's own labels win.
        on_position: Told now and then how many bytes of the file are behind, for a progress bar.

    Raises:
        ConfigError: `FILE:LINE: sentence` at the first line that cannot be used, and for a file without requests.

    Example:
        >>> import pathlib, tempfile
        >>> from tierkit.report.trace import read_trace
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "trace.jsonl"
        >>> _ = file.write_text('{"ts": 1.5, "input_tokens": 900, "output_tokens": 40}')
        >>> [record] = read_trace(file, labels={"team": "search"})
        >>> record.ts_ns, record.input_tokens, dict(record.labels)
        (1500000000, 900, {'team': 'search'})

    """
    place = "stdin" if path == "-" else str(path)
    lines = numbered_lines(path, place, on_position)
    first = next(lines, None)
    if first is None:
        raise ConfigError(f"{place}: the trace is empty; it needs one request per line")
    reader = _reader_for(first, place)
    return _checked(reader(chain([first], lines), place), place, labels or {})


def _reader_for(first: tuple[int, str], place: str) -> Reader:
    line, text = first
    if text.startswith("{"):
        return read_mooncake if is_mooncake(json_object(text, place, line)) else read_own
    if any(column in text.lower() for column in COLUMNS):
        return read_azure
    raise bad(
        place,
        line,
        f"not a trace: the first line is '{text[:40]}'; wanted is a JSON object with {', '.join(FIELDS[:5])}, "
        "or the header TIMESTAMP,ContextTokens,GeneratedTokens",
    )


def _checked(records: Iterable[TraceRecord], place: str, labels: Mapping[str, str]) -> Iterator[TraceRecord]:
    newest = 0
    tolerance = MAX_STEP_BACK_S * 1_000_000_000
    line = 0
    for record in records:
        ts, line = record.ts_ns, record.line
        if labels:
            own = record.labels
            record = record._replace(labels={**labels, **own} if own else labels)  # noqa: PLW2901 - the same request
        if ts >= newest:
            newest = ts
        elif newest - ts <= tolerance:
            record = record._replace(ts_ns=newest)  # noqa: PLW2901 - at the clock's time
        else:
            back = (newest - ts) // 1_000_000_000
            raise bad(
                place,
                line,
                f"the time steps back by {back} s (at most {MAX_STEP_BACK_S} s may be); sort the trace by time",
            )
        yield record
    if not line:
        raise ConfigError(f"{place}: the trace holds a header and no request")
