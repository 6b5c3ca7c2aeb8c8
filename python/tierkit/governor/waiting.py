"""Waiting for room, in turn: who frees something serves those who now fit, and nobody polls."""

from __future__ import annotations

import itertools
import threading
import time

from tierkit import _core
from tierkit.governor.forks import watch
from tierkit.governor.neighbours import Neighbours
from tierkit.governor.sleepers import LoopSleeper, ThreadSleeper
from tierkit.governor.waiter import Waiter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from typing import Any

    from tierkit.governor.waiter import Bid

__all__ = ["Waiting"]

_RECHECK_NS = 250_000_000
"""A head that waits for a release looks again after this long: reservations also end by expiring."""
_LONGEST_S = 31_536_000.0
_CROWD = 64
"""For each so many who wait, a head may be tried one wait later than it fits: several are then served at one ring."""
_GRACE_NS = 25_000_000
"""It is never tried later than this, nor than half of what the bucket still holds of what comes in meanwhile."""


class Waiting:
    """The line of those who wait for room, and the threads and event loops that sleep for it.

    A request is tried by whoever makes room: a settle, a cancel, the timer of the head. The units are taken for it,
    then it is woken; if its caller is gone by then, they are given back and the next one is tried.

    Attributes:
        queue: Whose turn it is.
        waiters: All who wait, by ticket; empty means that nobody can be passed.
    """

    __slots__ = (
        "__weakref__",
        "_clock",
        "_lock",
        "_loops",
        "_moved_ns",
        "_neighbours",
        "_owners",
        "_sleepers",
        "queue",
        "waiters",
    )

    def __init__(self, gate: _core.Gate, clock: _core.ManualClock | None = None) -> None:
        """Start with nobody waiting. A manual clock that has moved makes every head try again."""
        self._neighbours = Neighbours(gate)
        self._clock = clock
        self._moved_ns = 0 if clock is None else clock.boot_ns
        self.start_over()
        watch(self)

    def start_over(self) -> None:
        """Start with nobody waiting: the callers of a parent do not exist in its child."""
        self.queue = _core.Queue()
        # Re-entrant: the collector may close a dropped coroutine, and so end its wait, within any of these steps.
        self._lock = threading.RLock()
        self._owners = itertools.count(1)
        self._sleepers: dict[int, ThreadSleeper | LoopSleeper] = {}
        self._loops: dict[asyncio.AbstractEventLoop, LoopSleeper] = {}
        self.waiters: dict[int, Waiter] = {}
        self._neighbours.start_over()

    def close(self) -> None:
        """Let all who wait try once more, now that the gate is closed: they hear that it is."""
        self.released()
        self._neighbours.close()

    def ahead(self, claim: _core.Claim, priority: int, ticket: int | None) -> _core.Decision | None:
        """Return the refusal of a request before which others wait, or None."""
        return self.queue.ahead(claim, priority=priority, now_ns=time.monotonic_ns(), ticket=ticket)

    def released(self, claim: Callable[[], _core.Claim | None] | None = None) -> None:
        """Tell that units, slots or money came back, and serve those who now fit.

        Args:
            claim: From where they had been taken; asked only if somebody waits. None: nobody knows.
        """
        if self.waiters:
            self.queue.release(None if claim is None else claim())
        else:
            self.queue.release()
            if not self.waiters:
                return
        self.poll()

    def wait(self, bid: Bid, wait_s: float) -> Any:
        """Try a request; when it is refused, wait in line. Returns what it took, or the last refusal."""
        seen = self.queue.releases
        outcome = bid.try_once()
        if not _refuses(outcome):
            return outcome
        sleeper = ThreadSleeper(next(self._owners))
        waiter = self._join(bid, outcome, sleeper, seen=seen, wait_s=wait_s)
        if waiter is None:
            self._sleepers.pop(sleeper.owner, None)
            return outcome
        try:
            self._poll_if_due()
            while waiter.outcome is None:
                sleeper.sleep(self.queue.next_alarm(sleeper.owner))
                self.poll()
            return waiter.take()
        finally:
            self._sleepers.pop(sleeper.owner, None)
            self._end(waiter)

    async def wait_async(self, bid: Bid, wait_s: float) -> Any:
        """The same on an event loop: one timer for all its waiters, no thread."""
        import asyncio  # noqa: PLC0415 - `import tierkit` must not load it

        seen = self.queue.releases
        outcome = bid.try_once()
        if not _refuses(outcome):
            return outcome
        loop = asyncio.get_running_loop()
        sleeper = self._enter(loop)
        try:
            waiter = self._join(bid, outcome, sleeper, seen=seen, wait_s=wait_s)
            if waiter is None:
                return outcome
            try:
                self._poll_if_due()
                if waiter.future is not None:
                    await waiter.future
                return waiter.take()
            finally:
                self._end(waiter)
        finally:
            self._exit(loop, sleeper)

    def poll(self) -> None:
        """Try every head whose time has come, and let go those whose time is up."""
        queue = self.queue
        if self._clock is not None and self._moved_ns != self._clock.boot_ns:
            self._moved_ns = self._clock.boot_ns
            queue.release()
        for late in queue.poll(time.monotonic_ns()):
            waiter = self._waiter(late)
            if waiter is not None:
                self._finish(waiter, "refused", waiter.decision)
        while (ticket := queue.next_try()) is not None:
            self._try(ticket)
        for owner, at_ns in queue.drain_alarms():
            sleeper = self._sleepers.get(owner)
            if sleeper is not None:
                sleeper.arm(at_ns)

    def _poll_if_due(self) -> None:
        # A loop that starts many tasks at once hears no timer meanwhile: those who join serve the heads.
        if self._clock is not None or not self.queue.is_quiet(time.monotonic_ns()):
            self.poll()

    def _join(
        self, bid: Bid, decision: _core.Decision, sleeper: ThreadSleeper | LoopSleeper, *, seen: int, wait_s: float
    ) -> Waiter | None:
        """Stand in line; None when the wait cannot end in time, or too many wait."""
        if not wait_s > 0:  # nor when it is no number
            return None
        now_ns = time.monotonic_ns()
        deadline_ns = now_ns + int(min(wait_s, _LONGEST_S) * 1e9)
        if _too_late(decision, now_ns, deadline_ns):
            return None
        waiter = Waiter(bid, decision, deadline_ns, sleeper)
        with self._lock:
            self._sleepers[sleeper.owner] = sleeper
            ticket = self.queue.join(
                decision,
                priority=bid.priority,
                flow=bid.flow,
                weight=bid.weight,
                owner=sleeper.owner,
                deadline_ns=deadline_ns,
                ready_ns=self._ready_ns(decision, now_ns, deadline_ns),
                seen=seen,
            )
            if ticket is None:
                return None
            waiter.ticket = ticket
            self.waiters[ticket] = waiter
        self._neighbours.listen(self)
        return waiter

    def _try(self, ticket: int) -> None:
        """Try the head of a line: it is served, stays, or is refused for good."""
        queue, waiter = self.queue, self._waiter(ticket)
        if waiter is None or waiter.sleeper.gone:
            with self._lock:
                self.waiters.pop(ticket, None)
            queue.leave(ticket)
            return
        seen = queue.releases
        try:
            outcome = waiter.bid.try_once(ticket)
        except Exception as error:  # noqa: BLE001 - it belongs to the caller who waits, not to the one who tries for it
            queue.leave(ticket)
            self._finish(waiter, "failed", error)
            return
        except BaseException:
            queue.refused(ticket, waiter.decision, ready_ns=None, seen=seen)
            raise
        if _refuses(outcome):
            self._stay(waiter, outcome, seen)
        elif not queue.served(ticket) or not self._finish(waiter, "granted", outcome):
            waiter.bid.give_back(outcome)
            queue.release()

    def _stay(self, waiter: Waiter, decision: _core.Decision, seen: int) -> None:
        now_ns = time.monotonic_ns()
        waiter.decision = decision
        if _too_late(decision, now_ns, waiter.deadline_ns):
            self.queue.leave(waiter.ticket)
            self._finish(waiter, "refused", decision)
        else:
            ready_ns = self._ready_ns(decision, now_ns, waiter.deadline_ns)
            self.queue.refused(waiter.ticket, decision, ready_ns=ready_ns, seen=seen)

    def _ready_ns(self, decision: _core.Decision, now_ns: int, deadline_ns: int) -> int | None:
        """When a refused request is to be tried again if nothing happens; None as soon as it is its turn."""
        if decision.cause == "queued":
            return None
        wait_ns, slack_ns = decision.wait_ns, decision.slack_ns
        if wait_ns is None:
            return now_ns + _RECHECK_NS
        ready_ns = now_ns + wait_ns
        if slack_ns is None:
            return ready_ns
        later_ns = ready_ns + min(len(self.waiters) // _CROWD * wait_ns, slack_ns // 2, _GRACE_NS)
        return later_ns if later_ns < deadline_ns else ready_ns

    def _waiter(self, ticket: int) -> Waiter | None:
        with self._lock:
            return self.waiters.get(ticket)

    def _finish(self, waiter: Waiter, kind: str, value: Any) -> bool:
        """Give a waiter its outcome; False when it is gone."""
        with self._lock:
            if waiter.closed or waiter.outcome is not None:
                return False
            waiter.outcome = (kind, value)
        waiter.sleeper.wake(waiter.future)
        return True

    def _end(self, waiter: Waiter) -> None:
        """Leave the line however the wait ended; a grant that the caller never saw serves the next."""
        with self._lock:
            waiter.closed = True
            self.waiters.pop(waiter.ticket, None)
        if waiter.was_served:
            return  # whoever served it took it out of the line, and went on to the next
        lost = waiter.lost()
        if lost is not None:
            waiter.bid.give_back(lost)
            self.queue.release()
        self.queue.leave(waiter.ticket)
        self.poll()

    def _enter(self, loop: asyncio.AbstractEventLoop) -> LoopSleeper:
        with self._lock:
            sleeper = self._loops.get(loop)
            if sleeper is None:
                sleeper = LoopSleeper(next(self._owners), loop, self.poll, self.queue.next_alarm)
                self._loops[loop] = sleeper
            sleeper.waiting += 1
            return sleeper

    def _exit(self, loop: asyncio.AbstractEventLoop, sleeper: LoopSleeper) -> None:
        with self._lock:
            sleeper.waiting -= 1
            if sleeper.waiting:
                return
            self._loops.pop(loop, None)
            self._sleepers.pop(sleeper.owner, None)
        sleeper.close()


def _refuses(outcome: Any) -> bool:
    return isinstance(outcome, _core.Decision) and not outcome.allowed


def _too_late(decision: _core.Decision, now_ns: int, deadline_ns: int) -> bool:
    """Whether waiting cannot help: never, or not before the deadline."""
    wait_ns = decision.wait_ns
    return decision.wait == "never" or (wait_ns is not None and now_ns + wait_ns > deadline_ns)
