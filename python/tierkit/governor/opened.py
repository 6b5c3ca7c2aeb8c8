"""What owns a gate: opened at the start, closed once, refused afterwards."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tierkit.errors import ConfigError, TierkitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import NoReturn, Self

    from tierkit import _core

__all__ = ["Opened", "directory", "leave", "stays"]


def leave(close: Callable[[], None], error: BaseException | None) -> None:
    """Close at the end of a block; the block's own error is never replaced, what the close says is a note on it."""
    try:
        close()
    except TierkitError as failure:
        if error is None:
            raise
        error.add_note(f"closing failed: {failure}")


def stays(thing: object) -> TypeError:
    """Return the error for something that cannot go to another process."""
    name = type(thing).__name__
    return TypeError(f"{name} stays in its process; open one in each, with the same policy and the same state=DIR")


def directory(state: str | os.PathLike[str] | None) -> str | None:
    """Return a state directory as an absolute path, so that it stays the same when the program changes its own."""
    if state is None:
        return None
    try:
        path = os.fspath(state)
    except TypeError:
        path = ""
    if not isinstance(path, str) or not path:
        raise ConfigError(f"state={state!r}: expected the path of a directory, or None for this process's memory")
    return os.path.abspath(path)  # noqa: PTH100 - pathlib is not loaded by `import tierkit`


class Opened:
    """Something with a gate, which `close` or the end of a `with` block lets go."""

    __slots__ = ("_gate",)

    def __init__(self, gate: _core.Gate) -> None:
        """Take the gate."""
        self._gate: _core.Gate | None = gate

    @property
    def gate(self) -> _core.Gate:
        """The gate, while it is open."""
        if self._gate is None:
            raise ConfigError("this one is closed; open another Governor, Ledger or Limiter")
        return self._gate

    def flush(self) -> None:
        """Wait until the ledger file holds everything that happened; does nothing without `state`."""
        self.gate.flush()

    def close(self) -> None:
        """Write what is left and give the state directory free. What is closed refuses every call."""
        gate, self._gate = self._gate, None
        if gate is not None:
            try:
                gate.flush()
            finally:
                gate.close()

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise stays(self)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        leave(self.close, error)
