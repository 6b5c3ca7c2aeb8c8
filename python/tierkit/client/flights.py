"""Equal questions at the same moment: one asks, the others wait for what it leaves in the cache."""

from __future__ import annotations

import os
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Iterator

__all__ = ["MAX_WAIT_S", "AsyncFlights", "Flights"]

MAX_WAIT_S = 30.0
"""Nobody waits longer for another's answer; then each asks for itself. A failure releases all at once."""


class Flights:
    """The questions that threads of this process have under way.

    Waiting comes before admission, so who waits holds no money and no slot. No lock is kept anywhere: a dict's
    `setdefault` decides who leads, and the process id in the key keeps a child from waiting for its parent.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._under_way: dict[tuple[int, bytes], threading.Event] = {}

    @contextmanager
    def share(self, key: bytes | None, wait_s: float) -> Iterator[None]:
        """Lead if nobody else asks this; otherwise wait until the leader is done, at most `wait_s`."""
        if key is None:
            yield
            return
        place, mine = (os.getpid(), key), threading.Event()
        leader = self._under_way.setdefault(place, mine)
        if leader is not mine:
            leader.wait(wait_s)
            yield
            return
        try:
            yield
        finally:
            del self._under_way[place]
            mine.set()


class AsyncFlights:
    """The questions that tasks have under way, per event loop."""

    def __init__(self) -> None:
        """Start with none."""
        self._under_way: dict[tuple[int, bytes], asyncio.Event] = {}

    @asynccontextmanager
    async def share(self, key: bytes | None, wait_s: float) -> AsyncIterator[None]:
        """Lead if nobody else asks this; otherwise wait until the leader is done, at most `wait_s`."""
        if key is None:
            yield
            return
        import asyncio  # noqa: PLC0415 - only where an event loop runs anyway

        place, mine = (id(asyncio.get_running_loop()), key), asyncio.Event()
        leader = self._under_way.setdefault(place, mine)
        if leader is not mine:
            try:
                async with asyncio.timeout(wait_s):
                    await leader.wait()
            except TimeoutError:
                pass  # nobody waits for ever: this one asks for itself
            yield
            return
        try:
            yield
        finally:
            del self._under_way[place]
            mine.set()
