"""The backends of a client: given by its caller, or made from the policy in force and made again when it changes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tierkit.backends import backend_from_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tierkit.client.ports import GovernorLike

__all__ = ["Servers"]


class Servers(Mapping[str, Any]):
    """Backends by the names that the tiers use.

    Attributes:
        own: All that were made here, also those that a later policy replaced: calls may still run on them.

    Raises:
        ConfigError: A backend of the policy that cannot be made.

    """

    def __init__(self, governor: GovernorLike, given: Mapping[str, Any] | None) -> None:
        """Make what the policy's tiers use; nothing is connected."""
        self._governor = governor
        self._given = None if given is None else dict(given)
        self._made: dict[str, tuple[Any, Any]] = {}
        self._lock = threading.Lock()
        self.own: list[Any] = []
        if given is None:
            for name in sorted({tier.backend for tier in governor.policy.tiers}):
                self._from_policy(name)

    def __getitem__(self, name: str) -> Any:
        """Return the backend of a name, by the policy in force; one that this policy lacks serves what still runs."""
        found = self._from_policy(name) if self._given is None else self._given.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        """Go through the names."""
        return iter(list(self._made) if self._given is None else self._given)

    def __len__(self) -> int:
        """Count the names."""
        return len(self._made if self._given is None else self._given)

    def _from_policy(self, name: str) -> Any:
        wanted = self._governor.policy.backends.get(name)
        settings, backend = self._made.get(name, (None, None))
        if wanted is None or wanted is settings or wanted == settings:
            return backend
        with self._lock:
            settings, backend = self._made.get(name, (None, None))
            if wanted != settings:
                backend = backend_from_settings(wanted)
                self._made[name] = (wanted, backend)
                self.own.append(backend)
        return backend
