"""One take of a limiter that may wait in line."""

from __future__ import annotations

import time

from tierkit.governor.waiter import flow_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from decimal import Decimal

    from tierkit import _core
    from tierkit.governor.opened import Opened
    from tierkit.governor.waiting import Waiting
    from tierkit.money import Money

    # Requests, input, output and total tokens, and money; a total of None is the sum.
    Units = tuple[int, int, int, int | None, str | Decimal | Money | None]

__all__ = ["Taking"]


class Taking:
    """Units of a limiter for some labels.

    Attributes:
        priority: Its class, 0 the most urgent.
        weight: How large its flow's share is.
    """

    __slots__ = ("_labels", "_owner", "_ttl_s", "_units", "_waiting", "priority", "weight")

    def __init__(
        self,
        owner: Opened,
        waiting: Waiting,
        labels: dict[str, str],
        units: Units,
        *,
        ttl_s: float = 660.0,
        priority: int = 2,
        weight: int = 1,
    ) -> None:
        """Keep what is asked."""
        self._owner = owner
        self._waiting = waiting
        self._labels = labels
        self._units = units
        self._ttl_s = ttl_s
        self.priority = priority
        self.weight = weight

    @property
    def flow(self) -> bytes:
        """Requests with the same labels share one flow."""
        return flow_of(self._labels)

    def try_once(self, ticket: int | None = None) -> _core.Decision:
        """Take, unless others wait before this request."""
        gate, queue = self._owner.gate, self._waiting.queue
        if not self._waiting.waiters:
            return gate.take(self._labels, *self._units, self._ttl_s)
        now_ns = time.monotonic_ns()
        return gate.take_in_turn(queue, self.priority, now_ns, ticket, self._labels, *self._units, self._ttl_s)

    def give_back(self, granted: _core.Decision) -> None:
        """Give everything back: nothing was used."""
        self._owner.gate.settle_take(granted, requests=0, input_tokens=0, output_tokens=0, total_tokens=0, usd="0")
