"""`tierkit limits`: what is left of every limit and budget right now."""

from __future__ import annotations

import click

from tierkit.cli.output import as_json, json_option, paper, plain

__all__ = ["command"]

_MOST_ROWS = 200  # more is nothing to read, and slow to lay out


@click.command("limits", short_help="Show what is left of every limit and budget.")
@click.option("--state", required=True, metavar="DIR", help="The state directory of the governor; it may be running.")
@json_option
def command(*, state: str, as_json_: bool) -> None:
    """Show every scope that is in use: what is left, held and posted, and when all of it is free again.

    Where nothing ran since the machine started, it shows the budgets of the ledger, which holds no limits.

    \b
    Examples:
      tierkit limits --state .tierkit
      tierkit limits --state .tierkit --json
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.report.limits import live_limits  # noqa: PLC0415 - keeps --help quick

    found = live_limits(state)
    if as_json_:
        as_json(found)
        return
    from tierkit.cli.scopes import crowding, disk_trouble, scope_table  # noqa: PLC0415 - as above

    out, scopes = paper(), found["scopes"]
    if wrong := disk_trouble(found["disk"]):
        out.print(plain(wrong))
    if found["source"] == "ledger":
        out.print("Nothing ran here since the machine started: these are the budgets of the ledger.")
    if not scopes:
        out.print("No limit or budget is in use.")
        return
    out.print(scope_table(scopes[:_MOST_ROWS]))
    if crowded := crowding(found["table"]):
        out.print(crowded)
    if len(scopes) > _MOST_ROWS:
        out.print(f"{len(scopes) - _MOST_ROWS:,} more scopes, each with more left; --json has them all")
