"""The ledger against a dict: every event in every state, windows that end, and opening it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule, run_state_machine_as_test
from property.exact_gate import Rule
from property.gate_machine import DAY, HOUR, PLACES, GateMachine, S, budget_of, sized

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RULES = [
    Rule("team", "budget", "usd", 10_000, DAY, per=("team",)),
    Rule("all", "budget", "usd", 40_000),
    Rule("hourly", "budget", "usd", 6_000, HOUR, where=(("team", "a"),)),
]
WHO = st.sampled_from([{"team": "a"}, {"team": "b"}, {}])
IDS = st.sampled_from(["one", "two", "three", "four", "five"])
AMOUNTS = st.one_of(st.integers(0, 4_000), st.sampled_from([6_001, 10_001, 40_001]))
CHANGES = st.one_of(st.integers(-4_000, 4_000), st.sampled_from([0, -1, 40_001]))
ERRORS = {
    "conflict": tk.ReservationConflict,
    "settled": tk.AlreadySettled,
    "unknown": tk.UnknownReservation,
    "config": tk.ConfigError,
}


class Budgets(GateMachine):
    def __init__(self) -> None:
        # Shared state has the machine's clock, whose hour and day may end in the middle of a run.
        rules = RULES if self.place != "shared" else [made._replace(period_ns=0) for made in RULES]
        super().__init__(rules)
        self.jumped = self.renewed = self.reused = False
        self.made: set[str] = set()
        self.open()

    def open(self) -> None:
        budgets = [budget_of(made) for made in self.exact.rules]
        self.ledger = tk.Ledger(budgets, state=self.folder, clock=self.clock)

    def same(self, expected: str, call: Callable[[], object]) -> object:
        error = ERRORS.get(expected)
        if error is None:
            return call()
        with pytest.raises(error):
            call()
        return None

    @rule(name=IDS, who=WHO, nusd=AMOUNTS, ttl=st.sampled_from([60, 660, 7_200]))
    def reserve(self, name: str, who: dict[str, str], nusd: int, ttl: int) -> None:
        """New, the same again, or another body under a name that is taken."""
        usd, units = tk.Money.from_nusd(nusd), {"usd": nusd}
        self.exact.expire()
        new = name not in self.exact.reservations
        expected = self.exact.admit(name, who, units, ttl * S)
        self.reused |= new and name in self.made
        self.made.add(name)
        if isinstance(expected, str):
            held = self.same(expected, lambda: self.ledger.reserve(who, usd=usd, id=name, ttl_s=ttl))
            assert expected in ERRORS or held == (name, usd)
            return
        with pytest.raises(tk.BudgetExceeded) as caught:
            self.ledger.reserve(who, usd=usd, id=name, ttl_s=ttl)
        self.same_refusal(caught.value.decision, who, units)

    @rule(name=IDS, nusd=AMOUNTS)
    def post(self, name: str, nusd: int) -> None:
        """Less, more, twice, late, and after a void."""
        usd = tk.Money.from_nusd(nusd)
        posted = self.same(self.exact.settle(name, {"usd": nusd}), lambda: self.ledger.post(name, usd=usd))
        assert posted in (None, usd)

    @rule(name=IDS)
    def void(self, name: str) -> None:
        self.same(self.exact.cancel(name), lambda: self.ledger.void(name))

    @rule(name=IDS, own=st.sampled_from(["credit", "charge"]), nusd=CHANGES)
    def adjust(self, name: str, own: str, nusd: int) -> None:
        """A credit, a later charge, the same again, another amount, more than was posted, and before it was."""
        usd = tk.Money.from_nusd(nusd)
        expected = self.exact.adjust(name, own, nusd)
        posted = self.same(expected, lambda: self.ledger.adjust(name, usd=usd, id=own))
        if expected in ("adjusted", "same"):
            known = self.exact.reservations[name]
            assert posted == tk.Money.from_nusd(known.posted + sum(known.adjustments.values()))

    @rule(name=IDS, ttl=st.sampled_from([60, 660]))
    def renew(self, name: str, ttl: int) -> None:
        expected = self.exact.renew(name, ttl * S)
        if expected is None:
            with pytest.raises(tk.UnknownReservation):
                self.ledger.gate.renew(name, ttl_s=ttl)
        else:
            assert self.ledger.gate.renew(name, ttl_s=ttl) == expected
            self.renewed |= expected

    @precondition(GateMachine.moves)
    @rule(ns=st.sampled_from([1, S, 59 * S, 60 * S, 661 * S, HOUR, 5 * HOUR, DAY - 1, DAY]))
    def wait(self, ns: int) -> None:
        self.pass_time(ns)

    @precondition(GateMachine.moves)
    @rule(ns=st.integers(-HOUR, 40 * DAY))
    def jump(self, ns: int) -> None:
        """Forward to any window, and back within the hour; lives do not look at the wall."""
        ns = max(ns, -(self.exact.wall % HOUR))
        assert self.clock is not None
        self.clock.jump_wall(ns=ns)
        self.exact.wall += ns
        self.jumped = True

    # A renewal is not written down, and a file knows instants of the wall only. For `reused` see the end of this file.
    @precondition(lambda self: self.folder is not None and not (self.jumped or self.renewed or self.reused))
    @rule()
    def open_again(self) -> None:
        self.ledger.close()
        self.open()
        if self.moves():
            self.exact.open_again()

    @invariant()
    def balances(self) -> None:
        self.same_balances(self.ledger.gate)

    @precondition(lambda self: self.folder is None)
    @invariant()
    def overshoot(self) -> None:
        """The furthest that posts above their reservation ever took a budget; a reopened ledger starts at 0."""
        assert self.ledger.gate.worst_overshoot.nusd == self.exact.worst_overshoot

    def close(self) -> None:
        self.ledger.close()


@pytest.mark.parametrize("place", PLACES)
def test_budgets_equal_their_reference(place: str) -> None:
    machine = type("Budgets", (Budgets,), {"place": place})
    run_state_machine_as_test(machine, settings=sized(place))


def opened(folder: Path, clock: tk.testing.ManualClock) -> tk.Ledger:
    return tk.Ledger([tk.Budget("1 USD", period="total")], state=folder, clock=clock)


def test_an_id_used_anew_after_a_day_expires_after_a_restart(tmp_path: Path) -> None:
    clock = tk.testing.ManualClock()
    with opened(tmp_path, clock) as ledger:
        ledger.reserve(usd="0.1", id="x")
        ledger.post("x", usd="0.1")
        clock.advance(s=86_400)
        ledger.reserve(usd="0.2", id="x", ttl_s=60)
    with opened(tmp_path, clock) as ledger:
        clock.advance(s=61)
        (row,) = ledger.balances()
        assert (str(row.posted), row.pending) == ("0.3", 0)


def test_an_ending_is_remembered_for_a_day_across_a_restart(tmp_path: Path) -> None:
    clock = tk.testing.ManualClock()
    with opened(tmp_path, clock) as ledger:
        ledger.reserve(usd="0.1", id="x", ttl_s=86_400)
        clock.advance(s=86_399)
        ledger.post("x", usd="0.1")
        clock.advance(s=60)
        assert ledger.post("x", usd="0.1") == tk.Money("0.1")
    with opened(tmp_path, clock) as ledger:
        assert ledger.post("x", usd="0.1") == tk.Money("0.1")


def test_a_wall_clock_set_a_day_ahead_and_back_frees_no_money() -> None:
    clock = tk.testing.ManualClock()
    ledger = tk.Ledger([tk.Budget("1 USD", period="day")], clock=clock)
    ledger.post(ledger.reserve(usd="1"), usd="1")
    clock.jump_wall(ns=DAY)
    ledger.reserve(usd="0.1")
    clock.jump_wall(ns=-DAY)
    with pytest.raises(tk.BudgetExceeded):
        ledger.reserve(usd="1")
