"""Sixteen threads on the same objects: the same laws, whether one lock of the interpreter orders them or none does."""

from __future__ import annotations

import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import tierkit as tk
from tierkit import testing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

THREADS = 16
CALLS = 300


def hammered(call: Callable[[int, int], int]) -> int:
    """All threads begin at once; the sum of what their calls give."""
    begin = threading.Barrier(THREADS)

    def run(thread: int) -> int:
        begin.wait()
        return sum(call(thread, n) for n in range(CALLS))

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(run, range(THREADS)))


def test_a_build_without_the_lock_stays_without_it() -> None:
    tk.count_tokens("the compiled module is loaded now", model="gpt-5")
    has_lock = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert has_lock is not bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def test_a_limit_admits_its_burst_and_no_more() -> None:
    limiter = tk.Limiter([tk.Limit("1 requests/hour", burst=1_000)], clock=testing.ManualClock())
    scope = limiter.bind({})

    def take(thread: int, _n: int) -> bool:
        return bool(scope.take(requests=1) if thread % 2 else limiter.take({}, requests=1))

    taken = hammered(take)
    assert taken == 1_000


def test_a_ledger_keeps_its_sums() -> None:
    with tk.Ledger([tk.Budget("100 USD", period="total", per=["team"])]) as ledger:

        def spend(thread: int, n: int) -> int:
            held = ledger.reserve({"team": str(n % 3)}, usd="0.010", id=f"{thread}/{n}")
            if n % 4 == 0:
                ledger.void(held)
                return 0
            ledger.post(held, usd="0.003")
            return 3

        posted = hammered(spend)
        rows = ledger.balances()
        assert sum(int(row.posted * 1_000) for row in rows) == posted
        assert all(int(row.pending * 1_000) == 0 for row in rows)


def test_a_governor_has_room_for_five(tmp_path: Path) -> None:
    price = {"input": "1 USD/Mtok", "output": "1 USD/Mtok"}
    policy = tk.Policy(
        tiers=[tk.Tier("only", model="m", price=price)],
        limits=[tk.Limit(concurrency=5, name="slots")],
    )
    inside = threading.Semaphore(5)
    with tk.Governor(policy, state=tmp_path) as governor:

        def ask(_thread: int, _n: int) -> int:
            try:
                admission = governor.admit(None, input_tokens=10, max_output_tokens=10)
            except tk.Refused:
                return 0
            assert inside.acquire(blocking=False), "six are inside"
            inside.release()
            admission.settle(tk.Usage(input_tokens=10, output_tokens=5))
            return 1

        assert hammered(ask) > 0


def test_a_cache_answers_what_was_put() -> None:
    cache = tk.SemanticCache(dim=4, capacity=256)

    def use(thread: int, n: int) -> int:
        key = b"%d" % (n % 400)
        cache.put(namespace=str(thread % 2), key=key, text="", value=b"%d/" % (thread % 2) + key, ttl_s=60)
        hit = cache.get(namespace=str(thread % 2), key=key)
        assert hit is None or hit.value == b"%d/" % (thread % 2) + key
        return hit is not None

    assert hammered(use) > 0
