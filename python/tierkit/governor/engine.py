"""`Governor`: prepare, admit, settle or cancel."""

from __future__ import annotations

import logging
import time

from tierkit import _core
from tierkit.errors import ConfigError, RequestTooLarge
from tierkit.governor.admission import Admission, Hit
from tierkit.governor.answers import Answers
from tierkit.governor.balance import balances
from tierkit.governor.candidate import Candidate
from tierkit.governor.plan import Plan, Ranking
from tierkit.governor.prompt import Prompt
from tierkit.governor.refusal import refused, soonest
from tierkit.governor.story import story
from tierkit.governor.waiting import PRIORITIES, Waiting
from tierkit.money import Money
from tierkit.request import TokenCount, Usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Self

    from tierkit.governor.answers import Place
    from tierkit.governor.balance import Balance
    from tierkit.policy import Policy
    from tierkit.prices import PriceBook
    from tierkit.route import TierClassifier

    Content = str | Sequence[Mapping[str, Any]] | None

__all__ = ["Governor"]

_log = logging.getLogger("tierkit")
_CACHE_MODES = ("use", "refresh", "off")


class Governor:
    """Decides each request of one program: cached answer, tier, limits, budgets, price; then books the exact cost.

    Args:
        policy: Tiers, limits, budgets, routing and cache.
        state: Directory of the ledger; None keeps everything in this process's memory. One process per directory.
        clock: A `ManualClock` for tests and replays; None reads the machine's clocks.
        prices: Price book; None is the one in the package.
        classifier: Scores prompts; None is the one in the package, loaded at the first score.
        durability: "relaxed" commits within 5 ms behind the caller, "strict" answers after the commit.

    Raises:
        ConfigError: The policy has no tier, or a tier has no price and the policy refuses then.
        StateError: The directory cannot be used.

    Example:
        >>> import tierkit as tk
        >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
        >>> policy = tk.Policy(tiers=[tk.Tier("small", model="m", price=price)], budgets=[tk.Budget("1 USD", period="day")])
        >>> governor = tk.Governor(policy)
        >>> with governor.admit("Say hello", max_output_tokens=10) as admission:
        ...     cost = admission.settle(tk.Usage(input_tokens=8, output_tokens=4))
        >>> str(cost), str(governor.balances()[0].posted)
        ('0.000016', '0.000016')
    """

    def __init__(
        self,
        policy: Policy,
        *,
        state: str | os.PathLike[str] | None = None,
        clock: _core.ManualClock | None = None,
        prices: PriceBook | None = None,
        classifier: TierClassifier | None = None,
        durability: str = "relaxed",
    ) -> None:
        """Resolve prices, compile rules, and open the ledger."""
        from tierkit.route import Router  # noqa: PLC0415 - keeps `from tierkit import Limiter` light

        if not policy.tiers:
            raise ConfigError("policy: no tier; a Governor needs at least one (Limiter and Ledger stand alone)")
        self.policy = policy
        if prices is None:
            from tierkit.prices import PriceBook  # noqa: PLC0415 - read when a governor needs it

            prices = PriceBook.default()
        self._candidates = {
            tier.name: Candidate(tier, prices, on_missing_price=policy.on_missing_price) for tier in policy.tiers
        }
        shares = policy.routing.share
        self._router = Router(list(self._candidates), shares, default=policy.routing.default)
        self._scores = any(share > 0 for share in shares.values())
        self._classifier = classifier
        self._answers = Answers(policy.cache, None if clock is None else lambda: clock.boot_ns)
        self._waiting = Waiting()
        self._state = state
        self._ttl_s = float(policy.reservation_ttl_s)
        self._gate: _core.Gate | None = _core.Gate(
            [*policy.limit_rules(), *policy.budget_rules()],
            state=None if state is None else str(state),
            clock=clock,
            durability=durability,
            on_state_error=policy.on_state_error,
        )

    def admit(
        self,
        prompt: Content,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        id: str | None = None,  # noqa: A002 - the word that users read in the ledger
        params: Mapping[str, Any] | None = None,
        input_tokens: int | None = None,
        need: float | None = None,
        tiers: Collection[str] | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
    ) -> Admission:
        """Decide a request: answer it from the cache, or reserve room for it on the best tier that has some.

        Args:
            prompt: Text or chat messages; None when only `input_tokens` is known.
            labels: Who asks, such as {"team": "search", "user": "ada"}; `tier`, `model` and `backend` are added.
            max_output_tokens: Bound of the answer. None reserves the 95th percentile of the tier's own answers.
            id: Idempotency key: the same id with the same request is admitted again without a charge.
            params: Everything else that changes the answer (temperature, tools, …); part of the cache's key.
            input_tokens: The prompt's length, when it was counted before.
            need: A score in [0, 1] of the caller's own, instead of the classifier's.
            tiers: Only these tiers may serve.
            cache: "use", "refresh" (ask again and keep the new answer) or "off".
            wait_s: Seconds that the request may wait for room.
            priority: "critical", "high", "normal", "low" or "batch"; checked here and handed on with the admission's call.

        Returns:
            The admission; `.hit` holds the answer when the cache had it.

        Raises:
            Refused: No tier has room; `.rule`, `.retry_after_s` and `.decision` say who refuses and until when.
            ConfigError: An argument that cannot be used.
            ReservationConflict: The id was used for another request.
            StateError: The ledger cannot be written and the policy refuses then.

        Cost: microseconds; with a classifier about 0.1 ms at 128 tokens.
        """
        walk = self._walk(prompt, labels, max_output_tokens, id, params, input_tokens, need, tiers, cache, priority)
        deadline_s = time.monotonic() + wait_s if wait_s > 0 else 0.0
        while True:
            seen = self._waiting.count
            outcome = walk.try_once()
            if isinstance(outcome, Admission):
                return outcome
            if not deadline_s or not self._waiting.wait(outcome, seen, deadline_s):
                raise refused(outcome)

    async def admit_async(
        self,
        prompt: Content,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        id: str | None = None,  # noqa: A002 - as in admit
        params: Mapping[str, Any] | None = None,
        input_tokens: int | None = None,
        need: float | None = None,
        tiers: Collection[str] | None = None,
        cache: str = "use",
        wait_s: float = 0.0,
        priority: str = "normal",
    ) -> Admission:
        """Decide a request as `admit` does; only waiting for room gives way to the event loop."""
        walk = self._walk(prompt, labels, max_output_tokens, id, params, input_tokens, need, tiers, cache, priority)
        deadline_s = time.monotonic() + wait_s if wait_s > 0 else 0.0
        while True:
            seen = self._waiting.count
            outcome = walk.try_once()
            if isinstance(outcome, Admission):
                return outcome
            if not deadline_s or not await self._waiting.wait_async(outcome, seen, deadline_s):
                raise refused(outcome)

    def route(
        self,
        prompt: Content,
        *,
        labels: Mapping[str, str] | None = None,
        max_output_tokens: int | None = None,
        params: Mapping[str, Any] | None = None,
        input_tokens: int | None = None,
        need: float | None = None,
    ) -> Plan:
        """Say which tier a request would go to and what it can cost at most. Changes nothing.

        Example:
            >>> import tierkit as tk
            >>> price = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
            >>> governor = tk.Governor(tk.Policy(tiers=[tk.Tier("small", model="m", price=price)]))
            >>> str(governor.route("Say hello", max_output_tokens=10).price_ceiling)
            '0.000028'
        """
        walk = self._walk(prompt, labels, max_output_tokens, None, params, input_tokens, need, None, "off", "normal")
        first = walk.ranking.candidates[0]
        tokens = walk.prompt.tokens(first.tier.model)
        output = first.output_tokens(max_output_tokens)
        ceiling = Money.from_nusd(first.ceiling_nusd(tokens, output, self._open.wall_ns))
        names = tuple(candidate.tier.name for candidate in walk.ranking.candidates)
        return Plan(*first.labels, names, walk.ranking.need, walk.ranking.reasons, tokens, output, ceiling)

    def report(self, hit: Hit, *, ok: bool) -> bool:
        """Tell whether an answer from the cache was right; a wrong one is never given again for this question."""
        return self._answers.report(hit.id, ok=ok)

    def balances(self) -> list[Balance]:
        """Return what every budget spent and holds, by rule, key and window."""
        return balances(self._open)

    def explain(self, id: str) -> dict[str, Any]:  # noqa: A002 - the word that users read in the ledger
        """Return what is known of one request: its state, labels and the accounts that it touched.

        Raises:
            UnknownReservation: The id was never used here.
        """
        return story(self._open, self._state, id)

    @property
    def worst_overshoot(self) -> Money:
        """The furthest that an enforced budget was ever exceeded, by spend and reservations together."""
        return self._open.worst_overshoot

    def flush(self) -> None:
        """Wait until the ledger file holds everything that happened; does nothing without `state`."""
        self._open.flush()

    def close(self) -> None:
        """Write what is left and give the state directory free. A closed governor refuses every call."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.flush()

    def __enter__(self) -> Self:
        """Return the governor."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def __repr__(self) -> str:
        """Show the tiers and where the state is."""
        return f"Governor(tiers={list(self._candidates)}, state={self._state!r})"

    @property
    def _open(self) -> _core.Gate:
        if self._gate is None:
            raise ConfigError("this Governor is closed; open another one")
        return self._gate

    def _walk(
        self,
        prompt: Content,
        labels: Mapping[str, str] | None,
        max_output_tokens: int | None,
        id: str | None,  # noqa: A002 - as in admit
        params: Mapping[str, Any] | None,
        input_tokens: int | None,
        need: float | None,
        tiers: Collection[str] | None,
        cache: str,
        priority: str,
    ) -> _Walk:
        """Prepare: everything that changes no state and may be thrown away."""
        if priority not in PRIORITIES:
            raise ConfigError(f"priority {priority!r}: expected one of {', '.join(PRIORITIES)}")
        if cache not in _CACHE_MODES:
            raise ConfigError(f"cache {cache!r}: expected one of {', '.join(_CACHE_MODES)}")
        bound = max_output_tokens
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 1):
            raise ConfigError(f"max_output_tokens={bound!r}: expected a whole number of 1 or more, or None")
        read = Prompt(prompt, input_tokens)
        who = labels if type(labels) is dict else dict(labels or {})
        place = None
        if cache != "off":
            asked = "auto" if tiers is None else "\n".join(sorted(tiers))
            given = {**params, "max_output_tokens": bound} if params else {"max_output_tokens": bound}
            place = self._answers.place(read, who, asked, given)
        return _Walk(self, read, who, bound, id, need, tiers, place, refresh=cache == "refresh")

    def _rank(self, prompt: Prompt, need: float | None, tiers: Collection[str] | None) -> Ranking:
        """Order the tiers for a request; the classifier runs only when shares ask for it."""
        reasons: tuple[str, ...] = ()
        if need is None and self._scores and prompt.content is not None:
            score = self._classify(prompt)
            if score is not None:
                need, reasons = score.need, score.reasons
        elif need is not None and not 0 <= need <= 1:
            raise ConfigError(f"need={need!r}: expected a number from 0 to 1")
        names = self._router.plan(need)
        if need is not None:
            self._router.observe(need)
        if tiers is None:
            return Ranking([self._candidates[name] for name in names], need, reasons)
        unknown = [name for name in tiers if name not in self._candidates]
        if unknown or not tiers:
            raise ConfigError(f"tiers {unknown or list(tiers)}: expected some of {', '.join(self._candidates)}")
        return Ranking([self._candidates[name] for name in names if name in tiers], need, reasons)

    def _classify(self, prompt: Prompt) -> Any:
        if self._classifier is None:
            from tierkit.route import TierClassifier  # noqa: PLC0415 - loads onnxruntime, which a program may never need

            self._classifier = TierClassifier.default()
        return self._classifier.score_messages(prompt.messages)

    def _post(
        self, admission: Admission, candidate: Candidate, usage: Usage | None, output_tokens: int, at_ns: int
    ) -> Money:
        if usage is None:
            input_tokens, nusd, estimated = int(admission.input_tokens), admission.reserved.nusd, True
        else:
            input_tokens, output_tokens = usage.input_tokens, usage.output_tokens
            nusd, estimated = candidate.cost_nusd(usage, at_ns)
        posted, _, _, replayed, alerts = self._open.post(
            admission.id, input_tokens=input_tokens, output_tokens=output_tokens, nusd=nusd, usage=usage, estimated=estimated
        )
        if usage is not None and not replayed and output_tokens > 0:
            candidate.lengths.observe(output_tokens)
        for rule, key, permille, spent, limit in alerts:
            _log.warning("budget %s %s: %s of %s USD spent (threshold %d %%)", rule, key, spent, limit, permille // 10)
        self._waiting.released()
        return Money.from_nusd(posted)

    def _void(self, id: str) -> None:  # noqa: A002 - as in admit
        self._open.void(id)
        self._waiting.released()

    def _keep(self, place: Place, tier: str, value: bytes, cost: Money) -> None:
        self._answers.put(place, tier, value, cost)


class _Walk:
    """One request on its way through the candidates."""

    __slots__ = ("_bound", "_governor", "_id", "_labels", "_need", "_place", "_ranking", "_refresh", "_tiers", "prompt")

    def __init__(
        self,
        governor: Governor,
        prompt: Prompt,
        labels: dict[str, str],
        bound: int | None,
        id: str | None,  # noqa: A002 - as in admit
        need: float | None,
        tiers: Collection[str] | None,
        place: Place | None,
        *,
        refresh: bool,
    ) -> None:
        self._governor = governor
        self.prompt = prompt
        self._labels = labels
        self._bound = bound
        self._id = id
        self._need = need
        self._tiers = tiers
        self._place = place
        self._refresh = refresh
        self._ranking: Ranking | None = None

    @property
    def ranking(self) -> Ranking:
        """The candidates, ranked once and only if the cache has no answer."""
        if self._ranking is None:
            self._ranking = self._governor._rank(self.prompt, self._need, self._tiers)
        return self._ranking

    def try_once(self) -> Admission | _core.Decision:
        """Answer from the cache, or reserve on the first candidate with room; else say who refuses."""
        governor, place = self._governor, self._place
        if place is not None and not self._refresh:
            found = governor._answers.get(place)
            if found is not None:
                return self._answered(place, *found)
        refusals = []
        candidates = self._known() or self.ranking.candidates
        gate = governor._open
        at_ns = gate.wall_ns
        for candidate in candidates:
            tokens = self.prompt.tokens(candidate.tier.model)
            output = candidate.output_tokens(self._bound)
            if not candidate.fits_context(tokens + output):
                continue
            ceiling = candidate.ceiling_nusd(tokens, output, at_ns)
            decision = gate.reserve(
                self._labels, candidate.labels, self._id,
                input_tokens=tokens, output_tokens=output, nusd=ceiling, ttl_s=governor._ttl_s,
            )  # fmt: skip
            if decision.allowed:
                return self._admission(candidate, decision, tokens, output, ceiling, at_ns)
            refusals.append(decision)
            if not decision.next_tier:
                return decision
        if not refusals:
            raise self._too_long(candidates)
        return soonest(refusals)

    def _known(self) -> list[Candidate] | None:
        """The tier that an id was admitted on before: a retry must not be judged as a request for another tier."""
        if self._id is None:
            return None
        known = self._governor._open.reservation(self._id)
        if known is None:
            return None
        candidate = self._governor._candidates.get(known[1].get("tier", ""))
        return None if candidate is None else [candidate]

    def _admission(
        self, candidate: Candidate, decision: _core.Decision, tokens: TokenCount, output: int, ceiling: int, at_ns: int
    ) -> Admission:
        ranking = self._ranking
        bound = self._bound
        if candidate.tier.max_output_tokens is not None:
            bound = output if bound is not None else candidate.tier.max_output_tokens
        return Admission(
            self._governor,
            candidate,
            id=decision.id or "",
            labels=self._labels,
            reserved=Money.from_nusd(ceiling),
            input_tokens=tokens,
            output_tokens=output,
            max_output_tokens=bound,
            need=None if ranking is None else ranking.need,
            reasons=() if ranking is None else ranking.reasons,
            place=self._place,
            hit=None,
            at_ns=at_ns,
        )

    def _answered(self, place: Place, found: Any, tier: str, value: bytes) -> Admission | _core.Decision:
        """A hit pays the `requests` dimension only; the money that it saved is journalled."""
        governor = self._governor
        gate = governor._open
        candidate = governor._candidates[tier]
        decision = gate.reserve(self._labels, candidate.labels, self._id, concurrency=0)
        if not decision.allowed:
            return decision
        identity = decision.id or ""
        gate.post(identity, cached=True, saved_nusd=found.saved.nusd)
        hit = Hit(
            value, similarity=found.similarity, exact=found.exact, id=found.id, saved=found.saved, tier=tier
        )
        return Admission(
            governor, candidate, id=identity, labels=self._labels, reserved=Money(0), input_tokens=TokenCount(0),
            output_tokens=0, max_output_tokens=self._bound, need=None, reasons=(), place=place, hit=hit, at_ns=gate.wall_ns,
        )  # fmt: skip

    def _too_long(self, candidates: list[Candidate]) -> RequestTooLarge:
        largest = max(candidates, key=lambda candidate: candidate.tier.context_tokens or 0)
        tokens = self.prompt.tokens(largest.tier.model) + largest.output_tokens(self._bound)
        return RequestTooLarge(
            f"request of {tokens} tokens with its answer: the largest tier '{largest.tier.name}' holds "
            f"{largest.tier.context_tokens}; shorten the prompt or lower max_output_tokens",
            None,
        )
