"""What servers say of their load, and what follows: pauses, lowered levels, fewer requests at once."""

from __future__ import annotations

import time

from tierkit import _core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from tierkit.policy import Limit, Policy

    Target = tuple[str, str, str]
    """(tier, model, backend)"""

__all__ = ["Pressure"]

_MOST_S = 86_400.0
_SPENT_S = 3_600.0
"""A provider account without money is asked again after an hour, when it does not say."""
_JITTER_PERMILLE = 100


class Pressure:
    """Keeps what each backend's answers say, and holds requests up that it would refuse.

    Args:
        policy: Its tiers name the backends; a concurrency limit that applies to one switches its learned cap off.
        clock: A manual clock, or None for the machine's.
        jitter: Random numbers in [0, 1), which stretch pauses by up to a tenth; None is `random.random`.

    Attributes:
        ignored: How many figures were of no use: malformed, negative, or from an answer that came late.

    Example:
        >>> import tierkit as tk
        >>> from tierkit.governor.pressure import Pressure
        >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
        >>> policy = tk.Policy(tiers=[tk.Tier("small", model="m", backend="mine", price=price)])
        >>> pressure = Pressure(policy, jitter=lambda: 0.0)
        >>> pressure.heard(("small", "m", "mine"), error_class="rate", retry_after_s=2.0, began_ns=pressure.now_ns())
        >>> decision = pressure.take(("small", "m", "mine"), 10, 10)
        >>> decision.rule, decision.cause, 1.9 < decision.retry_after_s <= 2.0
        ('provider:mine', 'paused', True)
    """

    __slots__ = ("_capped", "_clock", "_jitter", "_open", "_providers", "_ttl_ns", "ignored")

    def __init__(
        self, policy: Policy, *, clock: _core.ManualClock | None = None, jitter: Callable[[], float] | None = None
    ) -> None:
        """Start with servers that bear everything."""
        self._providers: dict[str, _core.Provider] = {}
        self._clock = clock
        self._jitter = jitter
        self._open: dict[str, tuple[Target, tuple[int, int], int]] = {}
        self.ignored = 0
        self._read(policy)

    def _read(self, policy: Policy) -> None:
        for tier in policy.tiers:
            # A tier that names no backend is known by its model.
            name = tier.backend or tier.model
            if name not in self._providers:
                self._providers[name] = _core.Provider(tier.backend, tier.model)
        backends = {tier.backend for tier in policy.tiers}
        self._capped = {backend for backend in backends if any(_caps(limit, backend) for limit in policy.limits)}
        self._ttl_ns = int(policy.reservation_ttl_s * 1_000_000_000)

    def under(self, policy: Policy) -> Pressure:
        """Return the same under another policy: what servers said stays, and who was let in ends here or there."""
        following = Pressure(policy, clock=self._clock, jitter=self._jitter)
        following._open = self._open
        following._providers = self._providers
        following._read(policy)
        return following

    def now_ns(self) -> int:
        """Read the clock that all of this goes by."""
        return time.monotonic_ns() if self._clock is None else self._clock.boot_ns

    def take(self, target: Target, input_tokens: int, output_tokens: int) -> _core.Decision | None:
        """Take room for a request; a refusal when its server has none."""
        provider, now_ns = self._provider(target), self.now_ns()
        held_up = provider.take(target[1], input_tokens, output_tokens, now_ns)
        if held_up is not None and self._forget(now_ns):
            held_up = provider.take(target[1], input_tokens, output_tokens, now_ns)
        return held_up

    def keep(self, identity: str, target: Target, input_tokens: int, output_tokens: int) -> int:
        """Remember by whom room was taken; returns when."""
        now_ns = self.now_ns()
        self._open[identity] = (target, (input_tokens, output_tokens), now_ns)
        return now_ns

    def give_back(self, target: Target, input_tokens: int, output_tokens: int) -> None:
        """Undo a take."""
        now_ns = self.now_ns()
        self._provider(target).end(target[1], (input_tokens, output_tokens), None, now_ns, now_ns)

    def ended(self, identity: str, used: tuple[int, int] | None) -> None:
        """Correct what a request took to the (input, output) tokens that it used; None: it was never sent."""
        found = self._open.pop(identity, None)
        if found is not None:
            target, taken, began_ns = found
            self._provider(target).end(target[1], taken, used, began_ns, self.now_ns())

    def heard(
        self,
        target: Target,
        *,
        began_ns: int,
        limits: Sequence[Any] = (),
        error_class: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        """Apply what an answer said.

        Args:
            target: (tier, model, backend).
            began_ns: When its request began, by `now_ns`; an answer older than the last one says nothing of limits.
            limits: `ReportedLimit`s of the reply.
            error_class: Why it failed; None for an answer.
            retry_after_s: The wait that the server asks for.
        """
        _, model, backend = target
        provider, now_ns = self._provider(target), self.now_ns()
        if limits and provider.news(model, began_ns):
            self._sync(provider, model, limits, now_ns)
        else:
            self.ignored += len(limits)
        wait_s = self._wait_s(retry_after_s)
        if wait_s is None and error_class == "spend":
            wait_s = _SPENT_S
        if wait_s is not None and error_class in {"rate", "overload", "spend"}:
            provider.pause(int(wait_s * 1e9), self._permille(), now_ns)
        if error_class is None:
            provider.succeeded()
        elif error_class == "overload" or (error_class == "rate" and wait_s is None):
            if error_class == "rate":
                provider.exhausted(model, now_ns)
            if backend not in self._capped and not limits:
                provider.overloaded(began_ns, now_ns)

    def capped(self, target: Target) -> bool:
        """Whether the backend was overloaded and now gets fewer requests at once."""
        return self._provider(target).cap is not None

    def _provider(self, target: Target) -> _core.Provider:
        return self._providers[target[2] or target[1]]

    def _sync(self, provider: _core.Provider, model: str, limits: Sequence[Any], now_ns: int) -> None:
        for row in limits:
            if row.limit is None or row.limit < 1 or (row.remaining is not None and row.remaining < 0):
                self.ignored += 1
                continue
            provider.sync(
                model,
                row.dimension,
                limit=row.limit,
                period_ns=row.period_s * 1_000_000_000,
                remaining=row.remaining,
                now_ns=now_ns,
            )

    def _wait_s(self, hint_s: float | None) -> float | None:
        if hint_s is None:
            return None
        if not 0 < hint_s < float("inf"):
            self.ignored += 1
            return None
        return min(hint_s, _MOST_S)

    def _permille(self) -> int:
        if self._jitter is None:
            import random  # noqa: PLC0415 - rarely needed

            self._jitter = random.random
        return int(self._jitter() * _JITTER_PERMILLE)

    def _forget(self, now_ns: int) -> bool:
        """End what nobody ended in the life of a reservation; true when there was any."""
        late = [identity for identity, (_, _, at_ns) in list(self._open.items()) if now_ns - at_ns > self._ttl_ns]
        for identity in late:
            found = self._open.get(identity)
            if found is not None:
                self.ended(identity, found[1])
        return bool(late)


def _caps(limit: Limit, backend: str) -> bool:
    """Whether a limit bounds how many requests run at once on a backend."""
    return limit.concurrency is not None and backend in limit.where.get("backend", (backend,))
