"""One hot key: a take of one request through the bound handle beside the peers, in one run, as ratios to the fastest.

Peers: token-bucket 0.4.0 and limits 5.8.0 (`make bench` installs them). Every limiter has room, so each call admits, and
each is called as it takes one: a keyword would cost every one of them the same 15 ns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import tierkit as tk

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ROUNDS = 200
CALLS = 5_000


@pytest.mark.benchmark(group="one hot key")
def test_tierkit_scope_take(benchmark: BenchmarkFixture) -> None:
    take = tk.Limiter([tk.Limit("1000000000 requests/second", per=["user"])]).bind({"user": "ada"}).take
    assert benchmark.pedantic(take, rounds=ROUNDS, iterations=CALLS)


@pytest.mark.benchmark(group="one hot key")
def test_tierkit_limiter_take(benchmark: BenchmarkFixture) -> None:
    take = tk.Limiter([tk.Limit("1000000000 requests/second", per=["user"])]).take
    assert benchmark.pedantic(take, args=({"user": "ada"},), rounds=ROUNDS, iterations=CALLS)


@pytest.mark.benchmark(group="one hot key")
def test_token_bucket(benchmark: BenchmarkFixture) -> None:
    token_bucket = pytest.importorskip("token_bucket")
    limiter = token_bucket.Limiter(1e9, 1_000_000_000, token_bucket.MemoryStorage())
    assert benchmark.pedantic(limiter.consume, args=("ada",), rounds=ROUNDS, iterations=CALLS)


@pytest.mark.benchmark(group="one hot key")
def test_limits_fixed_window(benchmark: BenchmarkFixture) -> None:
    limits = pytest.importorskip("limits")
    hit = limits.strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage()).hit
    item = limits.RateLimitItemPerSecond(1_000_000_000)
    assert benchmark.pedantic(hit, args=(item, "ada"), rounds=ROUNDS, iterations=CALLS // 5)
