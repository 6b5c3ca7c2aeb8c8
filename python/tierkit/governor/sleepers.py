"""Who sleeps until an alarm: a thread on its own event, or an event loop with one timer for all its waiters."""

from __future__ import annotations

import sys
import threading
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["LoopSleeper", "ThreadSleeper"]

_NEVER = sys.maxsize


class ThreadSleeper:
    """The thread of one blocking call."""

    __slots__ = ("_event", "owner")

    def __init__(self, owner: int) -> None:
        """Start awake."""
        self.owner = owner
        self._event = threading.Event()

    def sleep(self, until_ns: int | None) -> None:
        """Sleep until a point of the monotonic clock, or until woken."""
        self._event.wait(None if until_ns is None else max(0, until_ns - time.monotonic_ns()) / 1e9)
        self._event.clear()

    def future(self) -> None:
        """Return what a task would await: a thread awaits nothing."""

    @property
    def gone(self) -> bool:
        """Whether nobody can be woken any more: a thread that sleeps is there."""
        return False

    def wake(self, future: asyncio.Future[None] | None) -> None:  # noqa: ARG002 - a thread has none
        """Wake the thread."""
        self._event.set()

    def arm(self, at_ns: int) -> None:  # noqa: ARG002 - the thread reads the alarm itself
        """Tell that there is a new alarm."""
        self._event.set()


class LoopSleeper:
    """One event loop: one `TimerHandle`, whatever the number of its waiters.

    Attributes:
        owner: Its number in the queue.
        waiting: How many of its tasks wait.
    """

    __slots__ = ("_at_ns", "_handle", "_loop", "_next", "_poll", "_thread", "owner", "waiting")

    def __init__(
        self,
        owner: int,
        loop: asyncio.AbstractEventLoop,
        poll: Callable[[], None],
        next_alarm: Callable[[int], int | None],
    ) -> None:
        """Belong to the running loop; nothing is armed."""
        self.owner = owner
        self.waiting = 0
        self._loop = loop
        self._thread = threading.get_ident()
        self._poll = poll
        self._next = next_alarm
        self._handle: asyncio.TimerHandle | None = None
        self._at_ns = _NEVER

    def arm(self, at_ns: int) -> None:
        """Set the timer, unless it rings before that anyway."""
        if at_ns < self._at_ns:
            self._call(self._arm, at_ns)

    def future(self) -> asyncio.Future[None]:
        """Return what a task awaits."""
        return self._loop.create_future()

    @property
    def gone(self) -> bool:
        """Whether nobody can be woken any more: the loop was closed over its tasks."""
        return self._loop.is_closed()

    def wake(self, future: asyncio.Future[None] | None) -> None:
        """Wake the task of a future."""
        if future is not None:
            self._call(_resolve, future)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        """Run something on the loop: at once if this is its thread. A closed loop has nobody left to hear it."""
        if self._loop.is_closed():
            return
        if threading.get_ident() == self._thread:
            function(*arguments)
        else:
            try:
                self._loop.call_soon_threadsafe(function, *arguments)
            except RuntimeError:  # closed since
                return

    def close(self) -> None:
        """Take the timer back."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle, self._at_ns = None, _NEVER

    def _arm(self, at_ns: int) -> None:
        if at_ns >= self._at_ns or self.waiting == 0:
            return
        self.close()
        self._at_ns = at_ns
        self._handle = self._loop.call_later(max(0, at_ns - time.monotonic_ns()) / 1e9, self._ring)

    def _ring(self) -> None:
        self._handle, self._at_ns = None, _NEVER
        self._poll()
        at_ns = self._next(self.owner)
        if at_ns is not None:
            self._arm(at_ns)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
