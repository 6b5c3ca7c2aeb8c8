"""The limiter against fractions: takes over several rules at once, corrections, slots that expire, exact waits."""

from __future__ import annotations

from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from property.exact_gate import Rule
from property.gate_machine import DAY, PLACES, START_NS, GateMachine, S, limit_of, sized

import tierkit as tk

if TYPE_CHECKING:
    from tierkit import _core

SLOW = (("kind", "slow"),)
RULES = [
    Rule("rate", "rate", "requests", 7, 13 * S, 5, ("user",)),
    Rule("input", "rate", "input_tokens", 900, 60 * S, 40, ("user",)),
    Rule("both", "rate", "total_tokens", 11, 3 * S, 90),
    Rule("money", "rate", "usd", 1_000_000_007, 7 * S, 5_000_000_000, ("team",)),
    Rule("slots", "slots", "concurrency", 2, where=SLOW),
]
# One unit a year: what refills while a test runs is no unit, so that the machine's own clock does not matter.
FROZEN = [made._replace(amount=1, period_ns=365 * DAY) if made.kind == "rate" else made for made in RULES]
WHO = [{"user": "a"}, {"user": "b", "team": "t"}, {}]
UNITS = {
    "requests": st.integers(0, 6),
    "input_tokens": st.integers(0, 45),
    "output_tokens": st.integers(0, 60),
    "usd": st.integers(0, 5_500_000_000),
}


class Taken(NamedTuple):
    decision: _core.Decision
    name: str | None
    labels: dict[str, str]
    units: dict[str, int]


class Limits(GateMachine):
    def __init__(self) -> None:
        super().__init__(RULES if self.place != "shared" else FROZEN)
        self.limiter = tk.Limiter([limit_of(made) for made in self.exact.rules], state=self.folder, clock=self.clock)
        self.taken: list[Taken] = []
        self.corrected: set[int] = set()

    @rule(
        who=st.sampled_from(WHO),
        slow=st.booleans(),
        asked=st.fixed_dictionaries({}, optional=UNITS),
        ttl=st.sampled_from([5, 600]),
    )
    def take(self, who: dict[str, str], slow: bool, asked: dict[str, int], ttl: int) -> None:  # noqa: FBT001
        labels = who | dict(SLOW) if slow else who
        ttl = ttl if self.moves() else 600
        units = {"requests": 1, "concurrency": 1} | asked
        units["total_tokens"] = units.get("input_tokens", 0) + units.get("output_tokens", 0)
        decision = self._take(labels, units, ttl)
        before = len(self.taken)
        name = f"slow-{before}" if slow else None
        # A take that holds slots is a reservation; it has an id, and ends by its time.
        failing = self.exact.admit(name, labels, units, ttl * S) if name else self.exact.take(labels, units)
        assert decision.allowed == (failing in ("open", []))
        if decision.allowed:
            self.taken.append(Taken(decision, name, labels, units))
        else:
            self.same_refusal(decision, labels, units)

    def _take(self, labels: dict[str, str], units: dict[str, int], ttl: int) -> _core.Decision:
        return self.limiter.take(
            labels,
            requests=units["requests"],
            input_tokens=units.get("input_tokens", 0),
            output_tokens=units.get("output_tokens", 0),
            usd=tk.Money.from_nusd(units.get("usd", 0)),
            ttl_s=ttl,
        )

    @precondition(lambda self: self.taken)
    @rule(which=st.integers(0, 99), used=st.fixed_dictionaries({}, optional=UNITS))
    def settle(self, which: int, used: dict[str, int]) -> None:
        """Less, more, late, and again."""
        index = which % len(self.taken)
        taken = self.taken[index]
        actual = {**taken.units, **used}
        if "input_tokens" in used or "output_tokens" in used:
            actual["total_tokens"] = actual.get("input_tokens", 0) + actual.get("output_tokens", 0)
        expected = self._settled(index, actual)
        told = {name: value for name, value in used.items() if name != "usd"}
        usd = tk.Money.from_nusd(used["usd"]) if "usd" in used else None
        if expected in ("settled", "unknown"):
            with pytest.raises(tk.AlreadySettled if expected == "settled" else tk.UnknownReservation):
                self.limiter.settle(taken.decision, usd=usd, **told)
        else:
            self.limiter.settle(taken.decision, usd=usd, **told)

    def _settled(self, index: int, actual: dict[str, int]) -> str:
        taken = self.taken[index]
        if taken.name is not None:
            return self.exact.settle(taken.name, actual)
        if index in self.corrected:
            return "settled"
        self.corrected.add(index)
        self.exact.correct_take(taken.labels, taken.units, actual)
        return "posted"

    @precondition(GateMachine.moves)
    @rule(ns=st.one_of(st.integers(0, 3 * S), st.sampled_from([1, 5 * S, 600 * S, DAY])))
    def wait(self, ns: int) -> None:
        self.pass_time(ns)

    @precondition(GateMachine.moves)
    @rule(who=st.sampled_from(WHO), tokens=st.integers(1, 40))
    def wait_as_told(self, who: dict[str, str], tokens: int) -> None:
        """It fits at the instant that a refusal names, and not a nanosecond before."""
        units = {"requests": 1, "input_tokens": tokens, "total_tokens": tokens, "concurrency": 1}
        refused = self.limiter.take(who, input_tokens=tokens)
        if refused:
            self.exact.take(who, units)
            return
        assert refused.wait_ns is not None
        self.pass_time(refused.wait_ns - 1)
        early = self.limiter.take(who, input_tokens=tokens)
        assert (early.allowed, early.wait_ns) == (False, 1)
        self.pass_time(1)
        assert self.limiter.take(who, input_tokens=tokens)
        assert self.exact.take(who, units) == []

    @precondition(GateMachine.moves)
    @rule(ns=st.integers(-400 * DAY, 400 * DAY))
    def jump(self, ns: int) -> None:
        """A rate does not look at the wall."""
        if self.exact.wall + ns > START_NS - 400 * DAY:
            assert self.clock is not None
            self.clock.jump_wall(ns=ns)
            self.exact.wall += ns

    @invariant()
    def levels(self) -> None:
        for who in WHO:
            self.same_levels(self.limiter.gate, who | dict(SLOW))

    def close(self) -> None:
        self.limiter.close()


@pytest.mark.parametrize("place", PLACES)
def test_limits_equal_their_reference(place: str) -> None:
    machine = type("Limits", (Limits,), {"place": place})
    run_state_machine_as_test(machine, settings=sized(place))


def test_two_hundred_thousand_steps_of_one_bucket_equal_a_fraction() -> None:
    """Takes, refunds to the brim and below it, debts and pauses of every size, a long way."""
    chance, clock = Random(2026), tk.testing.ManualClock()
    limiter = tk.Limiter([tk.Limit("7 output_tokens/13s", burst=1_000)], clock=clock)
    take = limiter.bind({}).take
    level, rate = Fraction(1_000), Fraction(7, 13 * S)
    for _ in range(200_000):
        pause = chance.choice((0, 1, chance.randrange(2 * S), chance.randrange(40 * S)))
        clock.advance(ns=pause)
        level = min(level + rate * pause, Fraction(1_000))
        cost = chance.randrange(1, 60)
        decision = take(output_tokens=cost)
        assert decision.allowed == (level >= cost)
        if not decision:
            assert decision.wait_ns == -((level - cost) / rate // 1)
            continue
        level -= cost
        if chance.random() < 0.5:
            used = chance.choice((0, cost, chance.randrange(2 * cost)))
            limiter.settle(decision, output_tokens=used)
            level += cost - used
            level = Fraction(1_000) if level >= 1_000 else level
