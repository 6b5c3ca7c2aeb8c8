"""Equal questions at the same moment: one asks, the others wait for what it leaves in the cache.

If the one fails, is cancelled or refused, one of the others asks in its place; if that fails too, each asks for itself.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Any

__all__ = ["MAX_WAIT_S", "AsyncFlights", "Flights"]

MAX_WAIT_S = 30.0
"""Nobody waits longer for another's answer; then each asks for itself."""

_TRIES = 2
"""Failures after which nobody waits any more: the next one would most likely fail too."""


class _Flight:
    """One question under way: what wakes those who wait, and how it went."""

    __slots__ = ("done", "failed", "number")

    def __init__(self, done: Any, number: int) -> None:
        """Begin the try of this number, from 1."""
        self.done = done
        self.number = number
        self.failed = False

    def next(self) -> int | None:
        """Return the number of the try that follows; None when who waited asks for itself."""
        return self.number + 1 if self.failed and self.number < _TRIES else None


class Flights:
    """The questions that threads of this process have under way.

    Waiting comes before admission, so who waits holds no money and no slot. No lock is kept anywhere: a dict's
    `setdefault` decides who leads, and the process id in the key keeps a child from waiting for its parent.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._under_way: dict[tuple[int, bytes], _Flight] = {}

    @contextmanager
    def share(self, key: bytes | None, wait_s: float) -> Iterator[None]:
        """Lead if nobody else asks this; otherwise wait until a leader has an answer, at most `wait_s`."""
        place, mine = (os.getpid(), key or b""), None if key is None else self._lead_or_wait(key, wait_s)
        try:
            yield
        except BaseException:
            if mine is not None:
                mine.failed = True
            raise
        finally:
            if mine is not None:
                del self._under_way[place]
                mine.done.set()

    def _lead_or_wait(self, key: bytes, wait_s: float) -> _Flight | None:
        """Return the flight to lead; None after waiting."""
        place, end_s = (os.getpid(), key), time.monotonic() + wait_s
        number: int | None = 1
        while number is not None:
            mine = _Flight(threading.Event(), number)
            flight = self._under_way.setdefault(place, mine)
            if flight is mine:
                return mine
            if not flight.done.wait(max(0.0, end_s - time.monotonic())):
                return None
            number = flight.next()
        return None


class AsyncFlights:
    """The questions that tasks have under way, per event loop."""

    def __init__(self) -> None:
        """Start with none."""
        self._under_way: dict[tuple[int, bytes], _Flight] = {}

    @asynccontextmanager
    async def share(self, key: bytes | None, wait_s: float) -> AsyncIterator[None]:
        """Lead if nobody else asks this; otherwise wait until a leader has an answer, at most `wait_s`."""
        if key is None:
            yield
            return
        import asyncio  # noqa: PLC0415 - only where an event loop runs anyway

        place = (id(asyncio.get_running_loop()), key)
        mine = await self._lead_or_wait(place, wait_s)
        try:
            yield
        except BaseException:
            if mine is not None:
                mine.failed = True
            raise
        finally:
            if mine is not None:
                del self._under_way[place]
                mine.done.set()

    async def _lead_or_wait(self, place: tuple[int, bytes], wait_s: float) -> _Flight | None:
        """Return the flight to lead; None after waiting."""
        import asyncio  # noqa: PLC0415 - as above

        number: int | None = 1
        try:
            async with asyncio.timeout(wait_s):
                while number is not None:
                    mine = _Flight(asyncio.Event(), number)
                    flight = self._under_way.setdefault(place, mine)
                    if flight is mine:
                        return mine
                    await flight.done.wait()
                    number = flight.next()
        except TimeoutError:
            pass  # nobody waits for ever: this one asks for itself
        return None
