"""The governor against both references at once: limits and budgets of two tiers, all or nothing, ended in every way."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from property.exact_gate import Rule
from property.gate_machine import DAY, HOUR, PLACES, GateMachine, S, budget_of, limit_of, sized

import tierkit as tk

RULES = [
    Rule("requests", "rate", "requests", 5, 7 * S, 4, ("team",)),
    Rule("output", "rate", "output_tokens", 100, 3 * S, 150),
    Rule("slots", "slots", "concurrency", 3, where=(("tier", "large"),)),
    Rule("team", "budget", "usd", 2_000_000, DAY, per=("team",)),
    Rule("large", "budget", "usd", 4_000_000, where=(("tier", "large"),)),
]
# Nano-USD of a token in and out; a request of the large tier reserves at the dearest price, which is its only one.
PRICES = {"small": (1_000, 2_000), "large": (3_000, 9_000)}
TTL_S = 60


class Made(NamedTuple):
    admission: tk.Admission
    tier: str


def cost(tier: str, tokens: int, output: int) -> int:
    price = PRICES[tier]
    return tokens * price[0] + output * price[1]


def units_of(tier: str, tokens: int, output: int) -> dict[str, int]:
    counted = {"requests": 1, "concurrency": 1, "input_tokens": tokens, "output_tokens": output}
    return counted | {"total_tokens": tokens + output, "usd": cost(tier, tokens, output)}


class Governed(GateMachine):
    def __init__(self) -> None:
        rules = RULES
        if self.place == "shared":
            rules = [
                made._replace(period_ns=0 if made.kind == "budget" else 365 * DAY, amount=1)
                if made.kind == "rate"
                else made._replace(period_ns=0)
                for made in RULES
            ]
        super().__init__(rules)
        # By name: what each rule says now, or None while the policy has no such rule.
        self.exact_rules = rules
        self.written: dict[str, Rule | None] = {made.name: made for made in rules}
        policy = self.policy(rules)
        self.ttl = (TTL_S if self.moves() else 3_600) * S
        self.governor = tk.Governor(policy, state=self.folder, clock=self.clock)
        self.made: list[Made] = []

    def policy(self, rules: list[Rule]) -> tk.Policy:
        tiers = [
            tk.Tier(
                name,
                model=name,
                price={"input": f"{rates[0] // 1000} USD/Mtok", "output": f"{rates[1] // 1000} USD/Mtok"},
            )
            for name, rates in PRICES.items()
        ]
        return tk.Policy(
            tiers=tiers,
            limits=[limit_of(made) for made in rules if made.kind != "budget"],
            budgets=[budget_of(made) for made in rules if made.kind == "budget"],
            reservation_ttl_s=TTL_S if self.moves() else 3_600,
        )

    @rule(which=st.sampled_from([made.name for made in RULES]), change=st.sampled_from([0.5, 0.9, 1.1, 2, 3, "gone"]))
    def edit(self, which: str, change: float | str) -> None:
        """Raise, lower, remove, bring back, and write again what is there."""
        at = next(place for place, made in enumerate(RULES) if made.name == which)
        first, now = self.exact_rules[at], self.written[which]
        if change == "gone":
            self.written[which] = first if now is None else None
        else:
            amount, burst = (max(1, int(number * float(change))) for number in (first.amount, first.burst))
            rated = {"amount": first.amount} if not self.moves() and first.kind == "rate" else {"amount": amount}
            self.written[which] = first._replace(**rated, burst=burst if first.burst else 0)
        rules = [made for made in self.written.values() if made is not None]
        self.exact.edit(rules)
        self.governor.reload(self.policy(rules))

    @rule(
        team=st.sampled_from(["a", "b"]),
        tier=st.sampled_from(sorted(PRICES)),
        tokens=st.integers(1, 300),
        output=st.integers(1, 160),
        name=st.sampled_from([None, None, "one", "two"]),
    )
    def admit(self, team: str, tier: str, tokens: int, output: int, name: str | None) -> None:
        labels = {"team": team, "tier": tier, "model": tier, "backend": "default"}
        units = units_of(tier, tokens, output)
        expected = self.exact.admit(name or f"auto-{len(self.made)}", labels, units, self.ttl)
        if isinstance(expected, list):
            with pytest.raises(tk.Refused) as caught:
                self._admit(team, tier, tokens, output, name)
            self.same_refusal(caught.value.decision, labels, units)
        elif expected in ("conflict", "settled"):
            with pytest.raises(tk.ReservationConflict if expected == "conflict" else tk.AlreadySettled):
                self._admit(team, tier, tokens, output, name)
        else:
            self.made.append(Made(self._admit(team, tier, tokens, output, name), tier))
            if name is None:
                self.exact.reservations[self.made[-1].admission.id] = self.exact.reservations.pop(
                    f"auto-{len(self.made) - 1}"
                )

    def _admit(self, team: str, tier: str, tokens: int, output: int, name: str | None) -> tk.Admission:
        return self.governor.admit(
            None, labels={"team": team}, tiers=[tier], input_tokens=tokens, max_output_tokens=output, id=name
        )

    @precondition(lambda self: self.made)
    @rule(which=st.integers(0, 99), tokens=st.integers(0, 400), output=st.integers(0, 250))
    def settle(self, which: int, tokens: int, output: int) -> None:
        """Less, more, twice and late."""
        admission, tier = self.made[which % len(self.made)]
        expected = self.exact.settle(admission.id, units_of(tier, tokens, output))
        if expected in ("settled", "unknown"):
            with pytest.raises(tk.AlreadySettled if expected == "settled" else tk.UnknownReservation):
                admission.settle(tk.Usage(tokens, output))
        else:
            assert admission.settle(tk.Usage(tokens, output)).nusd == cost(tier, tokens, output)

    @precondition(lambda self: self.made)
    @rule(which=st.integers(0, 99))
    def cancel(self, which: int) -> None:
        admission = self.made[which % len(self.made)].admission
        expected = self.exact.cancel(admission.id)
        if expected in ("settled", "unknown"):
            with pytest.raises(tk.AlreadySettled if expected == "settled" else tk.UnknownReservation):
                admission.cancel()
        else:
            admission.cancel()

    @precondition(GateMachine.moves)
    @rule(ns=st.one_of(st.integers(0, 10 * S), st.sampled_from([TTL_S * S, HOUR, DAY])))
    def wait(self, ns: int) -> None:
        self.pass_time(ns)

    @invariant()
    def same(self) -> None:
        gate = self.governor._engine.gate
        for team in ("a", "b"):
            self.same_levels(gate, {"team": team, "tier": "large"})
        self.same_balances(gate)

    def close(self) -> None:
        self.governor.close()


@pytest.mark.parametrize("place", PLACES)
def test_a_governor_equals_its_reference(place: str) -> None:
    machine = type("Governed", (Governed,), {"place": place})
    run_state_machine_as_test(machine, settings=sized(place))
