"""L19: five calls of 300,000 tokens at once, at a price that steps up for long prompts, and room for one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

import tierkit as tk

INPUT, OUTPUT = 300_000, 1_000
MODEL = "gemini-2.5-pro"


def ceiling() -> tk.Money:
    return tk.PriceBook.default().cost(MODEL, tk.Usage(INPUT, OUTPUT))


def test_L19_the_price_of_a_long_prompt_is_held_in_full() -> None:  # noqa: N802 - the row's name
    short = tk.PriceBook.default().cost(MODEL, tk.Usage(INPUT // 2, OUTPUT))
    assert ceiling() > short + short, "the price of this model steps up with the length"
    with tk.Governor(tk.Policy(tiers=[tk.Tier("only", backend="b", model=MODEL)])) as made:
        assert made.admit(None, input_tokens=INPUT, max_output_tokens=OUTPUT).reserved >= ceiling()


@pytest.mark.parametrize("rooms", [1, 3])
def test_L19_as_many_are_admitted_as_have_room(rooms: int) -> None:  # noqa: N802 - the row's name
    room = tk.Money.from_nusd(rooms * ceiling().nusd + ceiling().nusd // 2)
    policy = tk.Policy(
        tiers=[tk.Tier("only", backend="b", model=MODEL)], budgets=[tk.Budget(room, period="total", name="all")]
    )
    start = Barrier(5)
    with tk.Governor(policy) as made, ThreadPoolExecutor(5) as pool:

        def one(_: int) -> bool:
            start.wait()
            try:
                made.admit(None, input_tokens=INPUT, max_output_tokens=OUTPUT)
            except tk.BudgetExceeded:
                return False
            return True

        assert sum(pool.map(one, range(5))) == rooms
        (row,) = made.balances()
        assert row.pending <= row.limit
