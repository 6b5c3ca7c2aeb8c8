"""The table of scopes that `limits` and `top` print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tierkit.cli.output import plain, table, usd

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["crowding", "disk_trouble", "scope_table"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def scope_table(scopes: list[dict[str, Any]], title: str | None = None) -> Table:
    """Lay out scopes, one per line, in the order given."""
    from tierkit.report.limits import tightness  # noqa: PLC0415 - keeps --help quick

    made = table("rule", "key", "counts", ">taken", ">left", ">limit", ">held", ">posted", ">free in", title=title)
    for row in scopes:
        key = ", ".join(f"{name}={'-' if value is None else value}" for name, value in row["key"].items())
        taken = "-" if row["limit"] is None else f"{tightness(row):.0%}"
        rule = f"{row['rule']} (observes)" if row["observes"] else row["rule"]
        amounts = (_amount(row, word) for word in ("left", "limit", "held", "posted"))
        made.add_row(plain(rule), plain(key), row["dimension"], taken, *amounts, _wait(row))
    return made


def crowding(table: dict[str, int] | None) -> str:
    """Say how full the table of scopes is, where that is worth a word."""
    if table is None or (not table["refused"] and table["kept"] < table["slots"] * 7 // 8):
        return ""
    kept, slots, refused = table["kept"], table["slots"], table["refused"]
    return f"{kept:,} of {slots:,} slots for keys are taken; {refused:,} requests of new keys were refused"


def disk_trouble(disk: dict[str, Any] | None) -> str:
    """Say what keeps the ledger from being written, and what it lacks; "" where all is well."""
    if disk is None:
        return ""
    lacks = f"{disk['unwritten']:,} requests of {disk['unwritten_usd']} USD were admitted that the ledger lacks"
    return "; ".join(filter(None, (disk["fault"], lacks if disk["unwritten"] else "")))


def _amount(row: dict[str, Any], word: str) -> str:
    value = row[word]
    if value is None:
        return "-"
    return usd(value) if row["dimension"] == "usd" else f"{value:,}"


def _wait(row: dict[str, Any]) -> str:
    wait_ns = row["frees_in_ns"]
    if wait_ns is None:
        return "on release" if row["kind"] == "concurrency" else "never"
    seconds = -(-wait_ns // 1_000_000_000)
    for length, word in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds // length} {word}"
    return f"{seconds} s" if wait_ns else "now"
