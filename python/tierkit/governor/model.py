"""Which classifier scores: the caller's, the one of the package, or the one that was fitted in the state directory.

`tiers/current` names the folder of the fitted one by its number. It is replaced by a rename, so that a reader finds the
old model or the new one; every process of the directory goes over to it within some hundred requests.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tierkit.errors import StateError

if TYPE_CHECKING:
    from tierkit.route import TierClassifier

__all__ = ["Model", "put_in_force"]

# The pointer is looked at once in so many scores: a look costs some microseconds.
_EVERY = 256

_log = logging.getLogger("tierkit")


class Model:
    """The classifier in force.

    Attributes:
        generation: Its number; 0 is the one that the governor was opened with.
    """

    __slots__ = ("_base", "_current", "_folder", "_since", "generation")

    def __init__(self, base: TierClassifier | None, state: str | None) -> None:
        """Read nothing yet."""
        self._base = base
        self._current: TierClassifier | None = None
        self._folder = None if state is None else Path(state) / "tiers"
        self._since = _EVERY
        self.generation = 0

    @property
    def base(self) -> TierClassifier:
        """The classifier that fits start from."""
        if self._base is None:
            from tierkit.route import TierClassifier  # noqa: PLC0415 - loads onnxruntime, which a program may never need

            self._base = TierClassifier.default()
        return self._base

    def current(self) -> TierClassifier:
        """Return the classifier in force; now and then the state directory is asked for a newer one."""
        self._since += 1
        if self._since > _EVERY:
            self._since = 0
            self.look()
        return self._current or self.base

    def known(self) -> TierClassifier | None:
        """Return the classifier in force if one was used yet."""
        return self._current or self._base

    def look(self) -> None:
        """Go over to the state directory's classifier, if there is a newer one that can be used."""
        number = 0 if self._folder is None else _number(self._folder)
        if self._folder is None or number <= self.generation:
            return
        from tierkit.errors import ConfigError  # noqa: PLC0415 - as above
        from tierkit.route import TierClassifier  # noqa: PLC0415 - as above

        try:
            self._current = TierClassifier.load(self._folder / str(number))
        except ConfigError as error:
            _log.warning("%s; the classifier before it goes on", error)
        self.generation = number

    def take(self, made: TierClassifier) -> None:
        """Put a classifier in force, for all processes of the state directory if there is one."""
        if self._folder is None:
            self._current, self.generation = made, self.generation + 1
        else:
            put_in_force(self._folder.parent, made)
            self.look()


def put_in_force(state: Path, made: TierClassifier) -> int:
    """Write a classifier into a state directory and let all processes use it from now on; returns its number.

    Raises:
        StateError: The directory cannot be written.
    """
    folder = state / "tiers"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        number = max((int(path.name) for path in folder.iterdir() if path.name.isdigit()), default=0) + 1
        (folder / str(number)).mkdir(mode=0o700)
        made.save(folder / str(number))
        fresh = folder / f".{number}"
        fresh.write_text(f"{number}\n", encoding="ascii")
        os.replace(fresh, folder / "current")  # noqa: PTH105 - the one step that all others see
    except OSError as error:
        fix = "give a directory that this user may write to"
        raise StateError(f"state '{folder}': {error}; {fix}", path=str(folder), fix=fix) from error
    return number


def _number(folder: Path) -> int:
    try:
        return int((folder / "current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
