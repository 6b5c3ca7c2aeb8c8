"""`Limiter`: limits without a governor."""

from __future__ import annotations

import time

from tierkit import _core
from tierkit.errors import ConfigError
from tierkit.governor.labels import as_dict
from tierkit.governor.opened import Opened, directory
from tierkit.governor.taking import Taking
from tierkit.governor.waiter import class_of
from tierkit.governor.waiting import Waiting
from tierkit.policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from tierkit.governor.taking import Units
    from tierkit.money import Money
    from tierkit.policy import Limit

__all__ = ["Limiter"]

_MAX_WEIGHT = 1_000_000


class Limiter(Opened):
    """Exact limits by label: checks all that apply, then takes from all, or from none.

    Dimensions that are not named count 0, `requests` counts 1, and `total_tokens` is input plus output.

    Example:
        >>> import tierkit as tk
        >>> clock = tk.testing.ManualClock()
        >>> limiter = tk.Limiter([tk.Limit("2 requests/second", per=["user"])], clock=clock)
        >>> [limiter.take({"user": "ada"}).allowed for _ in range(3)]
        [True, True, False]
        >>> clock.advance(ns=500_000_000)
        >>> limiter.take({"user": "ada"}).allowed
        True
    """

    __slots__ = ("_waiting",)

    def __init__(
        self,
        limits: Sequence[Limit],
        *,
        state: str | os.PathLike[str] | None = None,
        clock: _core.ManualClock | None = None,
    ) -> None:
        """Compile the limits.

        Args:
            limits: The rules; all that match a request apply together.
            state: Directory for slots and reservations that outlive the process; None: this process's memory.
            clock: A `ManualClock`, or None for the machine's.
        """
        policy = Policy(limits=limits)
        gate = _core.Gate(policy.limit_rules(), state=directory(state), clock=clock, loaded_ns=policy.loaded_ns)
        super().__init__(gate)
        self._waiting = Waiting(gate, clock)

    def reload(self, limits: Sequence[Limit]) -> None:
        """Let other limits decide from the next take on; see `Governor.reload`.

        Handles of `bind` follow. Buckets and slots stay with their limit by name and labels.

        Raises:
            ConfigError: The limits cannot be used; the old ones stay in force.

        Example:
            >>> import tierkit as tk
            >>> limiter = tk.Limiter([tk.Limit("1 requests/minute", name="all")])
            >>> scope = limiter.bind()
            >>> scope.take().allowed, scope.take().allowed
            (True, False)
            >>> limiter.reload([tk.Limit("3 requests/minute", name="all"), tk.Limit(concurrency=2, name="slots")])
            >>> scope.take().rule
            'all'
        """
        policy = Policy(limits=limits)
        self.gate.reload(policy.limit_rules(), loaded_ns=time.time_ns())
        self._waiting.released()

    def take(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        requests: int = 1,
        input_tokens: int = 0,
        output_tokens: int = 0,
        total_tokens: int | None = None,
        usd: str | Decimal | Money | None = None,
        ttl_s: float = 660.0,
    ) -> _core.Decision:
        """Take units now, or say who refuses and until when.

        Args:
            labels: Who asks.
            requests: Requests.
            input_tokens: Tokens in.
            output_tokens: Tokens out.
            total_tokens: Both; None is their sum.
            usd: Money.
            ttl_s: Seconds after which a slot of a concurrency limit comes free by itself.

        Returns:
            A decision: true when taken, else `.rule`, `.cause`, `.retry_after_s`.

        Cost: about a microsecond; `bind` matches the labels once and is several times faster.
        """
        who = labels if type(labels) is dict else as_dict(labels)
        if self._waiting.waiters:
            units = (requests, input_tokens, output_tokens, total_tokens, usd)
            return Taking(self, self._waiting, who, units, ttl_s=ttl_s).try_once()
        return self.gate.take(who, requests, input_tokens, output_tokens, total_tokens, usd, ttl_s)

    def bind(self, labels: Mapping[str, str] | None = None, *, ttl_s: float = 660.0) -> _core.Scope:
        """Match labels once; the handle's `take` is for hot paths."""
        return self.gate.bind(as_dict(labels), ttl_s=ttl_s)

    def wait(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        timeout_s: float,
        requests: int = 1,
        input_tokens: int = 0,
        output_tokens: int = 0,
        usd: str | Decimal | Money | None = None,
        priority: str = "normal",
        weight: int = 1,
    ) -> _core.Decision:
        """Take units as soon as they fit and it is this request's turn; a wait that cannot end in time ends at once.

        Args:
            labels: Who asks; requests with the same labels share one flow.
            timeout_s: Seconds to wait at most.
            requests: Requests.
            input_tokens: Tokens of the prompt.
            output_tokens: Tokens of the answer.
            usd: Money.
            priority: "critical", "high", "normal", "low" or "batch". A more urgent class always goes first.
            weight: The flow's share among the flows of its class, 1 or more.

        Example:
            >>> import tierkit as tk
            >>> limiter = tk.Limiter([tk.Limit("100 requests/second", burst=1)])
            >>> [bool(limiter.wait(timeout_s=5, priority="high")) for _ in range(3)]
            [True, True, True]
        """
        units = (requests, input_tokens, output_tokens, None, usd)
        taken: _core.Decision = self._waiting.wait(self._taking(labels, units, priority, weight), timeout_s)
        return taken

    async def wait_async(
        self,
        labels: Mapping[str, str] | None = None,
        *,
        timeout_s: float,
        requests: int = 1,
        input_tokens: int = 0,
        output_tokens: int = 0,
        usd: str | Decimal | Money | None = None,
        priority: str = "normal",
        weight: int = 1,
    ) -> _core.Decision:
        """Wait on the event loop; see `wait`. A task that is cancelled takes nothing."""
        units = (requests, input_tokens, output_tokens, None, usd)
        taking = self._taking(labels, units, priority, weight)
        taken: _core.Decision = await self._waiting.wait_async(taking, timeout_s)
        return taken

    def _taking(self, labels: Mapping[str, str] | None, units: Units, priority: str, weight: int) -> Taking:
        if isinstance(weight, bool) or not isinstance(weight, int) or not 1 <= weight <= _MAX_WEIGHT:
            raise ConfigError(f"weight={weight!r}: expected a whole number from 1 to {_MAX_WEIGHT}")
        place = class_of(priority)
        return Taking(self, self._waiting, as_dict(labels), units, priority=place, weight=weight)

    def close(self) -> None:
        """Give the state free; who still waits is told that the limiter is closed."""
        try:
            super().close()
        finally:
            self._waiting.close()

    def settle(
        self,
        decision: _core.Decision,
        *,
        requests: int | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        total_tokens: int | None = None,
        usd: str | Decimal | Money | None = None,
    ) -> None:
        """Say what was really used: the rest is given back, more becomes debt, and slots are freed.

        Dimensions that are not named were used as taken.

        Raises:
            AlreadySettled: This decision was settled before. One that holds slots may be settled again with the same
                amounts.
        """
        self.gate.settle_take(
            decision,
            requests=requests,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            total_tokens=total_tokens,
            usd=usd,
        )
        gate = self.gate
        self._waiting.released(lambda: gate.touched(decision))
