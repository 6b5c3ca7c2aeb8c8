"""An admitted request: what it may use, and how it ends."""

from __future__ import annotations

import warnings

from tierkit.errors import (
    AlreadySettled,
    BackendError,
    BackendTimeout,
    ConfigError,
    TierkitError,
    UnsettledWarning,
)
from tierkit.governor.billing import PLAIN
from tierkit.money import Money
from tierkit.request import Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any, NoReturn, Self

    from tierkit.governor.answers import Place
    from tierkit.governor.billing import Billing
    from tierkit.governor.engine import Engine
    from tierkit.governor.steered import Steered
    from tierkit.request import TokenCount

__all__ = ["Admission", "Hit"]


class Hit:
    """An answer from the cache.

    Attributes:
        value: The answer's bytes, as `settle` was given them.
        similarity: Cosine of the two questions; 1.0 for an equal one.
        exact: Whether the questions were equal.
        id: For `Governor.report`.
        saved: What the first answer cost.
        tier: The tier that gave it.
    """

    __slots__ = ("exact", "id", "saved", "similarity", "tier", "value")

    def __init__(
        self,
        value: bytes,
        *,
        similarity: float,
        exact: bool,
        id: int,  # noqa: A002 - the word of CacheHit.id
        saved: Money,
        tier: str,
    ) -> None:
        """Keep the parts."""
        self.value = value
        self.similarity = similarity
        self.exact = exact
        self.id = id
        self.saved = saved
        self.tier = tier


class Admission:
    """A request that may run. End it with `settle` or `cancel`, or use it as a context manager.

    Leaving a `with` block without either: a normal exit posts as reserved and warns (`UnsettledWarning`); a timeout, a
    cancellation or a keyboard interrupt posts as reserved, since the provider may have charged, and so does any error
    after `settle` was called; others cancel. The error of the block is never replaced: what could not be ended is a
    note on it, and expires as posted.

    Attributes:
        id: The reservation's id.
        tier: Name of the tier that serves it.
        model: Its model.
        backend: Name of its backend.
        labels: The caller's labels.
        hit: The answer from the cache, or None; a hit is settled already.
        reserved: Money on hold.
        input_tokens: Tokens of the prompt, exact or marked as estimated.
        max_output_tokens: The caller's or the tier's bound of the answer, to be sent to the server; None: no bound.
        need: How much the strong tier was needed, or None.
        reasons: The largest contributions to the need.
        cost: What was posted, once settled.
        steered: What routing is told when the request ends.
        replayed: Whether the id had been admitted before: then nothing more is held or charged, and a second call to a
            model under it has no money on hold.
    """

    __slots__ = (
        "_at_ns", "_began_ns", "_billing", "_called", "_engine", "_output_tokens", "_place", "backend", "cost", "hit",
        "id", "input_tokens", "labels", "max_output_tokens", "model", "need", "reasons", "replayed", "reserved",
        "settled", "steered", "tier",
    )  # fmt: skip

    def __init__(
        self,
        engine: Engine,
        candidate: tuple[str, str, str],
        *,
        id: str,  # noqa: A002 - the word that users read in the ledger
        labels: dict[str, str],
        reserved: Money,
        input_tokens: TokenCount,
        output_tokens: int,
        max_output_tokens: int | None,
        need: float | None = None,
        reasons: tuple[str, ...] = (),
        place: Place | None = None,
        hit: Hit | None = None,
        at_ns: int = 0,
        began_ns: int = 0,
        steered: Steered | None = None,
        billing: Billing = PLAIN,
        replayed: bool = False,
    ) -> None:
        """Keep the parts; made by `Governor.admit`. `candidate` is (tier, model, backend)."""
        self._engine = engine
        self._place = place
        self._output_tokens = output_tokens
        self._at_ns = at_ns
        self._began_ns = began_ns
        self._billing = billing
        self._called = False
        self.id = id
        self.tier, self.model, self.backend = candidate
        self.labels = labels
        self.reserved = reserved
        self.input_tokens = input_tokens
        self.max_output_tokens = max_output_tokens
        self.need = need
        self.reasons = reasons
        self.hit = hit
        self.steered = steered
        self.replayed = replayed
        self.settled = hit is not None
        self.cost: Money | None = None if hit is None else reserved

    def settle(self, usage: Usage | None = None, *, answer: str | bytes | None = None, cacheable: bool = True) -> Money:
        """Post what the call used: the rest of the reservation is given back, an overrun is posted in full.

        Args:
            usage: Tokens as the server counted them; None posts as reserved, marked as estimated.
            answer: The answer, kept in the cache when the policy allows it.
            cacheable: False for errors, cut streams and tool calls, which must never be served again.

        Returns:
            The exact price, rounded up once to nano-USD.

        Raises:
            AlreadySettled: It ended before with another amount, or was cancelled and settled since.
            ConfigError: A usage that is no `Usage`, an answer that is neither text nor bytes, a price out of range.
            StateError: With durability="strict", the ledger could not be written; the entry is kept and tried again.

        Idempotent for the same usage.   Cost: a few microseconds; no disk on the path unless durability="strict".
        """
        if self.hit is not None:
            return self.reserved
        self._called = True
        _check(usage, answer)
        cost = self._engine.post(self, usage, self._output_tokens, self._at_ns, self._billing)
        if answer is not None and cacheable and not self.settled and self._place is not None and usage is not None:
            value = answer if isinstance(answer, bytes) else answer.encode("utf-8", "replace")
            self._engine.keep(self._place, self.tier, value, cost)
        self.settled = True
        self.cost = cost
        return cost

    def cancel(self) -> None:
        """Give everything back: nothing was sent, or nothing was charged.

        Raises:
            AlreadySettled: It was settled before.
        """
        if self.hit is None:
            self._engine.void(self)
            self.settled = True
            self.cost = Money(0)

    def heard(
        self, *, limits: Sequence[Any] = (), error_class: str | None = None, retry_after_s: float | None = None
    ) -> None:
        """Tell what the server's answer said of its load; the next requests to it are decided with that in mind.

        The clients call it after each attempt; a caller of `admit` may too.

        Args:
            limits: What is left of the provider's limits, from `tierkit.backends.reported_limits`.
            error_class: "rate", "overload" or "spend" when the server asked for fewer requests; None for an answer.
            retry_after_s: The wait that it asked for.

        Example:
            >>> import tierkit as tk
            >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
            >>> governor = tk.Governor(tk.Policy(tiers=[tk.Tier("small", model="m", backend="mine", price=price)]))
            >>> admission = governor.admit("Say hello", max_output_tokens=10)
            >>> admission.cancel()
            >>> admission.heard(error_class="rate", retry_after_s=30)
            >>> governor.admit("Say hello", max_output_tokens=10)
            Traceback (most recent call last):
            tierkit.errors.RateLimited: rule 'provider:mine' refuses (paused): the server asked for a pause; ...
        """
        if self.hit is None:
            self._engine.heard(
                (self.tier, self.model, self.backend),
                began_ns=self._began_ns,
                limits=limits,
                error_class=error_class,
                retry_after_s=retry_after_s,
            )

    def __enter__(self) -> Self:
        """Return the admission."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what was not ended, by the way the block was left."""
        if self.settled:
            return
        if error is None:
            self._end_unsettled()
            return
        try:
            if self._called or _may_have_been_charged(error):
                self.settle()
            else:
                self.cancel()
        except AlreadySettled:
            pass  # it had ended, by this block's settle or under the same id before; the first ending stands
        except TierkitError as failure:
            error.add_note(f"request {self.id} was not ended, and expires as posted: {failure}")

    def _end_unsettled(self) -> None:
        try:
            self.settle()
        except AlreadySettled:  # an id that was used again: what it cost is booked
            return
        warnings.warn(
            f"request {self.id} left its block without settle(usage); {self.reserved} USD were posted as reserved",
            UnsettledWarning,
            stacklevel=3,
        )

    async def __aenter__(self) -> Self:
        """Return the admission."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End what was not ended; nothing here waits."""
        self.__exit__(kind, error, trace)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled or copied: who was admitted settles."""
        raise TypeError(f"admission {self.id} stays in its process; settle it there")

    def __repr__(self) -> str:
        """Show who serves it and what is held."""
        return f"Admission(id={self.id!r}, tier={self.tier!r}, model={self.model!r}, reserved={self.reserved} USD)"


def _check(usage: object, answer: object) -> None:
    """Refuse what cannot be booked or kept before anything is booked."""
    if usage is not None and not isinstance(usage, Usage):
        raise ConfigError(
            f"usage of type {type(usage).__name__}: expected tk.Usage(input_tokens=…, output_tokens=…), "
            "or None to post as reserved"
        )
    if answer is not None and not isinstance(answer, (str, bytes)):
        raise ConfigError(f"answer of type {type(answer).__name__}: expected text or bytes")


def _may_have_been_charged(error: BaseException) -> bool:
    """A cancellation, an interrupt or any timeout leaves open whether the provider did the work."""
    if not isinstance(error, Exception) or isinstance(error, (TimeoutError, BackendTimeout)):
        return True
    if isinstance(error, BackendError):
        return error.outcome in ("uncertain", "partial")
    # Each HTTP client has its own timeout class, and none can be imported here.
    return any("timeout" in kind.__name__.lower() for kind in type(error).__mro__)
