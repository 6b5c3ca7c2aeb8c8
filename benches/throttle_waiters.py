"""10,000 tasks of one event loop that wait for one rate, and what an eviction decides."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from throttle_peers import absent

import tierkit as tk
from tierkit import _core

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

# The burst is what a loop that wakes 50 ms late may still serve at once.
WAITERS, RATE, BURST = 10_000, 1_000, 50


class Run(NamedTuple):
    """One run: seconds in all and of CPU, tasks served out of order, and how many beyond the exact bound."""

    took_s: float
    cpu_s: float
    displaced: int
    excess: int


def _run(make: Callable[[], Callable[[], Awaitable[object]]]) -> Run:
    async def all_of_them() -> Run:
        acquire, served, times = make(), [], []

        async def one(number: int) -> None:
            await acquire()
            served.append(number)
            times.append(time.monotonic())

        began, cpu = time.monotonic(), time.process_time()
        await asyncio.gather(*(one(number) for number in range(WAITERS)))
        took_s = max(times) - began
        displaced = sum(place != number for place, number in enumerate(served))
        excess = max(place + 1 - (BURST + RATE * (at - began)) for place, at in enumerate(times))
        return Run(took_s, time.process_time() - cpu, displaced, max(0, int(excess)))

    return asyncio.run(all_of_them())


def _ours() -> Callable[[], Awaitable[object]]:
    limiter = tk.Limiter([tk.Limit(f"{RATE} requests/second", burst=BURST)])
    return lambda: limiter.wait_async(timeout_s=60)


def _aiolimiter() -> Callable[[], Awaitable[object]]:
    from aiolimiter import AsyncLimiter  # noqa: PLC0415 - it may be absent

    return AsyncLimiter(BURST, BURST / RATE).acquire


def waiters() -> dict[str, Run]:
    """Ours and the peer, one after the other; the ideal is (WAITERS - BURST) / RATE seconds."""
    found = {"ours": _run(_ours)}
    try:
        found["aiolimiter"] = _run(_aiolimiter)
    except ImportError:
        absent("aiolimiter")
    return found


def evictions() -> dict[str, int]:
    """How many of 200 takes of a key with room for 10 are let through while other keys push it out of a small store."""
    rules = tk.Policy(limits=[tk.Limit("10 requests/hour", per=["user"])]).limit_rules()
    gate = _core.Gate(rules, capacity=64)
    found = {"ours": _squeezed(lambda name: bool(gate.take({"user": name})))}
    try:
        import throttled  # noqa: PLC0415 - it may be absent
    except ImportError:
        absent("throttled-py")
        return found
    store = throttled.store.MemoryStore(options={"MAX_SIZE": 64})
    quota = throttled.rate_limiter.per_hour(10, burst=10)
    peer = throttled.Throttled(using="token_bucket", quota=quota, store=store)
    found["throttled-py"] = _squeezed(lambda name: not peer.limit(name).limited)
    return found


def _squeezed(take: Callable[[str], bool]) -> int:
    admitted = 0
    for turn in range(200):
        admitted += take("ada")
        for other in range(100):
            take(f"{turn}-{other}")
    return admitted
