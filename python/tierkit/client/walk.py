"""One request on its way through attempts: what to admit next, what to send, how each attempt ended.

Pure but for the clock of the deadline; the blocking and the asyncio client are thin shells around it.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, NoReturn

from tierkit.client.answer import Answer, Attempt, CachedAnswer, read_cached, write_cached
from tierkit.client.flights import MAX_WAIT_S
from tierkit.client.settlement import charge_failure, is_cacheable, known_usage, reply_usage
from tierkit.errors import BackendError, ConfigError
from tierkit.money import Money
from tierkit.request import Call, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tierkit.client.ports import AdmissionLike, PolicyLike, TierLike
    from tierkit.errors import Refused
    from tierkit.request import Reply

__all__ = ["MAX_ATTEMPTS", "Walk"]

MAX_ATTEMPTS = 3
_OWN_FIELDS = {
    "model": "the tier says it",
    "stream": "call stream()",
    "max_tokens": "write max_output_tokens",
    "max_completion_tokens": "write max_output_tokens",
}
_NEXT_CLASSES = frozenset({"overload", "transient", "rate", "context", "spend"})


class Walk:
    """The attempts of one request.

    Attributes:
        id: The request's id.
        attempts: Every attempt that ended.
        bound: The caller's bound of the answer, in tokens.

    """

    def __init__(
        self,
        policy: PolicyLike,
        messages: str | Sequence[Mapping[str, Any]],
        *,
        labels: Mapping[str, str] | None,
        max_output_tokens: int | None,
        cache: str,
        wait_s: float,
        priority: str,
        id: str | None,  # noqa: A002 - the word that users read in the ledger
        timeout_s: float | None,
        params: Mapping[str, Any],
    ) -> None:
        """Start before the first attempt.

        Raises:
            ConfigError: A parameter that is not passed on, since it would change what was reserved.
        """
        if timeout_s is not None and not timeout_s > 0:  # nor when it is no number
            raise ConfigError(f"timeout_s={timeout_s!r}: expected seconds above 0, or None for no deadline")
        for name in _OWN_FIELDS.keys() & params.keys():
            raise ConfigError(f"{name}={params[name]!r}: not passed on to the server; {_OWN_FIELDS[name]}")
        self.id = id or f"req-{os.urandom(9).hex()}"
        self.attempts: list[Attempt] = []
        self.messages = [{"role": "user", "content": messages}] if isinstance(messages, str) else list(messages)
        self.params = params
        self.bound = max_output_tokens
        self._policy = policy
        self._admit = {
            "labels": labels,
            "max_output_tokens": max_output_tokens,
            "params": params,
            "cache": cache,
            "priority": priority,
        }
        self._number = 1
        self._wait_s = wait_s
        self._tiers: tuple[str, ...] | None = None
        self._error: BackendError | None = None
        self._deadline_s = None if timeout_s is None else time.monotonic() + timeout_s

    def admit_arguments(self) -> dict[str, Any]:
        """Return the arguments of the next `admit`: a fallback is a new one, so it has no free pass."""
        wait_s = self._wait_s if self._deadline_s is None else min(self._wait_s, self._left_s())
        return {**self._admit, "id": f"{self.id}/{self._number}", "tiers": self._tiers, "wait_s": wait_s}

    def pass_over(self) -> None:
        """Go on to the next number: an earlier call with this id used this one.

        What is sent again may be billed again, so it needs money on hold of its own.
        """
        self._number += 1

    def flight_key(self) -> bytes | None:
        """Name the question, for others that ask the same now; None when its answer would not be kept for them.

        All labels count, not only those that the cache is kept apart by: nobody waits for a stranger.
        """
        kept = getattr(getattr(self._policy, "cache", None), "enabled", False) and self._admit["cache"] == "use"
        if not kept or not is_cacheable(self.params, finish_reason="stop", tool_calls=False, text="?"):
            return None
        asked = [self.messages, self._admit["labels"], self._admit["max_output_tokens"], self.params]
        try:
            return json.dumps(asked, sort_keys=True).encode()
        except (TypeError, ValueError):
            return None

    def flight_wait_s(self) -> float:
        """How long to wait for another's answer."""
        return MAX_WAIT_S if self._deadline_s is None else min(MAX_WAIT_S, self._left_s())

    def _left_s(self) -> float:
        return 0.0 if self._deadline_s is None else max(self._deadline_s - time.monotonic(), 0.001)

    def call(self, admission: AdmissionLike) -> Call:
        """Return what to send."""
        left_s = None if self._deadline_s is None else self._left_s()
        return Call(
            self.messages,
            model=admission.model,
            max_output_tokens=admission.max_output_tokens,
            params=self.params,
            timeout_s=left_s,
            id=admission.id,
        )

    def refused(self, refusal: Refused) -> NoReturn:
        """Raise what a refusal means: for a fallback, the failure that led to it says more."""
        if self._error is None:
            raise refusal
        self._error.add_note(f"fallback refused: {refusal}")
        raise self._error from refusal

    def cached(self, admission: AdmissionLike) -> CachedAnswer | None:
        """Take a cached answer; None when its bytes are not ours, and the next admit must not offer it again."""
        with admission:
            found = read_cached(admission.hit.value)
        self._note(admission, "cached", usage=None, cost=admission.cost or Money("0"))
        if found is None:
            self._admit["cache"] = "refresh"
        return found

    def cached_answer(self, found: CachedAnswer) -> Answer:
        """Return a cached answer to the caller."""
        return self.answer(found.text, usage=found.usage, finish_reason=found.finish_reason)

    def no_backend(self, admission: AdmissionLike, known: Mapping[str, Any]) -> NoReturn:
        """Give back what a tier without a backend reserved."""
        admission.cancel()
        raise ConfigError(
            f"tier {admission.tier!r}: no backend {admission.backend!r}, expected one of {sorted(known)}; "
            "pass it in backends={...} or add it to the policy"
        )

    def answered(self, admission: AdmissionLike, reply: Reply) -> Answer:
        """Settle a whole reply; one that cannot be read was paid for all the same."""
        try:
            usage = reply_usage(admission, reply)
            self.settle(
                admission,
                usage,
                text=reply.text,
                finish_reason=reply.finish_reason,
                tool_calls=bool(reply.tool_calls),
                outcome="answered",
                limits=reply.limits,
            )
        except (AttributeError, TypeError, ValueError):
            self._charge_reserved(admission)
            raise
        return self.answer(
            reply.text, usage=usage, finish_reason=reply.finish_reason, tool_calls=list(reply.tool_calls)
        )

    def settle(
        self,
        admission: AdmissionLike,
        usage: Usage,
        *,
        text: str,
        finish_reason: str | None,
        tool_calls: bool,
        outcome: str,
        limits: Sequence[Any] = (),
    ) -> None:
        """Post what an answer used, offer it to the cache when it is whole and plain, and pass on what it said."""
        cacheable = outcome == "answered" and is_cacheable(
            self.params, finish_reason=finish_reason, tool_calls=tool_calls, text=text
        )
        value = write_cached(text, finish_reason, usage) if cacheable else None
        cost = admission.settle(usage, answer=value, cacheable=cacheable)
        self._note(admission, outcome, usage=usage, cost=cost)
        if outcome == "answered":
            _pass_on(admission, limits=limits)

    def dropped(self, admission: AdmissionLike, usage: Usage | None, text: str) -> Usage:
        """Settle a stream that its reader left: input in full, output as far as it arrived."""
        posted = known_usage(admission, usage, text, whole=False)
        self.settle(admission, posted, text=text, finish_reason=None, tool_calls=False, outcome="dropped")
        return posted

    def failed(self, admission: AdmissionLike, error: BackendError, *, text: str = "", shown: bool = False) -> None:
        """End a failed attempt; return if another one is to follow, else raise the error.

        Args:
            admission: The attempt.
            error: Why it failed.
            text: What had arrived.
            shown: True once output was given to the caller: nothing follows then.

        """
        error.tier = admission.tier
        usage, cost = charge_failure(admission, error, text)
        self._note(admission, error.outcome, usage=usage, cost=cost, error_class=error.error_class)
        _pass_on(admission, limits=error.limits, error_class=error.error_class, retry_after_s=error.retry_after_s)
        self._tiers = () if shown else self._next(admission, error)
        self._error = error
        if not self._tiers:
            raise error

    def abandoned(self, admission: AdmissionLike, error: BaseException) -> None:
        """End an attempt that something else than the server ended, as `with governor.admit(…)` does.

        A cancellation, an interrupt or a timeout leaves the server working: post as reserved. Any other exception is
        a mistake on this side of the wire: nothing was used.
        """
        if isinstance(error, Exception) and not isinstance(error, TimeoutError):
            admission.cancel()
            self._note(admission, "not_sent", usage=None, cost=Money("0"))
        else:
            self._charge_reserved(admission)

    def _charge_reserved(self, admission: AdmissionLike) -> None:
        if admission.cost is None:
            cost = admission.settle(cacheable=False)
            self._note(admission, "uncertain", usage=None, cost=cost)

    def answer(
        self, text: str, *, usage: Usage | None, finish_reason: str | None, tool_calls: Sequence[Any] = ()
    ) -> Answer:
        """Return the answer with the attempts that led to it."""
        return Answer(
            text,
            id=self.id,
            attempts=tuple(self.attempts),
            usage=usage,
            finish_reason=finish_reason,
            tool_calls=tool_calls,
        )

    def _next(self, admission: AdmissionLike, error: BackendError) -> tuple[str, ...]:
        """Name the tiers that may still serve: never the same target, and only wider ones for a long context."""
        if error.outcome not in {"not_sent", "refused"} or error.error_class not in _NEXT_CLASSES:
            return ()
        if len(self.attempts) >= MAX_ATTEMPTS or (
            self._deadline_s is not None and time.monotonic() >= self._deadline_s
        ):
            return ()
        tiers: Sequence[TierLike] = self._policy.tiers
        failed = next((place for place, tier in enumerate(tiers) if tier.name == admission.tier), -1)
        tried = {(attempt.backend, attempt.model) for attempt in self.attempts}
        return tuple(
            tier.name
            for place, tier in enumerate(tiers)
            if (self._tiers is None or tier.name in self._tiers)
            and (tier.backend, tier.model) not in tried
            and (error.error_class != "context" or _is_wider(tiers, place, failed))
        )

    def _note(
        self,
        admission: AdmissionLike,
        outcome: str,
        *,
        usage: Usage | None,
        cost: Money,
        error_class: str | None = None,
    ) -> None:
        self._number += 1
        self.attempts.append(
            Attempt(admission.id, admission.tier, admission.model, admission.backend, outcome, error_class, usage, cost)
        )


def _pass_on(admission: AdmissionLike, **said: Any) -> None:
    """Tell the governor what a server said of its load, if it listens."""
    listen = getattr(admission, "heard", None)
    if listen is not None:
        listen(**said)


def _is_wider(tiers: Sequence[TierLike], place: int, failed: int) -> bool:
    """Tell whether a tier may take what was too long for another: by its window if both are known, else by order."""
    if failed < 0:
        return True
    mine, other = tiers[place].context_tokens, tiers[failed].context_tokens
    return mine > other if mine is not None and other is not None else place > failed
