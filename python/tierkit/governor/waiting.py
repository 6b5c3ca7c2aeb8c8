"""Waiting for room: until the exact time that a rate names, or until a running request gives back what it holds."""

from __future__ import annotations

import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio

    from tierkit._core import Decision

__all__ = ["PRIORITIES", "Waiting"]

PRIORITIES = ("critical", "high", "normal", "low", "batch")


class Waiting:
    """Wakes those who wait when something is released. Nothing polls, and nobody holds a reservation while waiting."""

    __slots__ = ("_condition", "_futures", "_released")

    def __init__(self) -> None:
        """Start with nobody waiting."""
        self._condition = threading.Condition()
        self._futures: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._released = 0

    def released(self) -> None:
        """Tell that units, slots or money were given back."""
        with self._condition:
            self._released += 1
            self._condition.notify_all()
            futures, self._futures = self._futures, []
        for loop, future in futures:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, future)

    @property
    def count(self) -> int:
        """Number of releases so far; read it before trying, so that one in between is not missed."""
        return self._released

    def wait(self, decision: Decision, seen: int, deadline_s: float) -> bool:
        """Wait until a refused request may fit; False when it cannot fit in time."""
        pause_s = _pause(decision, deadline_s)
        if pause_s is None:
            return False
        with self._condition:
            if self._released == seen:
                self._condition.wait(pause_s)
        return True

    async def wait_async(self, decision: Decision, seen: int, deadline_s: float) -> bool:
        """The same on an event loop: one timer, no thread."""
        import asyncio  # noqa: PLC0415 - `import tierkit` must not load it

        pause_s = _pause(decision, deadline_s)
        if pause_s is None:
            return False
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._condition:
            if self._released != seen:
                return True
            self._futures.append((loop, future))
        timer = loop.call_later(pause_s, _wake, future)
        try:
            await future
        finally:
            timer.cancel()
            with self._condition:
                self._futures = [kept for kept in self._futures if kept[1] is not future]
        return True


def _pause(decision: Decision, deadline_s: float) -> float | None:
    """Seconds to wait at most; None when waiting cannot help before the deadline."""
    left_s = deadline_s - time.monotonic()
    if left_s <= 0 or decision.wait == "never":
        return None
    if decision.retry_after_s is None:
        return left_s
    return decision.retry_after_s if decision.retry_after_s <= left_s else None


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
