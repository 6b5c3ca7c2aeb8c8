"""`tierkit cache`: judge the semantic cache on your own questions, and look after a cache file."""

from __future__ import annotations

import click

from tierkit.cli.lazy import LazyGroup

__all__ = ["command"]

_PLACES = {
    "stats": ("cache_file", "stats_command"),
    "purge": ("cache_file", "purge_command"),
    "report": ("cache_file", "report_command"),
    "export": ("cache_export", "command"),
    "calibrate": ("pairs", "calibrate_command"),
    "decide": ("pairs", "decide_command"),
}


@click.group("cache", cls=LazyGroup, places=_PLACES, short_help="Look after a cache file, or judge the semantic cache.")
def command() -> None:
    """Look after a cache file beside the processes that use it, or judge the semantic cache on pairs of questions.

    \b
    Examples:
      tierkit cache stats --state .tierkit
      tierkit cache purge --state .tierkit --namespace org=acme --older-than 7d
      tierkit cache decide "Boil 2 eggs" "Boil 3 eggs"
      tierkit cache calibrate pairs.jsonl --json
    """  # noqa: D301 - \b is click's mark for lines to keep
