"""An event loop that is closed over its waiting tasks: they hold nothing up, and nobody else hears of it."""

from __future__ import annotations

import asyncio

import pytest

import tierkit as tk


@pytest.mark.parametrize("others", [0, 1])
def test_a_settle_beside_a_closed_loop_serves_who_is_left(others: int) -> None:
    limiter = tk.Limiter([tk.Limit(concurrency=1, name="slots")])
    held = limiter.take({})
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(limiter.wait_async({}, timeout_s=100)) for _ in range(3)]
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()

    async def story() -> list[bool]:
        waiting = [asyncio.create_task(limiter.wait_async({}, timeout_s=5)) for _ in range(others)]
        await asyncio.sleep(0)
        limiter.settle(held)
        return [bool(decision) for decision in await asyncio.gather(*waiting)]

    assert asyncio.run(story()) == [True] * others
    assert not limiter._waiting.waiters
    assert bool(limiter.take({})) == (others == 0)
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
