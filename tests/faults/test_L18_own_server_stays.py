"""L18: the budget for an API is empty; a server of one's own, outside its `where`, still answers."""

from __future__ import annotations

import pytest

import tierkit as tk

FREE = {"input": "0 USD/Mtok", "output": "0 USD/Mtok"}
PAID = {"input": "1 USD/Mtok", "output": "1 USD/Mtok"}


def governor(*names: str) -> tk.Governor:
    tiers = {
        "own": tk.Tier("own", backend="gpu", model="Qwen/Qwen3-8B", price=FREE),
        "api": tk.Tier("api", backend="openai", model="gpt-5", price=PAID),
    }
    budget = tk.Budget("0.001 USD", period="total", name="api-money", where={"backend": "openai"})
    return tk.Governor(tk.Policy(tiers=[tiers[name] for name in names], budgets=[budget]))


@pytest.mark.parametrize("names", [("own", "api"), ("api", "own")])
def test_L18_what_needs_no_money_is_admitted_when_there_is_none(names: tuple[str, str]) -> None:  # noqa: N802 - the row
    with governor(*names) as made:
        with made.admit(None, input_tokens=500, max_output_tokens=500, tiers=["api"]) as spent:
            spent.settle(tk.Usage(500, 500))
        with pytest.raises(tk.BudgetExceeded):
            made.admit(None, input_tokens=500, max_output_tokens=500, tiers=["api"])
        for _ in range(3):
            with made.admit(None, input_tokens=500, max_output_tokens=500) as admission:
                assert (admission.tier, admission.reserved) == ("own", 0)
                assert admission.settle(tk.Usage(500, 500)) == 0
        (row,) = made.balances()
        assert (row.posted, row.pending) == (row.limit, 0)
