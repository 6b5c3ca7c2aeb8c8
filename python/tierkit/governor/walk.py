"""One request on its way through the cache and the candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tierkit.errors import ConfigError, RequestTooLarge
from tierkit.governor.admission import Admission, Hit
from tierkit.governor.alerts import tell
from tierkit.governor.known import recall
from tierkit.governor.refusal import soonest
from tierkit.governor.trouble import tell_trouble
from tierkit.governor.waiter import flow_of
from tierkit.money import Money
from tierkit.request import TokenCount

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from tierkit import _core
    from tierkit.cache import CacheHit
    from tierkit.governor.answers import Place
    from tierkit.governor.candidate import Candidate
    from tierkit.governor.engine import Engine
    from tierkit.governor.in_force import InForce
    from tierkit.governor.known import Known
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
        params: Everything else that changes the answer, or None.
        need: The caller's own score, or None.
        tiers: The tiers that the caller allows, or None for all.
        cache: "use", "refresh" or "off".
        steers: Whether routing orders the tiers; else they are tried as given, and nothing is counted.
    """

    prompt: Prompt
    labels: dict[str, str]
    bound: int | None
    identity: str | None
    params: Mapping[str, Any] | None
    need: float | None
    tiers: Collection[str] | None
    cache: str
    steers: bool = True


class Walk:
    """Tries a request until it is admitted or given up; only another policy in between scores it anew.

    Attributes:
        engine: By what it is decided: the policy in force when it was tried last.
        priority: Its class among those who wait, 0 the most urgent.
        weight: How large its flow's share is.
    """

    __slots__ = (
        "_ask", "_began_ns", "_force", "_narrowed", "_new", "_place", "_ranking", "engine", "priority", "weight",
    )  # fmt: skip

    def __init__(self, force: InForce, ask: Ask, *, priority: int) -> None:
        """Prepare by the policy in force; nothing is decided yet."""
        self.priority = priority
        self.weight = 1
        self._force = force
        self._ask = ask
        self._new = False
        self._began_ns = 0
        self._enter(force.engine)

    def _enter(self, engine: Engine) -> None:
        """Forget what another policy made of the request.

        Raises:
            ConfigError: The policy does not have, or does not allow, the tiers that the caller asks for.
        """
        ask = self._ask
        tiers = allowed_tiers(engine, ask.labels, ask.tiers)
        self._place: Place | None = None
        if ask.cache != "off":
            asked = engine.served_by(tiers)
            given = {**ask.params, "max_output_tokens": ask.bound} if ask.params else {"max_output_tokens": ask.bound}
            self._place = engine.answers.place(ask.prompt, ask.labels, asked, given)
        self.engine = engine
        self._narrowed = ask if tiers is ask.tiers else ask._replace(tiers=tiers)
        self._ranking: Ranking | None = None

    @property
    def ranking(self) -> Ranking:
        """The candidates, ranked once and only if the cache has no answer."""
        if self._ranking is None:
            self._ranking = self.engine.rank(self._narrowed)
        return self._ranking

    @property
    def flow(self) -> bytes:
        """Requests with the same labels share one flow."""
        return flow_of(self._ask.labels)

    def give_back(self, granted: Admission) -> None:
        """Void what was reserved for a caller who is gone; one that had been reserved before is not ours to void."""
        if granted.hit is None and self._new:
            self.engine.take_back(granted.id)

    def given_up(self) -> None:
        """Let the key have back what routing holds for a request that was not admitted."""
        if self._ranking is not None and self._ranking.steered is not None:
            self.engine.steering.given_up(self._ranking.steered)

    def preview(self) -> Ranking:
        """The candidates as they would be ranked now; nothing is counted."""
        return self.engine.rank(self._narrowed, count=False)

    def try_once(self, ticket: int | None = None) -> Admission | _core.Decision:
        """Answer from the cache, or reserve on the first candidate with room; else say who refuses.

        All of it is decided by one policy: when another one comes into force on the way, it begins anew.
        """
        while True:
            if self.engine is not self._force.engine:
                self.given_up()
                self._enter(self._force.engine)
            outcome = self._decide(ticket)
            if outcome is not None:
                return outcome
            self._force.follow(self.engine)

    def _decide(self, ticket: int | None) -> Admission | _core.Decision | None:
        """Try by one policy; None when another one is in force."""
        ask, engine = self._ask, self.engine
        known = recall(engine.gate, engine.candidates, ask.identity)
        kept = None if self._place is None or ask.cache == "refresh" else engine.answers.get(self._place)
        if kept is not None and kept[1] in engine.candidates:
            return self._answered(*kept, known)
        if known is not None:
            known.check_holds(ask.labels)
        refusals = []
        candidates = self.ranking.candidates if known is None or known.candidate is None else [known.candidate]
        at_ns = engine.gate.wall_ns
        for candidate in candidates:
            tokens = ask.prompt.tokens(candidate.tier.model)
            output = candidate.output_tokens(ask.bound)
            if not candidate.fits_context(tokens + output):
                continue
            output *= ask.prompt.billing.answers
            decision, output, ceiling = self._try(candidate, tokens, output, known, at_ns=at_ns, ticket=ticket)
            if decision is None:
                return None
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

    def _try(
        self,
        candidate: Candidate,
        tokens: TokenCount,
        output: int,
        known: Known | None,
        *,
        at_ns: int,
        ticket: int | None,
    ) -> tuple[_core.Decision | None, int, int]:
        """Reserve on one candidate; gives the decision, and the output tokens and the money that were asked for."""
        ceiling = candidate.ceiling_nusd(tokens, output, at_ns, self._ask.prompt.billing.processing)
        if known is not None and known.candidate is not None:
            output, ceiling = known.reserved(tokens, output, ceiling, bound=self._ask.bound)
            return self._reserve(candidate, tokens, output, ceiling, known=True), output, ceiling
        held_up = self._held_up(candidate, tokens, output, ceiling, ticket)
        if held_up is not None:
            return held_up, output, ceiling
        return self._reserve(candidate, tokens, output, ceiling, known=False), output, ceiling

    def _held_up(
        self, candidate: Candidate, tokens: TokenCount, output: int, ceiling: int, ticket: int | None
    ) -> _core.Decision | None:
        """Return the refusal of a request before which others wait: nobody takes what they wait for."""
        engine = self.engine
        if not engine.waiting.waiters:
            return None
        claim = engine.gate.claim(
            self._ask.labels, candidate.labels, input_tokens=tokens, output_tokens=output, usd=Money.from_nusd(ceiling)
        )
        return engine.waiting.ahead(claim, self.priority, ticket)

    def _reserve(
        self, candidate: Candidate, tokens: TokenCount, output: int, ceiling: int, *, known: bool
    ) -> _core.Decision | None:
        """Reserve; None when another policy is in force."""
        engine = self.engine
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
                version=engine.version,
            )
        except BaseException:
            if not known:
                engine.pressure.give_back(candidate.labels, tokens, output)
            raise
        if engine.policy.on_state_error == "allow":
            tell_trouble(engine.gate)
        self._new = decision is not None and decision.allowed and not decision.replayed
        if decision is not None and self._new:
            self._began_ns = engine.pressure.keep(decision.id or "", candidate.labels, tokens, output)
        elif not known:
            engine.pressure.give_back(candidate.labels, tokens, output)
        return decision

    def _admission(
        self, candidate: Candidate, identity: str, *, tokens: TokenCount, output: int, ceiling: int, at_ns: int
    ) -> Admission:
        ranking = self._ranking
        steered = None if ranking is None else ranking.steered
        if steered is not None:
            self.engine.steering.admitted(steered, candidate.tier.name)
        if ranking is not None and self._new:
            self.engine.remember(identity, self._narrowed, ranking, candidate.tier.name)
        return Admission(
            self.engine,
            candidate.labels,
            id=identity,
            labels=self._ask.labels,
            reserved=Money.from_nusd(ceiling),
            input_tokens=tokens,
            output_tokens=output,
            max_output_tokens=candidate.bound(self._ask.bound),
            need=None if ranking is None else ranking.need,
            reasons=() if ranking is None else ranking.reasons,
            place=self._place,
            at_ns=at_ns,
            began_ns=self._began_ns,
            steered=steered,
            billing=self._ask.prompt.billing,
            replayed=not self._new,
        )

    def _answered(
        self, found: CacheHit, tier: str, value: bytes, known: Known | None
    ) -> Admission | _core.Decision | None:
        """A hit pays the `requests` dimension only, and nothing under an id that had paid."""
        engine, ask = self.engine, self._ask
        labels = engine.candidates[tier].labels
        if known is not None and known.asks(ask.prompt, ask.labels):
            identity = known.id
        else:
            decision = engine.gate.reserve(ask.labels, labels, ask.identity, concurrency=0, version=engine.version)
            if decision is None or not decision.allowed:
                return decision
            identity = decision.id or ""
            # What it saved is journalled.
            *_, alerts = engine.gate.post(identity, cached=True, saved_nusd=found.saved.nusd)
            tell(alerts)
        engine.answered(identity, found.id)
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
            replayed=known is not None,
        )

    def _too_long(self, candidates: list[Candidate]) -> RequestTooLarge:
        largest = max(candidates, key=lambda candidate: candidate.tier.context_tokens or 0)
        tokens = self._ask.prompt.tokens(largest.tier.model) + largest.output_tokens(self._ask.bound)
        return RequestTooLarge(
            f"request of {tokens} tokens with its answer: the largest tier '{largest.tier.name}' holds "
            f"{largest.tier.context_tokens}; shorten the prompt or lower max_output_tokens",
            None,
        )


def allowed_tiers(engine: Engine, labels: dict[str, str], tiers: Collection[str] | None) -> Collection[str] | None:
    """Return the tiers that the caller and the policy's rules allow; None: all.

    Raises:
        ConfigError: The caller names a tier that the policy lacks, or none that its rules allow.
    """
    allowed = engine.steering.allowed(labels)
    if tiers is None:
        return allowed
    known = engine.candidates
    unknown = [name for name in tiers if name not in known]
    if unknown or not tiers:
        raise ConfigError(f"tiers {unknown}: expected some of {', '.join(known)}")
    if allowed is None:
        return tiers
    both = [name for name in allowed if name in tiers]
    if not both:
        raise ConfigError(f"tiers {list(tiers)}: a routing rule allows these labels only {', '.join(allowed)}")
    return both
