"""`tierkit cache`: judge the semantic cache on your own questions, and look after a cache file."""

from __future__ import annotations

import importlib

import click

__all__ = ["command"]

_COMMANDS = {
    "stats": ("cache_file", "stats_command"),
    "purge": ("cache_file", "purge_command"),
    "report": ("cache_file", "report_command"),
    "export": ("cache_export", "command"),
    "calibrate": ("pairs", "calibrate_command"),
    "decide": ("pairs", "decide_command"),
}


class _Commands(click.Group):
    """Imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"tierkit.cli.{module}"), name)
        return found


@click.group("cache", cls=_Commands, short_help="Look after a cache file, or judge the semantic cache.")
def command() -> None:
    """Look after a cache file beside the processes that use it, or judge the semantic cache on pairs of questions.

    \b
    Examples:
      tierkit cache stats --state .tierkit
      tierkit cache purge --state .tierkit --namespace org=acme --older-than 7d
      tierkit cache decide "Boil 2 eggs" "Boil 3 eggs"
      tierkit cache calibrate pairs.jsonl --json
    """  # noqa: D301 - \b is click's mark for lines to keep
