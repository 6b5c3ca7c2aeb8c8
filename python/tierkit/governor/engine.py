"""What a governor is made of, and the steps that change state: rank, post, void, keep."""

from __future__ import annotations

import json
from time import perf_counter_ns

from tierkit.governor.alerts import tell
from tierkit.governor.answers import Answers
from tierkit.governor.candidate import Candidate
from tierkit.governor.margin import Margin
from tierkit.governor.plan import Ranking
from tierkit.governor.pressure import Pressure
from tierkit.governor.routing_state import RoutingState
from tierkit.governor.steered import Size
from tierkit.governor.steering import Steering
from tierkit.money import Money

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from tierkit import _core
    from tierkit.governor.admission import Admission
    from tierkit.governor.answers import Place
    from tierkit.governor.billing import Billing
    from tierkit.governor.ground import Ground
    from tierkit.governor.learning import Learning
    from tierkit.governor.model import Model
    from tierkit.governor.prompt import Prompt
    from tierkit.governor.walk import Ask
    from tierkit.policy import Policy
    from tierkit.prices import PriceBook
    from tierkit.request import Usage

__all__ = ["Engine"]

_MOST_HITS = 4_096


class Engine:
    """One policy, resolved: what its walks and admissions share.

    An admission keeps the engine that admitted it, so it is priced and ended by the policy that it was admitted under.

    Attributes:
        policy: The policy.
        version: The version of the gate's rules that it decides by.
        candidates: The tiers by name, cheapest first.
        answers: The cache.
        waiting: Those who wait for room.
        pressure: What the servers say of their load.
        steering: What orders the tiers.
        ttl_s: Life of a reservation, in seconds.
        hits: By request, the newest answers from the cache, to be reported.
        learning: What it learns from, or None.
        score_clock: Nanoseconds by which the time for a score is measured.
    """

    answers: Answers
    pressure: Pressure
    steering: Steering

    __slots__ = (
        "_all", "_fixed", "_ground", "_margin", "answers", "candidates", "hits", "learning", "policy", "pressure",
        "score_clock", "steering", "ttl_s", "version", "waiting",
    )  # fmt: skip

    def __init__(self, policy: Policy, ground: Ground, *, before: Engine | None = None) -> None:
        """Resolve prices and settings; what the engine `before` has learned and still holds stays."""
        self.policy = policy
        self._ground = ground
        self.candidates = _candidates(policy, ground.prices, before)
        self._all = _names(self.candidates.values())
        clock = ground.clock
        self.learning = _learning(policy, ground.state)
        self.hits: dict[str, int] = {} if before is None else before.hits
        # Under a clock of its own a replay gives the same figures however busy the machine is.
        self.score_clock = perf_counter_ns if clock is None else lambda: clock.boot_ns
        self.pressure = Pressure(policy, clock=clock) if before is None else before.pressure.under(policy)
        self.ttl_s = float(policy.reservation_ttl_s)
        # Before the gate: the ledger's writer then finds the file handles free that opening a cache takes for a moment.
        self.answers = (
            Answers(policy.cache, None if clock is None else lambda: clock.boot_ns, ground.state)
            if before is None
            else before.answers.under(policy.cache)
        )
        gate = ground.opened(policy)
        self.waiting = ground.waiting
        self.version = gate.version
        orders_alike = before is not None and _orders_alike(policy, before.policy)
        self.steering = (
            before.steering if before is not None and orders_alike else Steering(policy, self.candidates, gate)
        )
        self._margin = Margin(self.steering.core)
        fixed = self.steering.fixed
        self._fixed = None if fixed is None else Ranking([self.candidates[name] for name in fixed], None, ())

    @property
    def gate(self) -> _core.Gate:
        """The gate, while it is open."""
        return self._ground.gate

    def close(self) -> None:
        """Give the state free; who still waits is told that the governor is closed."""
        try:
            self._ground.close()
        finally:
            if self.steering.pacing is not None:
                self.steering.pacing.close()
            self.answers.close()

    def served_by(self, tiers: Collection[str] | None) -> str:
        """Name the tiers that may serve, with their models: an answer is kept for these and no others."""
        if tiers is None:
            return self._all
        return _names(self.candidates[name] for name in self.candidates if name in tiers)

    def rank(self, ask: Ask, *, count: bool = True) -> Ranking:
        """Order the tiers for a request; the classifier runs only when shares ask for it.

        Args:
            ask: The request.
            count: False changes no state: a look at what would be.
        """
        need, tiers = ask.need, ask.tiers
        if not ask.steers:
            return Ranking([self.candidates[name] for name in tiers or ()], None, ())
        reasons: tuple[str, ...] = ()
        gain_ppm = None
        if self._fixed is not None and need is None and tiers is None:
            return self._fixed
        if need is None and self.steering.scores and ask.prompt.content is not None:
            need, reasons, gain_ppm = self._classify(ask.prompt)
        if not count:
            names = self.steering.look(ask.prompt, need, tiers)
            return Ranking([self.candidates[name] for name in names], need, reasons)
        names, bent, steered = self.steering.order(
            ask.prompt,
            ask.labels,
            need,
            tiers,
            gain_ppm=gain_ppm,
            drawn=self._is_drawn(ask.identity),
            size=self._size(ask),
            now_ns=self.gate.wall_ns,
        )
        return Ranking([self.candidates[name] for name in names], need, (*reasons, *bent), steered)

    def _size(self, ask: Ask) -> Size:
        def tokens(candidate: Candidate) -> tuple[int, int]:
            return int(ask.prompt.tokens(candidate.tier.model)), candidate.output_tokens(ask.bound)

        candidates = self.candidates.values()
        at_ns = self.gate.wall_ns
        return Size(
            lambda: tokens(next(iter(candidates))),
            lambda: [candidate.ceiling_nusd(*tokens(candidate), at_ns) for candidate in candidates],
        )

    def _classify(self, prompt: Prompt) -> tuple[float | None, tuple[str, ...], tuple[int, int] | None]:
        """Need, reasons and gains; without a need the request goes to the default tier."""
        from tierkit.route.deadline import Deadline, TooLate  # noqa: PLC0415 - a policy without shares never scores

        classifier = self.model.current()
        self.steering.core.use_model(self.model.generation)
        try:
            score = classifier.score_messages(prompt.messages, deadline=Deadline(self.score_clock))
        except TooLate:
            return None, ("deadline",), None
        if score is None:
            return None, (), None
        return score.need, score.reasons, self._margin.gain_ppm(score, classifier)

    @property
    def model(self) -> Model:
        """The classifier in force."""
        return self._ground.model

    def _is_drawn(self, identity: str | None) -> bool:
        draws = None if self.learning is None else self.learning.draws
        return (
            draws is not None
            and identity is not None
            and draws.falls(b"explore", identity, self.policy.routing.explore)
        )

    def second_opinion(self, identity: str, tier: str) -> str | None:
        """Return the tier that is to answer too, if chance picks the request."""
        draws = None if self.learning is None else self.learning.draws
        if draws is None or not draws.falls(b"shadow", identity, self.policy.routing.shadow):
            return None
        names = list(self.candidates)
        second = self.policy.routing.shadow_tier or (names[0] if tier != names[0] else names[-1])
        return None if second == tier else second

    def remember(self, identity: str, ask: Ask, ranking: Ranking, tier: str) -> None:
        """Keep the features of an admitted request, if the policy learns."""
        if self.learning is None or ranking.steered is None:
            return
        from tierkit.governor.learning import noted, text_of  # noqa: PLC0415 - as in `_learning`

        text = text_of(ask.prompt.messages)
        if text is not None:
            propensity = ranking.steered.propensity
            at_ns = self.gate.wall_ns
            self.learning.note(noted(identity, text, at_ns=at_ns, tier=tier, need=ranking.need, propensity=propensity))

    def routing_state(self) -> RoutingState:
        """Return what routing does as a whole."""
        figures = self.steering.core.figures()
        classifier = self.model.known()
        margin_ppm = None if classifier is None else self._margin.at_margin_ppm(classifier)
        extra_nusd = figures["extra_nusd"]
        # Millionths of quality per nano-USD, as quality per USD.
        price = None if margin_ppm is None or not extra_nusd else margin_ppm * 1_000 / extra_nusd
        return RoutingState(
            self.steering.mode,
            dict(zip(self.candidates, figures["thresholds"], strict=True)),
            None if self.steering.pacing is None else self.steering.pacing.now(),
            price,
            figures["turns"],
            figures["drift_ppm"] / 1_000_000,
            figures["counts"],
        )

    def post(
        self, admission: Admission, usage: Usage | None, output_tokens: int, at_ns: int, billing: Billing
    ) -> Money:
        """Book what a request used; None books what was reserved."""
        candidate = self.candidates[admission.tier]
        if usage is None:
            input_tokens, nusd, estimated = int(admission.input_tokens), admission.reserved.nusd, True
        else:
            input_tokens, output_tokens = usage.input_tokens, usage.output_tokens
            nusd, estimated = candidate.cost_nusd(usage, at_ns, billing.processing)
        posted, _, _, replayed, alerts = self.gate.post(
            admission.id,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            nusd=nusd,
            usage=usage,
            estimated=estimated,
        )
        if usage is not None and not replayed and output_tokens > 0:
            candidate.lengths.observe(-(-output_tokens // billing.answers))
            self.steering.settled(usage, at_ns)
        if admission.steered is not None and not replayed:
            self.steering.ended(admission.steered, admission.tier, posted, input_tokens + output_tokens)
        tell(alerts)
        self.pressure.ended(admission.id, (input_tokens, output_tokens))
        if self.learning is not None:
            self.learning.write_if_due()
        self._released(admission.id)
        return Money.from_nusd(posted)

    def void(self, admission: Admission) -> None:
        """Give back what a request holds."""
        identity = admission.id
        if self.take_back(identity) and admission.steered is not None:
            self.steering.ended(admission.steered, admission.tier, 0, None)
        self._released(identity)

    def take_back(self, identity: str) -> bool:
        """Give back what a request holds, and tell nobody yet; False when that was done before."""
        first = self.gate.void(identity)
        self.pressure.ended(identity, None)
        return first

    def heard(
        self,
        target: tuple[str, str, str],
        *,
        began_ns: int,
        limits: Sequence[Any],
        error_class: str | None,
        retry_after_s: float | None,
    ) -> None:
        """Apply what a server's answer said of its load."""
        self.pressure.heard(
            target, began_ns=began_ns, limits=limits, error_class=error_class, retry_after_s=retry_after_s
        )
        if self.waiting.waiters and self.pressure.capped(target):
            self.waiting.released()

    def _released(self, identity: str) -> None:
        gate = self.gate
        self.waiting.released(lambda: gate.touched(identity))

    def answered(self, identity: str, hit: int) -> None:
        """Remember which kept answer a request got, so that what is said of the request is said of the answer."""
        if len(self.hits) >= _MOST_HITS:
            self.hits.pop(next(iter(self.hits)), None)
        self.hits[identity] = hit

    def keep(self, place: Place, tier: str, value: bytes, cost: Money) -> None:
        """Keep an answer for equal and, if the policy says so, near-equal questions."""
        self.answers.put(place, tier, value, cost)


def _candidates(policy: Policy, prices: PriceBook, before: Engine | None) -> dict[str, Candidate]:
    missing = policy.on_missing_price
    found = {tier.name: Candidate(tier, prices, on_missing_price=missing) for tier in policy.tiers}
    for name, candidate in found.items():
        known = None if before is None else before.candidates.get(name)
        if known is not None and known.tier.model == candidate.tier.model:
            candidate.lengths = known.lengths
    return found


def _orders_alike(policy: Policy, before: Policy) -> bool:
    """Whether two policies order the tiers by the same rules: then what was learned of the traffic holds on."""
    same = policy.routing == before.routing and policy.tiers == before.tiers
    return same and (policy.routing.pace is None or policy.budgets == before.budgets)


def _learning(policy: Policy, state: str | None) -> Learning | None:
    if not policy.routing.learns:
        return None
    from tierkit.governor.learning import Learning  # noqa: PLC0415 - a policy that does not learn never needs it

    return Learning(policy.routing, state, [tier.name for tier in policy.tiers])


def _names(candidates: Iterable[Candidate]) -> str:
    return json.dumps([candidate.labels[:2] for candidate in candidates])
