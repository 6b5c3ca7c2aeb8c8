"""The book as a file: JSON whose prices are whole pico-USD per token."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from tierkit._core import _PriceModelRecord, _PriceRatesRecord, _PriceRowRecord

__all__ = ["BookFile", "model_records", "rates_record", "read_book", "utc_ns"]

_FORMAT = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BookFile(NamedTuple):
    """What a book file says."""

    as_of: str
    digest: str
    records: list[_PriceModelRecord]


def read_book() -> str:
    """Read the text of the shipped book."""
    return Path(__file__).with_name("book.json").read_text(encoding="utf-8")


def utc_ns(at: datetime | int) -> int:
    """Give an instant as nanoseconds since 1970, without a float on the way."""
    if isinstance(at, int) and not isinstance(at, bool):
        return at
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise ConfigError(f"time {at!r}: expected an aware datetime or whole nanoseconds since 1970")
    since = at - _EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


def model_records(text: str, *, name: str) -> BookFile:
    """Check a book's text and give its models in the form that the core takes."""
    try:
        book = json.loads(text, parse_float=_no_float)
        _check_head(book, text, name)
        records = [_model(entry) for entry in book["models"]]
    except (KeyError, TypeError, IndexError, json.JSONDecodeError) as error:
        raise ConfigError(f"{name}: not a price book ({type(error).__name__}: {error})") from error
    return BookFile(book["as_of"], book["sha256"], records)


def _no_float(text: str) -> float:
    raise ConfigError(f"price {text}: a fraction; expected whole pico-USD per token")


def _check_head(book: dict[str, Any], text: str, name: str) -> None:
    if book["format"] != _FORMAT:
        raise ConfigError(f"{name}: format {book['format']!r}; this version reads format {_FORMAT}")
    lines = text.partition('"models":[\n')[2].removesuffix("\n]}\n")
    digest = hashlib.sha256(lines.encode()).hexdigest()
    if digest != book["sha256"]:
        raise ConfigError(
            f"{name}: models have the digest {digest[:12]}…, the head says {book['sha256'][:12]}…; restore the file"
        )


def _model(entry: dict[str, Any]) -> _PriceModelRecord:
    rows = [_row(row) for row in entry["prices"]]
    return entry["model"], entry["provider"], entry["aliases"], entry["dated"], rows


def _row(row: dict[str, Any]) -> _PriceRowRecord:
    over, upto = row.get("context", (0, None))
    first, last = row.get("valid", (None, None))
    hours = (row["utc_minutes"][0], row["utc_minutes"][1]) if "utc_minutes" in row else None
    valid = (_day_ns(first), _day_ns(last))
    return row["processing"], (over, upto), valid, hours, rates_record(row), row["source"], row["as_of"]


def rates_record(prices: Mapping[str, int]) -> _PriceRatesRecord:
    """Put prices by kind into the order that the core takes."""
    return (
        prices["input"],
        prices.get("output"),
        prices.get("cache_read"),
        prices.get("cache_write_5m"),
        prices.get("cache_write_1h"),
    )


def _day_ns(day: str | None) -> int | None:
    return None if day is None else utc_ns(datetime.fromisoformat(day).replace(tzinfo=UTC))
