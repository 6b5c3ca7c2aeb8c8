"""`tierkit top`: the tightest limits and budgets, live."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from tierkit.cli.output import as_json, json_option, paper

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["command"]

_EVERY_S = 1.0
_FRAME_ROWS = 6  # title, head and rule of the table, and a line to spare
_PIPED_ROWS = 40


@click.command("top", short_help="Watch the tightest limits and budgets.")
@click.option("--state", required=True, metavar="DIR", help="The state directory of the governor; it may be running.")
@click.option("--once", is_flag=True, help="Print once and leave, as it does in a pipe.")
@json_option
def command(*, state: str, once: bool, as_json_: bool) -> None:
    """Watch the tightest limits and budgets, each second anew; Ctrl-C ends it.

    \b
    Examples:
      tierkit top --state .tierkit
      tierkit top --state .tierkit --once
    """  # noqa: D301 - \b is click's mark for lines to keep
    if as_json_:
        from tierkit.report.limits import live_limits  # noqa: PLC0415 - keeps --help quick

        as_json(live_limits(state))
    elif once or not sys.stdout.isatty():
        paper().print(_picture(state, _PIPED_ROWS))
    else:
        _watch(state)


def _watch(state: str) -> None:
    from rich.live import Live  # noqa: PLC0415 - only for a terminal

    out = paper()
    with Live(console=out, auto_refresh=False, screen=True) as live:
        while True:
            live.update(_picture(state, max(1, out.height - _FRAME_ROWS)), refresh=True)
            time.sleep(_EVERY_S)


def _picture(state: str, rows: int) -> Table:
    from tierkit.cli.scopes import crowding, disk_trouble, scope_table  # noqa: PLC0415 - keeps --help quick
    from tierkit.report.limits import live_limits  # noqa: PLC0415 - as above

    found = live_limits(state)
    count = len(found["scopes"])
    what = "scopes" if found["source"] == "segment" else "budgets of the ledger; nothing runs"
    title = f"{datetime.now(UTC):%H:%M:%S} UTC, {count:,} {what}"
    told = filter(None, (title, crowding(found["table"]), disk_trouble(found["disk"])))
    return scope_table(found["scopes"][:rows], title=", ".join(told))
