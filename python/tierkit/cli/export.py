"""`tierkit ledger export`: every entry as CSV for a spreadsheet, or as JSON lines for a program."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tierkit.cli.output import spreadsheet_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["command"]

_UNITS = ("requests", "input_tokens", "output_tokens", "total_tokens", "concurrency")
_USAGE = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
)


def _instant(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        form = "expected ISO 8601 such as 2026-11-01 or 2026-11-01T12:00:00+01:00"
        raise click.BadParameter(f"{value!r}: {form}") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


@click.command("export", short_help="Write out every entry of a ledger.")
@click.option("--state", required=True, metavar="DIR", help="The state directory of the governor; it may be running.")
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), default="csv", show_default=True)
@click.option("--json", "form", flag_value="jsonl", help="The same as --format jsonl.")
@click.option("--since", metavar="ISO", callback=_instant, help="From this instant on; UTC unless it says otherwise.")
@click.option("--until", metavar="ISO", callback=_instant, help="To before this instant.")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="A file, not the screen.")
def command(*, state: str, form: str, since: int | None, until: int | None, out: Path | None) -> None:
    """Write out every entry of a ledger, oldest first: amounts as decimal USD, instants in UTC.

    In CSV, labels are one column of JSON, `units_` is what was reserved or booked and `used_` what the server reported;
    an id that a spreadsheet would take for a formula begins with a quote mark.

    \b
    Examples:
      tierkit ledger export --state .tierkit --out ledger.csv
      tierkit ledger export --state .tierkit --format jsonl --since 2026-11-01 | head
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.report.export import ledger_entries  # noqa: PLC0415 - keeps --help quick

    entries = ledger_entries(state, since_ns=since, until_ns=until)
    with _stream(out) as stream:
        if form == "jsonl":
            stream.writelines(json.dumps(entry, separators=(",", ":")) + "\n" for entry in entries)
        else:
            _write_csv(stream, entries)


@contextmanager
def _stream(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        yield file


def _write_csv(stream: IO[str], entries: Iterable[dict[str, Any]]) -> None:
    units = [f"units_{name}" for name in _UNITS]
    used = [f"used_{name}" for name in _USAGE]
    write = csv.writer(stream, lineterminator="\n").writerow
    write(["seq", "at", "id", "kind", "usd", "saved_usd", "marks", "labels", *units, *used])
    for entry in entries:
        usage = entry["usage"] or {}
        name = spreadsheet_text(entry["id"])
        money = [entry["usd"], entry["saved_usd"], " ".join(entry["marks"])]
        counts = [entry["units"][word] for word in _UNITS] + [usage.get(word, "") for word in _USAGE]
        write([entry["seq"], entry["at"], name, entry["kind"], *money, json.dumps(entry["labels"]), *counts])
