"""Where a governor keeps its state."""

from __future__ import annotations

import os

from tierkit.errors import StateError

__all__ = ["state_directory"]


def state_directory(state: str | os.PathLike[str]) -> str:
    """Return the path of a state directory that is there.

    Example:
        >>> state_directory("no/such/folder")
        Traceback (most recent call last):
        ...
        tierkit.errors.StateError: no/such/folder: there is no state directory; give the directory that the governor was given as state=

    Raises:
        StateError: There is none.

    """  # noqa: E501 - the error is one line
    path = os.fspath(state)
    if not os.path.isdir(path):  # noqa: PTH112 - a plain text path all the way to the core
        fix = "give the directory that the governor was given as state="
        raise StateError(f"{path}: there is no state directory; {fix}", path=path, fix=fix)
    return path
