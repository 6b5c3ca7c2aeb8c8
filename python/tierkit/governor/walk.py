"""One request on its way through the cache and the candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import RequestTooLarge
from tierkit.governor.admission import Admission, Hit
from tierkit.governor.alerts import tell
from tierkit.governor.refusal import soonest
from tierkit.governor.waiter import flow_of
from tierkit.money import Money
from tierkit.request import TokenCount

if TYPE_CHECKING:
    from collections.abc import Collection

    from tierkit import _core
    from tierkit.cache import CacheHit
    from tierkit.governor.answers import Place
    from tierkit.governor.candidate import Candidate
    from tierkit.governor.engine import Engine
    from tierkit.governor.plan import Ranking
    from tierkit.governor.prompt import Prompt

__all__ = ["Ask", "Walk"]


class Ask(NamedTuple):
    """The checked arguments of one request.

    Attributes:
        prompt: What is asked.
        labels: Who asks.
        bound: The caller's bound of the answer, in tokens.
        identity: The idempotency key, or None.
        need: The caller's own score, or None.
        tiers: The tiers that may serve, or None for all.
        place: Where the answer belongs in the cache, or None.
        refresh: Whether a kept answer is to be passed over.
    """

    prompt: Prompt
    labels: dict[str, str]
    bound: int | None
    identity: str | None
    need: float | None
    tiers: Collection[str] | None
    place: Place | None
    refresh: bool


class Walk:
    """Tries a request until it is admitted or given up; trying again scores nothing anew.

    Attributes:
        priority: Its class among those who wait, 0 the most urgent.
        weight: How large its flow's share is.
    """

    __slots__ = ("_ask", "_began_ns", "_engine", "_new", "_ranking", "priority", "weight")

    def __init__(self, engine: Engine, ask: Ask, *, priority: int) -> None:
        """Keep all; nothing is decided yet."""
        self.priority = priority
        self.weight = 1
        self._engine = engine
        self._ask = ask
        self._new = False
        self._began_ns = 0
        self._ranking: Ranking | None = None

    @property
    def ranking(self) -> Ranking:
        """The candidates, ranked once and only if the cache has no answer."""
        if self._ranking is None:
            self._ranking = self._engine.rank(self._ask)
        return self._ranking

    @property
    def flow(self) -> bytes:
        """Requests with the same labels share one flow."""
        return flow_of(self._ask.labels)

    def give_back(self, granted: Admission) -> None:
        """Void what was reserved for a caller who is gone; one that had been reserved before is not ours to void."""
        if granted.hit is None and self._new:
            self._engine.take_back(granted.id)

    def given_up(self) -> None:
        """Let the key have back what routing holds for a request that was not admitted."""
        if self._ranking is not None and self._ranking.steered is not None:
            self._engine.steering.given_up(self._ranking.steered)

    def preview(self) -> Ranking:
        """The candidates as they would be ranked now; nothing is counted."""
        return self._engine.rank(self._ask, count=False)

    def try_once(self, ticket: int | None = None) -> Admission | _core.Decision:
        """Answer from the cache, or reserve on the first candidate with room; else say who refuses."""
        ask, engine = self._ask, self._engine
        if ask.place is not None and not ask.refresh:
            found = engine.answers.get(ask.place)
            if found is not None:
                return self._answered(*found)
        refusals = []
        known = self._known()
        candidates = known or self.ranking.candidates
        at_ns = engine.gate.wall_ns
        for candidate in candidates:
            tokens = ask.prompt.tokens(candidate.tier.model)
            output = candidate.output_tokens(ask.bound)
            if not candidate.fits_context(tokens + output):
                continue
            ceiling = candidate.ceiling_nusd(tokens, output, at_ns)
            held_up = None if known else self._held_up(candidate, tokens, output, ceiling, ticket)
            if held_up is not None:
                decision = held_up
            else:
                decision = self._reserve(candidate, tokens, output, ceiling, known=known is not None)
            if decision.allowed:
                return self._admission(
                    candidate, decision.id or "", tokens=tokens, output=output, ceiling=ceiling, at_ns=at_ns
                )
            refusals.append(decision)
            if not decision.next_tier:
                return decision
        if not refusals:
            raise self._too_long(candidates)
        return soonest(refusals)

    def _held_up(
        self, candidate: Candidate, tokens: TokenCount, output: int, ceiling: int, ticket: int | None
    ) -> _core.Decision | None:
        """Return the refusal of a request before which others wait: nobody takes what they wait for."""
        engine = self._engine
        if not engine.waiting.waiters:
            return None
        claim = engine.gate.claim(
            self._ask.labels, candidate.labels, input_tokens=tokens, output_tokens=output, usd=Money.from_nusd(ceiling)
        )
        return engine.waiting.ahead(claim, self.priority, ticket)

    def _reserve(
        self, candidate: Candidate, tokens: TokenCount, output: int, ceiling: int, *, known: bool
    ) -> _core.Decision:
        engine = self._engine
        held_up = None if known else engine.pressure.take(candidate.labels, tokens, output)
        if held_up is not None:
            return held_up
        try:
            decision = engine.gate.reserve(
                self._ask.labels,
                candidate.labels,
                self._ask.identity,
                input_tokens=tokens,
                output_tokens=output,
                nusd=ceiling,
                ttl_s=engine.ttl_s,
            )
        except BaseException:
            if not known:
                engine.pressure.give_back(candidate.labels, tokens, output)
            raise
        self._new = decision.allowed and not decision.replayed
        if self._new:
            self._began_ns = engine.pressure.keep(decision.id or "", candidate.labels, tokens, output)
        elif not known:
            engine.pressure.give_back(candidate.labels, tokens, output)
        return decision

    def _known(self) -> list[Candidate] | None:
        """The tier that an id was admitted on before: a retry must not be judged as a request for another tier."""
        if self._ask.identity is None:
            return None
        known = self._engine.gate.reservation(self._ask.identity)
        candidate = None if known is None else self._engine.candidates.get(known[1].get("tier", ""))
        return None if candidate is None else [candidate]

    def _admission(
        self, candidate: Candidate, identity: str, *, tokens: TokenCount, output: int, ceiling: int, at_ns: int
    ) -> Admission:
        ranking = self._ranking
        steered = None if ranking is None else ranking.steered
        if steered is not None:
            self._engine.steering.admitted(steered, candidate.tier.name)
        return Admission(
            self._engine,
            candidate.labels,
            id=identity,
            labels=self._ask.labels,
            reserved=Money.from_nusd(ceiling),
            input_tokens=tokens,
            output_tokens=output,
            max_output_tokens=candidate.bound(self._ask.bound),
            need=None if ranking is None else ranking.need,
            reasons=() if ranking is None else ranking.reasons,
            place=self._ask.place,
            at_ns=at_ns,
            began_ns=self._began_ns,
            steered=steered,
        )

    def _answered(self, found: CacheHit, tier: str, value: bytes) -> Admission | _core.Decision:
        """A hit pays the `requests` dimension only; the money that it saved is journalled."""
        engine, ask = self._engine, self._ask
        labels = engine.candidates[tier].labels
        decision = engine.gate.reserve(ask.labels, labels, ask.identity, concurrency=0)
        if not decision.allowed:
            return decision
        identity = decision.id or ""
        *_, alerts = engine.gate.post(identity, cached=True, saved_nusd=found.saved.nusd)
        tell(alerts)
        hit = Hit(value, similarity=found.similarity, exact=found.exact, id=found.id, saved=found.saved, tier=tier)
        return Admission(
            engine,
            labels,
            id=identity,
            labels=ask.labels,
            reserved=Money(0),
            input_tokens=TokenCount(0),
            output_tokens=0,
            max_output_tokens=ask.bound,
            hit=hit,
        )

    def _too_long(self, candidates: list[Candidate]) -> RequestTooLarge:
        largest = max(candidates, key=lambda candidate: candidate.tier.context_tokens or 0)
        tokens = self._ask.prompt.tokens(largest.tier.model) + largest.output_tokens(self._ask.bound)
        return RequestTooLarge(
            f"request of {tokens} tokens with its answer: the largest tier '{largest.tier.name}' holds "
            f"{largest.tier.context_tokens}; shorten the prompt or lower max_output_tokens",
            None,
        )
