"""The same id again: the same request is charged once, and nothing is sent without money on hold."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

import tierkit as tk
from tierkit.policy import CacheSettings
from tierkit.testing import MockBackend

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
TIERS = [tk.Tier("small", model="m", backend="mine", price=PRICE)]
NO_CACHE = CacheSettings(enabled=False)


def governor(**parts: Any) -> tk.Governor:
    parts.setdefault("budgets", [tk.Budget("0.01 USD", period="day")])
    return tk.Governor(tk.Policy(tiers=TIERS, **parts), clock=tk.testing.ManualClock())


def booked(engine: tk.Governor) -> tuple[Decimal, Decimal]:
    (row,) = engine.balances()
    return row.posted, row.pending


def test_a_request_is_the_same_when_usual_lengths_have_changed() -> None:
    engine = governor(budgets=[tk.Budget("1 USD", period="day")])
    first = engine.admit("Why?", id="job")
    for n in range(40):
        engine.admit(f"Why {n}?").settle(tk.Usage(5, 5))
    again = engine.admit("Why?", id="job")
    assert (again.replayed, again.reserved) == (True, first.reserved)
    assert booked(engine)[1] == first.reserved.usd
    with pytest.raises(tk.ReservationConflict):
        engine.admit("Why, if I may ask?", id="job")
    with pytest.raises(tk.ReservationConflict):
        engine.admit("Why?", id="job", labels={"team": "b"})


def test_a_request_is_the_same_after_a_restart(tmp_path: Any) -> None:
    policy, clock = tk.Policy(tiers=TIERS, budgets=[tk.Budget("1 USD", period="day")]), tk.testing.ManualClock()
    with tk.Governor(policy, state=tmp_path, clock=clock) as engine:
        for n in range(40):
            engine.admit(f"Why {n}?").settle(tk.Usage(5, 5))
        first = engine.admit("Why?", id="job")
    with tk.Governor(policy, state=tmp_path, clock=clock) as engine:
        assert engine.admit("Why?", id="job").reserved == first.reserved


def test_an_answer_that_is_kept_by_now_is_given_to_the_same_id() -> None:
    engine = governor(limits=[tk.Limit("2 requests/day", name="rpd")])
    first = engine.admit("Why?", id="job", max_output_tokens=9)
    first.settle(tk.Usage(5, 5), answer="scattering")
    for _ in range(5):
        again = engine.admit("Why?", id="job", max_output_tokens=9)
        assert again.hit is not None
        assert (again.hit.value, again.id, again.replayed) == (b"scattering", "job", True)
    other = engine.admit("Why?", id="other", max_output_tokens=9)
    assert (other.hit is not None, other.replayed) == (True, False)
    with pytest.raises(tk.AlreadySettled, match="answered from the cache"):
        engine.admit("Why?", id="other", max_output_tokens=9, cache="off")
    with pytest.raises(tk.ReservationConflict):
        engine.admit("Why?", id="job", max_output_tokens=9, labels={"team": "b"})


def test_what_was_given_back_is_no_admission() -> None:
    engine = governor()
    engine.admit("Why?", id="job", max_output_tokens=9).cancel()
    with pytest.raises(tk.AlreadySettled, match="nothing is held for it"):
        engine.admit("Why?", id="job", max_output_tokens=9)
    ledger = tk.Ledger([tk.Budget("1 USD", period="day")])
    ledger.void(ledger.reserve(usd="0.6", id="job"))
    with pytest.raises(tk.AlreadySettled, match="nothing is held for it"):
        ledger.reserve(usd="0.6", id="job")


def _spend_all(client: tk.Client) -> None:
    for _ in range(10):
        client.complete("Why?", id="job", max_output_tokens=9)


@pytest.mark.parametrize("first", ["answered", "failed", "open"])
def test_a_client_sends_nothing_without_money_on_hold(first: str) -> None:
    engine = governor(cache=NO_CACHE, budgets=[tk.Budget("0.00006 USD", period="day")])
    mine = MockBackend("scattering")
    client = tk.Client(engine, backends={"mine": mine})
    asked: Any = [{"role": "user", "content": "Why?"}]
    if first == "answered":
        client.complete("Why?", id="job", max_output_tokens=9)
    elif first == "failed":
        engine.admit(asked, id="job/1", max_output_tokens=9).cancel()
    else:
        engine.admit(asked, id="job/1", max_output_tokens=9)
    before = booked(engine)
    again = client.complete("Why?", id="job", max_output_tokens=9)
    assert [attempt.id for attempt in again.attempts] == ["job/2"]
    assert booked(engine) == (before[0] + again.cost.usd, before[1])
    with pytest.raises(tk.BudgetExceeded):
        _spend_all(client)
    assert booked(engine)[0] <= Decimal("0.00006")
