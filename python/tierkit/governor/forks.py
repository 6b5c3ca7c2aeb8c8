"""What a forked child begins anew: locks that a thread of its parent held, lines of callers that it lacks."""

from __future__ import annotations

import os
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Restartable(Protocol):
        """Something with a state of this process only."""

        def start_over(self) -> None: ...


__all__ = ["watch"]

_watched: weakref.WeakSet[Restartable] = weakref.WeakSet()


def watch(thing: Restartable) -> None:
    """Let a child that is forked later call `thing.start_over()` before it goes on."""
    _watched.add(thing)


def _in_child() -> None:
    for thing in list(_watched):
        thing.start_over()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
