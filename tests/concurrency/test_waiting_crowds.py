"""Many who wait at once: no room is lost while they come, and one ring serves several."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any

import pytest

import tierkit as tk


def test_tasks_that_keep_their_loop_busy_while_they_start_lose_no_room() -> None:
    limiter = tk.Limiter([tk.Limit("100 requests/second", burst=10)])

    async def one() -> None:
        time.sleep(0.005)  # noqa: ASYNC251 - the loop hears no timer until all have started
        await limiter.wait_async(timeout_s=30)

    async def story() -> int:
        tasks = [asyncio.create_task(one()) for _ in range(60)]
        await asyncio.sleep(0)
        waiting_now = len(limiter._waiting.queue)
        await asyncio.gather(*tasks)
        return waiting_now

    assert asyncio.run(story()) < 30, "those who started later served those before them"
    assert (len(limiter._waiting.waiters), len(limiter._waiting.queue)) == (0, 0)


@pytest.mark.parametrize(
    ("waiters", "slack_ns", "later_ns"),
    [
        (1, 10**9, 0),
        (63, 10**9, 0),
        (64, 10**9, 1_000_000),
        (640, 10**9, 10_000_000),
        (10_000, 10**9, 25_000_000),
        (10_000, 8_000_000, 4_000_000),
        (10_000, None, 0),
    ],
)
def test_a_head_is_tried_later_only_in_a_crowd_and_never_so_late_that_room_is_lost(
    waiters: int, slack_ns: int | None, later_ns: int
) -> None:
    line = tk.Limiter([tk.Limit("1000 requests/second")])._waiting
    line.waiters.update(dict.fromkeys(range(waiters)))  # type: ignore[arg-type]
    decision: Any = SimpleNamespace(cause="rate", wait_ns=1_000_000, slack_ns=slack_ns)
    assert line._ready_ns(decision, 0, 10**12) == 1_000_000 + later_ns
    assert line._ready_ns(decision, 0, 1_000_000 + later_ns) == 1_000_000, "never past its deadline"
    line.waiters.clear()
