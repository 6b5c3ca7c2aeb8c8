"""Equal questions at the same moment: one asks, the others wait for what it leaves in the cache.

If the one fails, is cut, cancelled or refused, one of the others asks in its place; if that fails too, each asks for
itself. Threads and tasks, whole answers and streams, all clients of one governor wait for each other.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from typing import Any

__all__ = ["MAX_IDLE_S", "MAX_WAIT_S", "Flight", "Flights"]

MAX_WAIT_S = 30.0
"""Nobody waits longer for another's answer; then each asks for itself."""

MAX_IDLE_S = 1.0
"""Nobody waits longer for a stream that its reader does not read: it may never end."""

_TRIES = 2
"""Failures after which nobody waits any more: the next one would most likely fail too."""

_Place = tuple[int, bytes]


class Flight:
    """One question under way: who leads it, how far it is, and who waits for it.

    There is no lock: a stream may be dropped at any instruction, also by the collector in the thread of one who begins
    to wait. Who waits is noted before `landed` is read, and `landed` is set before those who wait are woken.
    """

    __slots__ = ("_place", "_under_way", "_waiting", "failed", "landed", "leader", "number", "steps", "waits")

    def __init__(self, under_way: dict[_Place, Flight], place: _Place, number: int, leader: tuple[int, int]) -> None:
        """Begin the try of this number, from 1; the leader is a thread and, of asyncio, a task."""
        self._under_way, self._place = under_way, place
        self._waiting: deque[Callable[[], object]] = deque()
        self.number, self.leader = number, leader
        self.landed = self.failed = False
        self.steps, self.waits = 0, True

    def step(self, *, waits: bool) -> None:
        """Note whether the leader waits for its server from now on, or for its reader."""
        self.steps += 1
        self.waits = waits

    def is_left(self, steps: int) -> bool:
        """Tell whether its reader has read nothing since the count was `steps`, although the server has said more."""
        return self.steps == steps and not self.waits

    def land(self, *, failed: bool) -> None:
        """End it, and wake who waits; only the first call counts."""
        if self.landed:
            return
        self.failed = failed
        self._under_way.pop(self._place, None)
        self.landed = True
        self._wake()

    def on_landing(self, wake: Callable[[], object]) -> None:
        """Have this called when it has landed, from any thread, perhaps at once."""
        self._waiting.append(wake)
        if self.landed:
            self._wake()

    def _wake(self) -> None:
        with suppress(IndexError):  # two may wake at once: each call is made by one of them
            while True:
                self._waiting.popleft()()

    def next(self) -> int | None:
        """Return the number of the try that follows; None when who waited asks for itself."""
        return self.number + 1 if self.failed and self.number < _TRIES else None


class Flights:
    """The questions that this process has under way for one governor.

    Waiting comes before admission, so who waits holds no money and no slot. A dict's `setdefault` decides who leads,
    and the process id in the key keeps a child from waiting for its parent.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._under_way: dict[_Place, Flight] = {}

    @classmethod
    def of(cls, governor: Any) -> Flights:
        """Return those of a governor, whose clients share one cache; one that no weak reference can name has none."""
        try:
            return _OF_GOVERNORS.setdefault(governor, cls())
        except TypeError:
            return cls()

    @contextmanager
    def share(self, key: bytes | None, wait_s: float) -> Iterator[None]:
        """Lead if nobody else asks this; otherwise wait until a leader has an answer, at most `wait_s`."""
        flight = self.join(key, wait_s)
        try:
            yield
        except BaseException:
            _land(flight, failed=True)
            raise
        _land(flight, failed=False)

    @asynccontextmanager
    async def ashare(self, key: bytes | None, wait_s: float) -> AsyncIterator[None]:
        """Do what `share` does, in a task."""
        flight = await self.ajoin(key, wait_s)
        try:
            yield
        except BaseException:
            _land(flight, failed=True)
            raise
        _land(flight, failed=False)

    def join(self, key: bytes | None, wait_s: float) -> Flight | None:
        """Return a flight to lead, which the caller lands; None, after waiting, where the caller asks for itself."""
        number, end_s, leader = 1 if key is not None else None, time.monotonic() + wait_s, (threading.get_ident(), 0)
        while number is not None:
            flight, leads = self._flight(key or b"", number, leader)
            if leads:
                return flight
            # A thread that reads a stream of its own, or blocks the loop of its leader, would wait for itself.
            if flight.leader[0] == leader[0] or not _has_landed(flight, end_s):
                return None
            number = flight.next()
        return None

    async def ajoin(self, key: bytes | None, wait_s: float) -> Flight | None:
        """Do what `join` does, in a task."""
        if key is None:
            return None
        import asyncio  # noqa: PLC0415 - only where an event loop runs anyway

        leader = (threading.get_ident(), id(asyncio.current_task()))
        number, end_s = 1, time.monotonic() + wait_s
        while True:
            flight, leads = self._flight(key, number, leader)
            if leads:
                return flight
            following = flight.next() if flight.leader != leader and await _has_landed_async(flight, end_s) else None
            if following is None:
                return None
            number = following

    def _flight(self, key: bytes, number: int, leader: tuple[int, int]) -> tuple[Flight, bool]:
        """Return the flight of this question, and whether the caller leads it."""
        place = (os.getpid(), key)
        mine = Flight(self._under_way, place, number, leader)
        flight = self._under_way.setdefault(place, mine)
        return flight, flight is mine


_OF_GOVERNORS: WeakKeyDictionary[Any, Flights] = WeakKeyDictionary()


def _land(flight: Flight | None, *, failed: bool) -> None:
    if flight is not None:
        flight.land(failed=failed)


def _has_landed(flight: Flight, end_s: float) -> bool:
    """Wait for a flight, and end one whose stream nobody reads; False when the time is over."""
    # A bare lock: the collector may let it go in the very thread that waits, where an Event's own lock would be taken.
    landed = threading.Lock()
    landed.acquire()
    flight.on_landing(landed.release)
    while True:
        steps, left_s = flight.steps, max(0.0, end_s - time.monotonic())
        if landed.acquire(timeout=min(left_s, MAX_IDLE_S)):
            return True
        if left_s <= MAX_IDLE_S:
            return False
        if flight.is_left(steps):
            flight.land(failed=True)


async def _has_landed_async(flight: Flight, end_s: float) -> bool:
    """Do what `_has_landed` does, in a task."""
    import asyncio  # noqa: PLC0415 - as above

    loop, landed = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop of who waited has ended
            loop.call_soon_threadsafe(landed.set)

    flight.on_landing(wake)
    while True:
        steps, left_s = flight.steps, max(0.0, end_s - time.monotonic())
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left_s, MAX_IDLE_S)):
                await landed.wait()
                return True
        if left_s <= MAX_IDLE_S:
            return False
        if flight.is_left(steps):
            flight.land(failed=True)
