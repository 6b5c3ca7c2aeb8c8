"""What a governor is made of, and the steps that change state: rank, post, void, keep."""

from __future__ import annotations

from time import perf_counter_ns

from tierkit import _core
from tierkit.governor.alerts import tell
from tierkit.governor.answers import Answers
from tierkit.governor.candidate import Candidate
from tierkit.governor.opened import Opened
from tierkit.governor.plan import Ranking
from tierkit.governor.pressure import Pressure
from tierkit.governor.steering import Steering
from tierkit.governor.waiting import Waiting
from tierkit.money import Money

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Any

    from tierkit.governor.admission import Admission
    from tierkit.governor.answers import Place
    from tierkit.governor.prompt import Prompt
    from tierkit.policy import Policy
    from tierkit.prices import PriceBook
    from tierkit.request import Usage
    from tierkit.route import TierClassifier

__all__ = ["Engine"]


class Engine(Opened):
    """The parts of one governor, resolved once, shared by its walks and admissions.

    Attributes:
        candidates: The tiers by name, cheapest first.
        answers: The cache.
        waiting: Those who wait for room.
        pressure: What the servers say of their load.
        steering: What orders the tiers.
        ttl_s: Life of a reservation, in seconds.
        score_clock: Nanoseconds by which the time for a score is measured.
    """

    __slots__ = (
        "_classifier", "_fixed", "answers", "candidates", "pressure", "score_clock", "steering", "ttl_s", "waiting",
    )  # fmt: skip

    def __init__(
        self,
        policy: Policy,
        *,
        state: str | None,
        clock: _core.ManualClock | None,
        prices: PriceBook | None,
        classifier: TierClassifier | None,
        durability: str,
    ) -> None:
        """Resolve prices, compile rules, and open the ledger."""
        if prices is None:
            from tierkit.prices import PriceBook  # noqa: PLC0415 - a caller with a book of its own needs no other

            prices = PriceBook.default()
        missing = policy.on_missing_price
        self.candidates = {tier.name: Candidate(tier, prices, on_missing_price=missing) for tier in policy.tiers}
        self._classifier = classifier
        # Under a clock of its own a replay gives the same figures however busy the machine is.
        self.score_clock = perf_counter_ns if clock is None else lambda: clock.boot_ns
        self.pressure = Pressure(policy, clock=clock)
        self.ttl_s = float(policy.reservation_ttl_s)
        gate = _core.Gate(
            [*policy.limit_rules(), *policy.budget_rules()],
            state=state,
            clock=clock,
            durability=durability,
            on_state_error=policy.on_state_error,
        )
        super().__init__(gate)
        self.waiting = Waiting(gate, clock)
        # After the gate, which makes the directory and refuses one that cannot be used.
        self.answers = Answers(policy.cache, None if clock is None else lambda: clock.boot_ns, state)
        self.steering = Steering(policy, self.candidates, gate)
        fixed = self.steering.fixed
        self._fixed = None if fixed is None else Ranking([self.candidates[name] for name in fixed], None, ())

    def close(self) -> None:
        """Give the state free; who still waits is told that the governor is closed."""
        super().close()
        self.waiting.close()
        self.answers.close()

    def rank(
        self,
        prompt: Prompt,
        labels: Mapping[str, str],
        need: float | None,
        tiers: Collection[str] | None,
        *,
        count: bool = True,
    ) -> Ranking:
        """Order the tiers for a request; the classifier runs only when shares ask for it."""
        if self._fixed is not None and need is None and tiers is None:
            return self._fixed
        reasons: tuple[str, ...] = ()
        if need is None and self.steering.scores and prompt.content is not None:
            need, reasons = self._classify(prompt)
        now_ns = self.gate.wall_ns
        names, bent = self.steering.order(prompt, labels, need, tiers, now_ns=now_ns, count=count)
        return Ranking([self.candidates[name] for name in names], need, (*reasons, *bent))

    def _classify(self, prompt: Prompt) -> tuple[float | None, tuple[str, ...]]:
        """Need and reasons; without a need the request goes to the default tier."""
        from tierkit.route.deadline import Deadline, TooLate  # noqa: PLC0415 - a policy without shares never scores

        if self._classifier is None:
            from tierkit.route import TierClassifier  # noqa: PLC0415 - as above

            self._classifier = TierClassifier.default()
        try:
            score = self._classifier.score_messages(prompt.messages, deadline=Deadline(self.score_clock))
        except TooLate:
            return None, ("deadline",)
        return (None, ()) if score is None else (score.need, score.reasons)

    def post(self, admission: Admission, usage: Usage | None, output_tokens: int, at_ns: int) -> Money:
        """Book what a request used; None books what was reserved."""
        candidate = self.candidates[admission.tier]
        if usage is None:
            input_tokens, nusd, estimated = int(admission.input_tokens), admission.reserved.nusd, True
        else:
            input_tokens, output_tokens = usage.input_tokens, usage.output_tokens
            nusd, estimated = candidate.cost_nusd(usage, at_ns)
        posted, _, _, replayed, alerts = self.gate.post(
            admission.id,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            nusd=nusd,
            usage=usage,
            estimated=estimated,
        )
        if usage is not None and not replayed and output_tokens > 0:
            candidate.lengths.observe(output_tokens)
            self.steering.settled(usage, at_ns)
        tell(alerts)
        self.pressure.ended(admission.id, (input_tokens, output_tokens))
        self._released(admission.id)
        return Money.from_nusd(posted)

    def void(self, identity: str) -> None:
        """Give back what a request holds."""
        self.take_back(identity)
        self._released(identity)

    def take_back(self, identity: str) -> None:
        """Give back what a request holds, and tell nobody yet."""
        self.gate.void(identity)
        self.pressure.ended(identity, None)

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

    def keep(self, place: Place, tier: str, value: bytes, cost: Money) -> None:
        """Keep an answer for equal and, if the policy says so, near-equal questions."""
        self.answers.put(place, tier, value, cost)
