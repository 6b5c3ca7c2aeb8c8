"""The two halves of the gate standing alone."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING

import pytest

import tierkit as tk

if TYPE_CHECKING:
    from pathlib import Path


def test_every_dimension_is_limited() -> None:
    clock = tk.testing.ManualClock()
    limits = [
        tk.Limit("2 requests/second", name="requests"),
        tk.Limit("100 input_tokens/second", name="input"),
        tk.Limit("100 output_tokens/second", name="output"),
        tk.Limit("150 total_tokens/second", name="total"),
        tk.Limit("1 USD/second", name="usd"),
        tk.Limit(concurrency=1, name="slots"),
    ]
    for asked, rule in (
        ({"input_tokens": 101}, "input"),
        ({"output_tokens": 101}, "output"),
        ({"input_tokens": 80, "output_tokens": 80}, "total"),
        ({"total_tokens": 151}, "total"),
        ({"usd": "1.01"}, "usd"),
        ({"requests": 3}, "requests"),
    ):
        limiter = tk.Limiter(limits, clock=clock)
        decision = limiter.take({}, **asked)  # type: ignore[arg-type]
        assert (decision.allowed, decision.rule, decision.cause, decision.retry_after_s) == (
            False,
            rule,
            "too_large",
            None,
        )
    limiter = tk.Limiter(limits, clock=clock)
    first = limiter.take({}, input_tokens=10)
    second = limiter.take({})
    assert (first.allowed, second.allowed, second.rule, second.wait) == (True, False, "slots", "until_released")
    limiter.settle(first)
    assert limiter.take({}).allowed


def test_settle_refunds_books_debt_and_counts_once() -> None:
    clock = tk.testing.ManualClock()
    limiter = tk.Limiter([tk.Limit("100 output_tokens/second")], clock=clock)
    decision = limiter.take({}, output_tokens=100)
    limiter.settle(decision, output_tokens=40)
    with pytest.raises(tk.AlreadySettled):
        limiter.settle(decision, output_tokens=0)
    again = limiter.take({}, output_tokens=60)
    limiter.settle(again, output_tokens=160)
    refused = limiter.take({}, output_tokens=1)
    assert (refused.allowed, refused.wait_ns) == (False, 1_010_000_000)
    with pytest.raises(tk.ConfigError, match="refused"):
        limiter.settle(refused)


def test_a_random_walk_equals_a_rational_bucket() -> None:
    clock = tk.testing.ManualClock()
    random = Random(5)
    limiter = tk.Limiter([tk.Limit("7 requests/3s", burst=11)], clock=clock)
    scope = limiter.bind({})
    level, rate = Fraction(11), Fraction(7, 3_000_000_000)
    for _ in range(20_000):
        pause_ns = random.choice([0, 1, 428_571_428, random.randrange(2_000_000_000)])
        clock.advance(ns=pause_ns)
        level = min(Fraction(11), level + rate * pause_ns)
        cost = random.randrange(1, 5)
        decision = scope.take(requests=cost)
        assert decision.allowed == (level >= cost)
        if decision.allowed:
            level -= cost
        else:
            assert decision.wait_ns == -((level - cost) / rate // 1)


def test_wait_until_it_fits() -> None:
    limiter = tk.Limiter([tk.Limit("100 requests/second", burst=1)])
    assert limiter.take({})
    assert limiter.wait({}, timeout_s=5)
    assert not limiter.wait({}, timeout_s=0.001)
    assert asyncio.run(limiter.wait_async({}, timeout_s=5))


def test_windows_and_refusals_of_a_ledger() -> None:
    clock = tk.testing.ManualClock(
        wall_ns=1_792_881_000_000_000_000
    )  # 2026-10-24T22:30Z, the day that Paris has 25 hours
    ledger = tk.Ledger([tk.Budget("1 USD", period="day", name="daily", timezone="Europe/Paris")], clock=clock)
    ledger.post(ledger.reserve({}, usd="1"), usd="1")
    with pytest.raises(tk.BudgetExceeded) as caught:
        ledger.reserve({}, usd="0.01")
    assert caught.value.retry_after_s == 24.5 * 3600
    clock.advance(s=24 * 3600 + 1799)
    with pytest.raises(tk.BudgetExceeded):
        ledger.reserve({}, usd="0.01")
    clock.advance(s=1)
    assert ledger.reserve({}, usd="1").usd == tk.Money("1")


def test_a_ledger_ends_each_reservation_once() -> None:
    ledger = tk.Ledger([tk.Budget("25 USD", period="day", per=["team"])])
    held = ledger.reserve({"team": "search"}, usd="0.02", id="req-1")
    assert ledger.reserve({"team": "search"}, usd="0.02", id="req-1") == held
    with pytest.raises(tk.ReservationConflict):
        ledger.reserve({"team": "search"}, usd="0.03", id="req-1")
    ledger.post(held, usd="0.013")
    with pytest.raises(tk.AlreadySettled):
        ledger.void(held)
    with pytest.raises(tk.UnknownReservation):
        ledger.post("never", usd="1")
    for bad in ("-1", "ten", 0.5, "1e400"):
        with pytest.raises(tk.ConfigError):
            ledger.reserve({"team": "search"}, usd=bad)  # type: ignore[arg-type]
    assert [(row.posted, row.pending) for row in ledger.balances()] == [(Decimal("0.013"), 0)]


def test_a_closed_ledger_gives_its_directory_free(tmp_path: Path) -> None:
    budgets = [tk.Budget("1 USD", period="day")]
    with tk.Ledger(budgets, state=tmp_path) as ledger:
        ledger.post(ledger.reserve(usd="0.5"), usd="0.25")
    with pytest.raises(tk.ConfigError, match="closed"):
        ledger.balances()
    with tk.Ledger(budgets, state=tmp_path) as again:
        assert again.balances()[0].posted == Decimal("0.25")
