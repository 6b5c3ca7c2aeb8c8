"""Every price in the wheel says where and when it was read, and is a whole number."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import tierkit

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


def _rows() -> list[tuple[str, dict[str, Any]]]:
    path = Path(tierkit.prices.__file__).with_name("book.json")
    book = json.loads(path.read_text(encoding="utf-8"))
    return [(f"{entry['provider']}/{entry['model']}", row) for entry in book["models"] for row in entry["prices"]]


def test_every_price_has_a_source_and_a_day() -> None:
    rows = _rows()
    assert len(rows) > 100
    unsourced = [name for name, row in rows if not re.match(r"https?://\w", row.get("source", ""))]
    assert unsourced == []
    future = [name for name, row in rows if not date(2023, 1, 1) <= date.fromisoformat(row["as_of"]) <= date.today()]  # noqa: DTZ011 - a day, not an instant
    assert future == []


def test_every_price_is_a_whole_number_of_pico_usd() -> None:
    wrong = [
        f"{name}: {kind}={row[kind]!r}"
        for name, row in _rows()
        for kind in KINDS
        if row.get(kind) is not None and (type(row[kind]) is not int or row[kind] < 0)
    ]
    assert wrong == []
