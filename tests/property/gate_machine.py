"""What the machines share: a clock that both sides read, the three places of state, and how answers compare."""

from __future__ import annotations

import shutil
import tempfile
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine
from property.exact_gate import ExactGate, Rule

import tierkit as tk

if TYPE_CHECKING:
    from tierkit import _core

START_NS = 1_767_225_600 * 10**9  # 2026-01-01T00:00Z
S = 10**9
HOUR = 3_600 * S
DAY = 24 * HOUR
PLACES = ("memory", "private", "shared")
# What no rule of a machine has room for: the refusal shows what every rule has left.
EVERYTHING = {"requests": 10**9, "input_tokens": 10**9, "output_tokens": 10**9, "nusd": 10**15, "concurrency": 10**6}


def sized(place: str) -> settings:
    """A failure is made small in memory; in a directory each try would write files."""
    return settings(
        max_examples={"memory": 60, "private": 15, "shared": 8}[place],
        phases=tuple(Phase) if place == "memory" else (Phase.explicit, Phase.generate),
        stateful_step_count=40,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def limit_of(rule: Rule) -> tk.Limit:
    place = {"name": rule.name, "per": rule.per, "where": dict(rule.where)}
    if rule.kind == "slots":
        return tk.Limit(concurrency=rule.amount, **place)  # type: ignore[arg-type]
    word, amount, burst = rule.dimension, str(rule.amount), rule.burst
    if rule.dimension == "usd":
        word, amount, burst = "USD", f"{Decimal(rule.amount).scaleb(-9):f}", rule.burst // 10**9
    return tk.Limit(f"{amount} {word}/{rule.period_ns // S}s", burst=burst, **place)  # type: ignore[arg-type]


def budget_of(rule: Rule) -> tk.Budget:
    period = {0: "total", HOUR: "hour", DAY: "day"}[rule.period_ns]
    return tk.Budget(
        Decimal(rule.amount).scaleb(-9), period=period, name=rule.name, per=rule.per, where=dict(rule.where)
    )


def nano(amount: str) -> int:
    """An amount as a refusal writes it, in whole units: `5 requests`, `0.01 USD`."""
    number, word = amount.split(" ", 1)
    return int(Decimal(number).scaleb(9)) if word == "USD" else int(number)


class GateMachine(RuleBasedStateMachine):
    """Subclasses say what they open; `place` is where its state lies. Shared state has no clock of its own."""

    place: ClassVar[str] = "memory"

    def __init__(self, rules: list[Rule]) -> None:
        super().__init__()
        self.folder = None if self.place == "memory" else tempfile.mkdtemp(prefix="tierkit-machine-")
        self.clock = None if self.place == "shared" else tk.testing.ManualClock(wall_ns=START_NS)
        self.exact = ExactGate(rules, wall=START_NS)

    def moves(self) -> bool:
        """Whether time moves: a precondition of the steps that move it."""
        return self.clock is not None

    def pass_time(self, ns: int) -> None:
        assert self.clock is not None
        self.clock.advance(ns=ns)
        self.exact.boot += ns
        self.exact.wall += ns

    def same_refusal(self, decision: _core.Decision, labels: dict[str, str], units: dict[str, int]) -> None:
        """Every failing rule with what it has left, and the exact wait of the one that binds."""
        failing = self.exact.failing(labels, units)
        assert [(row["rule"], nano(row["available"])) for row in decision.failing] == [row[:2] for row in failing]
        binding = max(failing, key=lambda row: row.wait)
        # Where the machine's own clock runs, waits that are equal in the reference may differ by what refilled since.
        if self.moves():
            assert decision.rule == binding.rule
            words = ("for", "until_released", "never")
            waits = (binding.wait[1], None, None)
            assert (decision.wait, decision.wait_ns) == (words[binding.wait[0]], waits[binding.wait[0]])

    def same_levels(self, gate: _core.Gate, labels: dict[str, str]) -> None:
        """What every rule has left; asking takes nothing."""
        asked = EVERYTHING | {"total_tokens": 2 * 10**9, "usd": EVERYTHING["nusd"]}
        self.exact.expire()
        decision = gate.reserve(labels, None, None, **EVERYTHING)
        failing = self.exact.failing(labels, asked)
        assert [(row["rule"], nano(row["available"])) for row in decision.failing] == [row[:2] for row in failing]

    def same_balances(self, gate: _core.Gate) -> None:
        rows = [
            (name, tuple(key.values()), start or 0, int(posted.scaleb(9)), int(pending.scaleb(9)))
            for name, key, start, _, _, posted, pending in gate.balances()
            if posted or pending
        ]
        assert sorted(rows, key=repr) == sorted(self.exact.balances(), key=repr)

    def teardown(self) -> None:
        self.close()
        if self.folder is not None:
            shutil.rmtree(self.folder)

    def close(self) -> None:
        raise NotImplementedError
