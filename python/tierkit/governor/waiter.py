"""One request in line: how it is tried, how long it may wait, and what it hears in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from tierkit._core import Decision
    from tierkit.governor.sleepers import LoopSleeper, ThreadSleeper

__all__ = ["PRIORITIES", "Bid", "Waiter", "class_of", "flow_of"]

PRIORITIES = ("critical", "high", "normal", "low", "batch")


def class_of(priority: str) -> int:
    """Return the place of a priority class, 0 the most urgent.

    Raises:
        ConfigError: No such class.
    """
    if priority not in PRIORITIES:
        from tierkit.errors import ConfigError  # noqa: PLC0415 - only for a mistake

        raise ConfigError(f"priority {priority!r}: expected one of {', '.join(PRIORITIES)}")
    return PRIORITIES.index(priority)


def flow_of(labels: dict[str, str]) -> bytes:
    """Name the flow of a request: requests with the same labels share one."""
    if not labels:
        return b""
    return repr(sorted(labels.items())).encode("utf-8", "surrogatepass")


class Bid(Protocol):
    """A request that can be tried more than once, by any thread.

    Attributes:
        priority: Its class, 0 the most urgent.
        weight: How large its flow's share is.
    """

    priority: int
    weight: int

    @property
    def flow(self) -> bytes:
        """Whose share it uses."""

    def try_once(self, ticket: int | None = None) -> Any:
        """Take what is needed and return it; or return the `Decision` that refuses."""

    def give_back(self, granted: Any) -> None:
        """Undo a take that nobody came for."""


class Waiter:
    """A request in line.

    Attributes:
        bid: What is tried.
        deadline_ns: When it gives up, on the monotonic clock.
        decision: The last refusal.
        outcome: What it hears; None while it waits.
        ticket: Its number in the queue.
        sleeper: The thread or event loop that sleeps for it.
        future: What its task awaits; None for a thread.
        closed: Whether its caller is gone.
    """

    __slots__ = ("_taken", "bid", "closed", "deadline_ns", "decision", "future", "outcome", "sleeper", "ticket")

    def __init__(self, bid: Bid, decision: Decision, deadline_ns: int, sleeper: ThreadSleeper | LoopSleeper) -> None:
        """Start waiting."""
        self.bid = bid
        self.decision = decision
        self.deadline_ns = deadline_ns
        self.sleeper = sleeper
        self.future = sleeper.future()
        self.ticket = 0
        self.closed = False
        self.outcome: tuple[str, Any] | None = None
        self._taken = False

    def take(self) -> Any:
        """Return the outcome to the caller, or raise what trying raised."""
        self._taken = True
        _, value = self.outcome or ("refused", self.decision)
        if isinstance(value, Exception):
            raise value
        return value

    @property
    def was_served(self) -> bool:
        """Whether its caller got what it waited for."""
        return self._taken and self.outcome is not None and self.outcome[0] == "granted"

    def lost(self) -> Any:
        """Return a grant that the caller never saw, or None."""
        if self.outcome is None or self._taken or self.outcome[0] != "granted":
            return None
        return self.outcome[1]
