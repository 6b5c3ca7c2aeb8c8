"""One hot key: a take of one request beside the peers, in one run, as ratios.

Peers: token-bucket 0.4.0 and limits 5.8.0 (`make bench` installs them). Every limiter has room, so each call admits.
The calls are timed bare and in turns, so that neither a harness nor a slow second of the machine counts for one alone.
"""

from __future__ import annotations

import timeit
from statistics import median

import pytest

import tierkit as tk

ROUNDS = 15
CALLS = 50_000


def test_one_hot_key() -> None:
    limits = pytest.importorskip("limits")
    token_bucket = pytest.importorskip("token_bucket")
    limiter = tk.Limiter([tk.Limit("1000000000 requests/second", per=["user"])])
    scope = limiter.bind({"user": "ada"})
    peer = token_bucket.Limiter(1e9, 1_000_000_000, token_bucket.MemoryStorage())
    window = limits.strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage())
    item = limits.RateLimitItemPerSecond(1_000_000_000)
    statements = {
        "scope.take()": "take()",
        "scope.take(requests=1)": "take(requests=1)",
        "limiter.take(labels)": "limiter.take(who)",
        "token_bucket.consume(key)": "consume('ada')",
        "limits.hit(item, key)": "hit(item, 'ada')",
    }
    bound = {"take": scope.take, "limiter": limiter, "who": {"user": "ada"}, "item": item}
    bound |= {"consume": peer.consume, "hit": window.hit}
    times: dict[str, list[float]] = {name: [] for name in statements}
    for _ in range(ROUNDS):
        for name, statement in statements.items():
            times[name].append(timeit.timeit(statement, globals=bound, number=CALLS) / CALLS * 1e9)
    assert scope.take()
    ours = median(times["scope.take()"])
    for name, seen in times.items():
        print(f"\n  {name:28} {median(seen):8.0f} ns  {median(seen) / ours:6.2f} x", end="")
    print()
