"""What commands print: JSON for programs, tables for people, and names that cannot play tricks on a terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console
    from rich.table import Table

__all__ = ["as_json", "json_option", "labels_option", "paper", "plain", "spreadsheet_text", "table", "usd"]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")

json_option = click.option("--json", "as_json_", is_flag=True, help="Print one JSON object, for programs.")


def as_json(value: object) -> None:
    """Print one JSON object; pure ASCII, so that it survives any terminal and pipe."""
    sys.stdout.write(json.dumps(value, indent=2 if sys.stdout.isatty() else None, allow_nan=False) + "\n")


def labels_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--label NAME=VALUE`, which may be repeated, to a command."""
    words = "A label of the requests; may be repeated."
    return click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", callback=_labels, help=words)(
        function
    )


def _labels(_context: click.Context, _option: click.Parameter, pairs: Iterable[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise click.BadParameter(f"{pair!r} is not NAME=VALUE, such as team=search")
        labels[name] = value
    return labels


def paper(*, err: bool = False) -> Console:
    """Return a console that keeps quiet when its reader leaves, and has no markup that a name could use."""
    from rich.console import Console  # noqa: PLC0415 - 50 ms that --json and --version need not spend

    class Paper(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    stream = sys.stderr if err else sys.stdout
    # Piped text is for reading later: do not fold it to the 80 columns that nobody has.
    width = None if stream.isatty() or "COLUMNS" in os.environ else 120
    return Paper(file=stream, markup=False, emoji=False, highlight=False, width=width)


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table: the first column is text, columns that start with `>` are figures, set to the right."""
    from rich import box  # noqa: PLC0415 - as above
    from rich.table import Table  # noqa: PLC0415 - as above

    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        made.add_column(plain(column.removeprefix(">")), justify="right" if right else "left", overflow="fold")
    return made


def plain(text: str) -> str:
    """Replace control characters, which could move the cursor or recolour the screen, by a visible mark."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def spreadsheet_text(text: str) -> str:
    """Quote a text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def usd(amount: object) -> str:
    """Write an amount of USD for people: cents, and more digits only below a cent."""
    from decimal import Decimal  # noqa: PLC0415 - as above

    value = Decimal(str(amount))
    cent = Decimal("0.01")
    if value == 0 or abs(value) >= cent:
        return f"${value:,.2f}" if value >= 0 else f"-${-value:,.2f}"
    digits = f"{abs(value):.2g}" if abs(value) >= Decimal("0.0001") else f"{abs(value):f}"
    return f"{'-' if value < 0 else ''}${digits}"
