"""Two hundred requests at once against room for five: exactly five are served."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

import tierkit as tk

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
TIERS = [tk.Tier("only", model="m", price=PRICE)]
# 1,000 tokens in and 100 out cost 0.0012 USD: room for five, and a little that is too small for a sixth.
BUDGET = tk.Budget("0.0065 USD", period="total", per=["team"])
CALLS = 200
ROOM = 5


@pytest.mark.parametrize("durable", [False, True])
def test_threads(tmp_path: Path, durable: bool) -> None:  # noqa: FBT001 - a parameter of the test
    with tk.Governor(tk.Policy(tiers=TIERS, budgets=[BUDGET]), state=tmp_path if durable else None) as governor:
        barrier = Barrier(20)

        def worker(_: int) -> int:
            barrier.wait()
            served = 0
            for _ in range(CALLS // 20):
                try:
                    with governor.admit(None, input_tokens=1_000, max_output_tokens=100, labels={"team": "a"}) as call:
                        call.settle(tk.Usage(1_000, 100))
                        served += 1
                except tk.BudgetExceeded:
                    pass
            return served

        with ThreadPoolExecutor(20) as pool:
            assert sum(pool.map(worker, range(20))) == ROOM
        assert str(governor.balances()[0].posted) == "0.006"
        assert governor.worst_overshoot == 0


def test_held_reservations_count() -> None:
    governor = tk.Governor(tk.Policy(tiers=TIERS, budgets=[BUDGET]))

    async def one() -> bool:
        try:
            async with await governor.admit_async(None, input_tokens=1_000, max_output_tokens=100) as call:
                await asyncio.sleep(0.01)
                call.settle(tk.Usage(1_000, 100))
        except tk.BudgetExceeded:
            return False
        return True

    async def all_at_once() -> int:
        return sum(await asyncio.gather(*(one() for _ in range(CALLS))))

    assert asyncio.run(all_at_once()) == ROOM
