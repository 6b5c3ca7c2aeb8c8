"""What goes to another process or into a copy: values do, errors do, what holds a state does not."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from decimal import Decimal
from multiprocessing import get_context
from typing import Any

import pytest

import tierkit as tk

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
POLICY = tk.Policy(tiers=[tk.Tier("small", model="m", price=PRICE)], budgets=[tk.Budget("0.001 USD", period="total")])
USAGE = tk.Usage(
    9, 8, cache_read_tokens=3, cache_write_5m_tokens=2, cache_write_1h_tokens=1, reasoning_tokens=4, served_tier="flex",
    estimated=True,
)  # fmt: skip


def sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - its own bytes


def refused() -> None:
    tk.Governor(POLICY).admit("Why?", max_output_tokens=10_000)


@pytest.mark.parametrize(
    "value", [tk.Money("-0.000000001"), tk.Money("9223372036.854775807"), USAGE, tk.Usage(0, 0), tk.count_tokens("a")]
)
def test_values_are_pickled_and_copied(value: object) -> None:
    for again in (sent(value), copy.copy(value), copy.deepcopy({"x": value})["x"]):
        assert (again, repr(again), type(again)) == (value, repr(value), type(value))


def test_a_copied_usage_keeps_everything() -> None:
    again = sent(USAGE)
    assert (again.cache_read_tokens, again.cache_write_5m_tokens, again.cache_write_1h_tokens) == (3, 2, 1)
    assert (again.reasoning_tokens, again.served_tier, again.estimated) == (4, "flex", True)


def test_a_refusal_comes_back_from_a_worker() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        failed = pool.submit(refused)
        with pytest.raises(tk.BudgetExceeded, match="rule 'budget-1' refuses") as caught:
            failed.result(timeout=60)
    assert (caught.value.rule, caught.value.retry_after_s, caught.value.decision) == ("budget-1", None, None)
    limiter = tk.Limiter([tk.Limit("1 requests/minute", name="rpm")], clock=tk.testing.ManualClock())
    limiter.take()
    error = copy.deepcopy(tk.RateLimited("no", limiter.take()))
    assert (str(error), error.rule, error.retry_after_s) == ("no", "rpm", 60.0)


def test_what_holds_a_state_says_what_to_do_instead() -> None:
    governor = tk.Governor(POLICY)
    for thing in (governor, tk.Limiter([]), tk.Ledger([])):
        with pytest.raises(TypeError, match="stays in its process; open one in each"):
            pickle.dumps(thing)
    with pytest.raises(TypeError, match="stays in its process; settle it there"):
        pickle.dumps(governor.admit("Why?", max_output_tokens=1))
    assert sent(POLICY) == POLICY


def test_amounts_add_up_from_nothing() -> None:
    amounts = [tk.Money("0.25"), tk.Money("0.5")]
    assert sum(amounts) == tk.Money("0.75")
    assert "1" - amounts[0] == Decimal(1) - amounts[0] == tk.Money("0.75")
    with pytest.raises(tk.ConfigError):
        _ = tk.Money("-9223372036.854775808") - "1"
    with pytest.raises(tk.ConfigError, match="a float cannot hold money"):
        _ = 0.5 + amounts[0]  # type: ignore[operator]
