"""How long a score may take: a request is rather routed without one than held up by it."""

from __future__ import annotations

from time import perf_counter_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Deadline", "TooLate"]

_LIMIT_NS = 5_000_000


class TooLate(Exception):  # noqa: N818 - not an error: the request goes on without a score
    """The time for a score is over."""


class Deadline:
    """Time for one score, counted from when it is made.

    It is looked at between the steps of a score, which are short; none is broken off.

    Example:
        >>> from tierkit.route.deadline import Deadline, TooLate
        >>> times = iter([0, 4_000_000, 5_000_001])
        >>> deadline = Deadline(lambda: next(times))
        >>> deadline.check()
        >>> try:
        ...     deadline.check()
        ... except TooLate:
        ...     print("without a score")
        without a score

    """

    __slots__ = ("_clock", "_ends_ns")

    def __init__(self, clock: Callable[[], int] = perf_counter_ns) -> None:
        """Begin: 5 ms are left. `clock` gives nanoseconds that only grow."""
        self._clock = clock
        self._ends_ns = clock() + _LIMIT_NS

    def check(self) -> None:
        """Raise `TooLate` when the time is over."""
        if self._clock() > self._ends_ns:
            raise TooLate

    def left_s(self) -> float:
        """Seconds that are left, 0 or more: how long a lock may be waited for."""
        return max(0, self._ends_ns - self._clock()) / 1e9
