"""Labelled requests in a file: what was asked, how good the tiers' answers were, where it came from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import ConfigError
from tierkit.report.trace.own import json_object
from tierkit.report.trace.record import bad
from tierkit.report.trace.source import numbered_lines

if TYPE_CHECKING:
    import os
    from typing import Any

__all__ = ["LabelledRow", "read_labelled"]

_CHEAP = ("q_cheap", "label", "quality")
_STRONG = ("q_frontier", "q_strong")


class LabelledRow(NamedTuple):
    """One labelled request.

    Attributes:
        prompt: The text that is scored.
        weak: Quality of the cheap tier's answer, in [0, 1].
        strong: Quality of the strong tier's answer, or None when it gave none.
        source: Where it came from; "all" when the file does not say.
    """

    prompt: str
    weak: float
    strong: float | None
    source: str


def read_labelled(path: str | os.PathLike[str]) -> list[LabelledRow]:
    """Read JSON lines, plain or gzip, `-` for standard input; each line is one labelled request.

    Fields: `prompt`; the cheap tier's quality in [0, 1] as `q_cheap`, `label` or `quality`; the strong tier's as
    `q_frontier` or `q_strong` (null or left out when unknown); `source`. Other fields are not read.

    Raises:
        ConfigError: `FILE:LINE: sentence` at the first line that cannot be used, and for a file without rows.

    Example:
        >>> import pathlib, tempfile
        >>> from tierkit.report.labelled import read_labelled
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "rows.jsonl"
        >>> _ = file.write_text('{"prompt": "2 + 2?", "q_cheap": 1, "q_strong": 1}')
        >>> read_labelled(file)
        [LabelledRow(prompt='2 + 2?', weak=1.0, strong=1.0, source='all')]
    """
    name = "stdin" if path == "-" else str(path)
    rows = [_row(json_object(text, name, line), name, line) for line, text in numbered_lines(path, name)]
    if not rows:
        raise ConfigError(f'{name}: no rows; expected JSON lines such as {{"prompt": "...", "q_cheap": 0.5}}')
    return rows


def _row(row: dict[str, Any], name: str, line: int) -> LabelledRow:
    prompt = row.get("prompt")
    if not isinstance(prompt, str):
        raise bad(name, line, f"prompt {prompt!r:.40}: expected a text, as the person wrote it")
    weak = _quality(row, _CHEAP, name, line)
    if weak is None:
        raise bad(name, line, "the cheap tier's quality is missing; add q_cheap, a number from 0 to 1")
    return LabelledRow(prompt, weak, _quality(row, _STRONG, name, line), str(row.get("source") or "all"))


def _quality(row: dict[str, Any], names: tuple[str, ...], place: str, line: int) -> float | None:
    field = next((field for field in names if field in row), None)
    value = None if field is None else row[field]
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise bad(place, line, f"{field} {value!r:.40}: expected a quality from 0 (useless) to 1 (as good as wanted)")
    return number
