"""Groups of commands that are imported when one of them is asked for, so that `tierkit --version` stays quick."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LazyGroup"]


class LazyGroup(click.Group):
    """A group that knows where its commands are, and loads the one that is called."""

    def __init__(self, *arguments: Any, places: Mapping[str, tuple[str, str]], **settings: Any) -> None:
        """Keep the places: for each command its module in `tierkit.cli`, and its name there; listed in this order."""
        super().__init__(*arguments, **settings)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the names, in the order in which they are explained."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Import a command; None when there is none of that name."""
        if cmd_name not in self._places:
            return None
        module, name = self._places[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"tierkit.cli.{module}"), name)
        return found
