"""`tierkit ledger`: the ledger file itself, beside whoever writes it."""

from __future__ import annotations

import click

from tierkit.cli.lazy import LazyGroup

__all__ = ["command"]

_PLACES = {"verify": ("verify", "command"), "export": ("export", "command")}


@click.group(
    "ledger", cls=LazyGroup, places=_PLACES, short_help="Prove a ledger whole, or write it out for bookkeepers."
)
def command() -> None:
    """Prove a ledger whole, or write it out for bookkeepers. Both read beside a governor that runs.

    \b
    Examples:
      tierkit ledger verify --state .tierkit --json
      tierkit ledger export --state .tierkit --out ledger.csv
    """  # noqa: D301 - \b is click's mark for lines to keep
