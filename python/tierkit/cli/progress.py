"""A bar on a terminal, nothing in a pipe."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["counting", "reading"]


@contextmanager
def reading(path: str) -> Iterator[Callable[[int], None] | None]:
    """Show how far into a file one has read; yields what takes the position in bytes, or None when nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415 - only for a terminal

    from tierkit.cli.output import paper  # noqa: PLC0415 - as above

    total = os.path.getsize(path) if os.path.isfile(path) else None  # noqa: PTH113, PTH202 - "-" is a path too
    columns = (TextColumn("replaying"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    with Progress(*columns, console=paper(err=True), transient=True) as bar:
        task = bar.add_task("replaying", total=total)
        yield lambda position: bar.update(task, completed=position)


@contextmanager
def counting(doing: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """Show how many of `total` are done; yields what takes that count, or None when nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - as above

    from tierkit.cli.output import paper  # noqa: PLC0415 - as above

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=paper(err=True), transient=True) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda done: bar.update(task, completed=done)
