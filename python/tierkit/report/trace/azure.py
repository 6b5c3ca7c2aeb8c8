"""The Azure LLM inference traces: CSV with TIMESTAMP, ContextTokens, GeneratedTokens.

Source: github.com/Azure/AzurePublicDataset (AzureLLMInferenceTrace_*.csv, 2023 and 2024), CC-BY-4.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tierkit.report.trace.moment import ns_of_text
from tierkit.report.trace.record import TraceRecord, bad, token_count

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["COLUMNS", "read_azure"]

COLUMNS = ("timestamp", "contexttokens", "generatedtokens")
_NO_LABELS: Mapping[str, str] = {}


def read_azure(lines: Iterable[tuple[int, str]], place: str) -> Iterator[TraceRecord]:
    """Read the rows; the first line names the columns, in any order and case."""
    rows = iter(lines)
    line, header = next(rows)
    names = [cell.strip().strip('"').lower() for cell in header.split(",")]
    if missing := [column for column in COLUMNS if column not in names]:
        raise bad(
            place, line, f"column '{missing[0]}' is missing; an Azure trace has TIMESTAMP,ContextTokens,GeneratedTokens"
        )
    when, context, generated = (names.index(column) for column in COLUMNS)
    for line, text in rows:
        cells = text.split(",")
        if len(cells) != len(names):
            raise bad(place, line, f"{len(cells)} cells where the header names {len(names)}")
        stamp = cells[when].strip('" ')
        ns = ns_of_text(stamp)
        if ns is None:
            raise bad(place, line, f"TIMESTAMP '{stamp[:60]}' is not an instant; write 2023-11-16 18:17:03.97")
        yield TraceRecord(
            ns,
            _NO_LABELS,
            None,
            token_count(_whole(cells[context]), "ContextTokens", place, line),
            token_count(_whole(cells[generated]), "GeneratedTokens", place, line),
            None,
            None,
            line,
        )


def _whole(cell: str) -> int | str:
    text = cell.strip('" ')
    # isdecimal alone would let other scripts' digits through, and a huge run of digits would be slow to convert.
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else text  # noqa: PLR2004
