"""`tierkit explain`: the story of one request, as the ledger tells it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from tierkit.cli.output import as_json, json_option, paper, plain

__all__ = ["command"]

_UNKNOWN = 1


@click.command("explain", short_help="Tell the story of one request.")
@click.argument("request_id", metavar="ID")
@click.option("--state", required=True, metavar="DIR", help="The state directory of the governor; it may be running.")
@json_option
def command(request_id: str, *, state: str, as_json_: bool) -> int:
    """Tell what happened to the request ID: what was reserved, posted or given back, and on which budgets.

    Leaves with 1 when the ledger knows no such request.

    \b
    Examples:
      tierkit explain 01JD3V9YQ4 --state .tierkit
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.report.spend import explain  # noqa: PLC0415 - keeps --help quick

    entries = explain(state, request_id)
    if as_json_:
        as_json({"id": request_id, "entries": entries})
    elif entries:
        _tell(request_id, entries)
    else:
        click.echo(f"tierkit: the ledger in {state} knows no request '{plain(request_id)}'", err=True)
    return 0 if entries else _UNKNOWN


def _tell(request_id: str, entries: list[dict[str, Any]]) -> None:
    out = paper()
    labels = entries[-1]["labels"] or {}
    out.print(f"request {plain(request_id)}")
    out.print("  " + plain(", ".join(f"{name}={value}" for name, value in labels.items() if value)), soft_wrap=True)
    for entry in entries:
        seconds, ns = divmod(entry["at_ns"], 1_000_000_000)
        when = datetime.fromtimestamp(seconds, UTC)
        marks = f"  ({', '.join(entry['marks'])})" if entry["marks"] else ""
        out.print(f"{when:%Y-%m-%d %H:%M:%S}.{ns // 1_000_000:03}Z  {entry['kind']:<8} {entry['usd']:>14} USD{marks}")
        if entry["usage"]:
            used = ", ".join(f"{count:,} {name}" for name, count in entry["usage"].items() if count)
            out.print(f"    used {plain(used)}", soft_wrap=True)
        for posting in entry["postings"]:
            key = ", ".join(f"{name}={value}" for name, value in (posting["key"] or {}).items())
            change = f"posted {posting['posted_usd']}, pending {posting['pending_usd']}"
            out.print(f"    budget {plain(posting['rule'])} [{plain(key)}]: {change}", soft_wrap=True)
