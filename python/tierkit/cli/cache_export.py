"""`tierkit cache export`: every entry of a cache file as JSON lines or CSV; answers only when they are asked for."""

from __future__ import annotations

import csv
import json
from base64 import b64encode
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from tierkit.cli.cache_file import file_option, opened, tenant
from tierkit.cli.output import spreadsheet_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tierkit._core import CacheFile

__all__ = ["command"]

_PORTION = 256


@click.command("export", short_help="Write out every entry of a cache file.")
@file_option
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True)
@click.option("--json", "form", flag_value="jsonl", help="The same as --format jsonl.")
@click.option("--values", is_flag=True, help="With the answers; they may be private.")
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="A file, not the screen.")
def command(state: Path | None, path: Path | None, *, form: str, values: bool, out: Path | None) -> None:
    """Write out every entry that still answers, oldest first: id, namespace, tag, question, instants in UTC, bytes.

    With --values also the answer: as text where it is UTF-8, else as base64. A governor's answers begin with the tier
    that gave them. In CSV, a text that a spreadsheet would take for a formula begins with a quote mark.

    \b
    Examples:
      tierkit cache export --state .tierkit | head
      tierkit cache export --path cache.db --format csv --values --out answers.csv
    """  # noqa: D301 - \b is click's mark for lines to keep
    rows = _rows(opened(state, path), values=values)
    with _stream(out) as stream:
        if form == "jsonl":
            stream.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
            return
        columns = ["id", "namespace", "tag", "text", "put_at", "expires_at", "saved_usd", "value_bytes"]
        columns += ["value", "value_base64"] if values else []
        write = csv.writer(stream, lineterminator="\n").writerow
        write(columns)
        for row in rows:
            write([spreadsheet_text(str(row.get(column, ""))) for column in columns])


@contextmanager
def _stream(out: Path | None) -> Iterator[IO[str]]:
    if out is None:
        import sys  # noqa: PLC0415 - the stream of this moment, which a test may have exchanged

        yield sys.stdout
        return
    with out.open("w", encoding="utf-8", newline="") as file:
        yield file


def _rows(file: CacheFile, *, values: bool) -> Iterator[dict[str, Any]]:
    above = 0
    while (portion := file.entries(above, most=_PORTION, values=values)) is not None:
        above, entries = portion
        yield from (_row(entry) for entry in entries)


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    from tierkit.money import Money  # noqa: PLC0415 - keeps --help quick

    row = {
        "id": str(entry["id"]),
        "namespace": tenant(entry["owner"]),
        "tag": entry["tag"],
        "text": entry["text"],
        "put_at": _instant(entry["put_ns"]),
        "expires_at": _instant(entry["expires_ns"]),
        "saved_usd": str(Money.from_nusd(entry["saved_nusd"])),
        "value_bytes": entry["value_bytes"],
    }
    if "value" in entry:
        try:
            row["value"] = entry["value"].decode()
        except UnicodeDecodeError:
            row["value_base64"] = b64encode(entry["value"]).decode()
    return row


def _instant(wall_ns: int) -> str | None:
    """Write an instant; None for one beyond the calendar, which means never."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - as above

    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=wall_ns // 1_000_000_000)).isoformat()
    except OverflowError:
        return None
