"""Our side of `peers_throttle.py`; each function gives one that makes many calls and answers ns per call."""

from __future__ import annotations

import threading
import timeit
from collections import deque
from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS, PAIRS, KEYS = 20_000, 2_000, 1_000_000
LEVELS = ("org", "team", "user", "app")
RATES = ("1G requests", "1G input_tokens", "1G output_tokens", "1G total_tokens")


def hot_key(state: str | None) -> Callable[[], float]:
    limiter = tk.Limiter([tk.Limit("1000000000 requests/second", per=["user"])], state=state)
    take = limiter.bind({"user": "ada"}).take
    return lambda: timeit.timeit(take, number=CALLS) / CALLS * 1e9


def _pair(state: str | None, durability: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Four levels with four token and request rates and money as a budget: a pair, and the flush of its ledger."""
    limits = [
        tk.Limit(f"{rate.replace('1G', '1000000000')}/second", name=f"{level}-{index}", per=[level])
        for level in LEVELS
        for index, rate in enumerate(RATES)
    ]
    budgets = [tk.Budget("1000000 USD", period="total", name=f"{level}-usd", per=[level]) for level in LEVELS]
    policy = tk.Policy(
        tiers=[tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})],
        limits=limits,
        budgets=budgets,
    )
    governor = tk.Governor(policy, state=state, durability=durability)
    gate, labels = governor._engine.gate, dict.fromkeys(LEVELS, "a")  # noqa: SLF001 - what peers do is a part of admit

    def pair() -> None:
        held = gate.reserve(labels, None, None, input_tokens=100, output_tokens=50, nusd=200_000)
        gate.post(held.id or "", input_tokens=100, output_tokens=20, nusd=140_000)

    return pair, gate.flush


def pairs(state: str | None, durability: str) -> Callable[[], float]:
    """One caller that reserves and settles; what the turn before left for the disk is written before the clock runs."""
    (pair, flush), count = _pair(state, durability), PAIRS if durability == "relaxed" else PAIRS // 20

    def once() -> float:
        flush()
        return timeit.timeit(pair, number=count) / count * 1e9

    return once


def pairs_on_disk(state: str) -> Callable[[], float]:
    """Ns from one relaxed pair to the next where the ledger must follow: the last flush counts."""
    pair, flush = _pair(state, "relaxed")

    def once() -> float:
        flush()
        began = timeit.default_timer()
        for _ in range(5 * PAIRS):
            pair()
        flush()
        return (timeit.default_timer() - began) / (5 * PAIRS) * 1e9

    return once


def strict_callers(state: str, callers: int) -> Callable[[], float]:
    """Ns from one strict pair to the next, by all threads together."""
    pair, _ = _pair(state, "strict")

    def job() -> None:
        for _ in range(PAIRS // 200):
            pair()

    def once() -> float:
        threads = [threading.Thread(target=job) for _ in range(callers)]
        began = timeit.default_timer()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return (timeit.default_timer() - began) / (PAIRS // 200 * callers) * 1e9

    return once


def keys() -> float:
    """The first take of each of many keys, by labels."""
    limiter = tk.Limiter([tk.Limit("10 requests/minute", per=["user"])])
    take, names = limiter.take, [{"user": f"user-{number}"} for number in range(KEYS)]
    # What a take answers is dropped at once, as a caller does.
    return timeit.timeit(lambda: deque(map(take, names), maxlen=0), number=1) / KEYS * 1e9
