"""`tierkit report`: who spent what, from the ledger."""

from __future__ import annotations

from typing import Any

import click

from tierkit.cli.output import as_json, json_option, paper, plain, table, usd

__all__ = ["command"]

_MOST_ROWS = 200  # more is nothing to read, and slow to lay out


def _names(_context: click.Context, _option: click.Parameter, value: str) -> list[str]:
    return [name for name in value.split(",") if name.strip()]


@click.command("report", short_help="Add up the spend in a ledger by labels.")
@click.option("--state", required=True, metavar="DIR", help="The state directory of the governor; it may be running.")
@click.option("--by", default="team,model", show_default=True, callback=_names, help="Labels, with commas between.")
@json_option
def command(*, state: str, by: list[str], as_json_: bool) -> None:
    """Add up the spend in a state directory by labels; tier, model and backend are labels too.

    \b
    Examples:
      tierkit report --state .tierkit
      tierkit report --state .tierkit --by team,user --json
    """  # noqa: D301 - \b is click's mark for lines to keep
    from tierkit.report.spend import spend  # noqa: PLC0415 - keeps --help quick

    found = spend(state, by=by)
    if as_json_:
        as_json(found)
    else:
        _tell(found, by)


def _tell(found: dict[str, Any], by: list[str]) -> None:
    out = paper()
    if not found["rows"]:
        out.print("The ledger holds no settled request yet.")
        return
    made = table(*by, ">requests", ">input tokens", ">output tokens", ">spent")
    for row in found["rows"][:_MOST_ROWS]:
        labels = ("-" if row[name] is None else plain(row[name]) for name in by)
        figures = (f"{row[name]:,}" for name in ("requests", "input_tokens", "output_tokens"))
        made.add_row(*labels, *figures, usd(row["usd"]))
    out.print(made)
    if len(found["rows"]) > _MOST_ROWS:
        out.print(f"{len(found['rows']) - _MOST_ROWS:,} more rows, each cheaper; --json has them all")
    out.print(f"total {usd(found['total_usd'])}")
