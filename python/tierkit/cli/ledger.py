"""`tierkit ledger`: the ledger file itself, beside whoever writes it."""

from __future__ import annotations

import importlib

import click

__all__ = ["command"]

_COMMANDS = ("verify", "export")


class _Commands(click.Group):
    """Imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _COMMANDS:
            return None
        found: click.Command = importlib.import_module(f"tierkit.cli.{cmd_name}").command
        return found


@click.group("ledger", cls=_Commands, short_help="Prove a ledger whole, or write it out for bookkeepers.")
def command() -> None:
    """Prove a ledger whole, or write it out for bookkeepers. Both read beside a governor that runs.

    \b
    Examples:
      tierkit ledger verify --state .tierkit --json
      tierkit ledger export --state .tierkit --out ledger.csv
    """  # noqa: D301 - \b is click's mark for lines to keep
