"""The peers of `peers_throttle.py`. One that is not installed is left out, loudly."""

from __future__ import annotations

import asyncio
import importlib
import os
import sqlite3
import subprocess
import sys
import timeit
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLS, KEYS = 5_000, 1_000_000
MUCH = 1_000_000_000


def absent(name: str) -> None:
    print(f"LEFT OUT: {name} is not installed", file=sys.stderr)


def timed(call: Callable[[], object], calls: int = CALLS) -> Callable[[], float]:
    return lambda: timeit.timeit(call, number=calls) / calls * 1e9


def hot_key() -> dict[str, Callable[[], float]]:
    found: dict[str, Callable[[], float]] = {}
    for module, name, make in (
        ("token_bucket", "token-bucket", _token_bucket),
        ("limits", "limits, fixed window", _limits_fixed),
        ("limits", "limits, moving window", _limits_moving),
        ("pyrate_limiter", "pyrate-limiter", _pyrate),
        ("throttled", "throttled-py, token bucket", _throttled),
        ("aiolimiter", "aiolimiter", _aiolimiter),
    ):
        try:
            found[name] = make(importlib.import_module(module))
        except ImportError:
            absent(name)
    return found


def _token_bucket(module: Any) -> Callable[[], float]:
    limiter = module.Limiter(MUCH, MUCH, module.MemoryStorage())
    return timed(lambda: limiter.consume("ada"))


def _limits_fixed(module: Any) -> Callable[[], float]:
    limiter = module.strategies.FixedWindowRateLimiter(module.storage.MemoryStorage())
    item = module.RateLimitItemPerSecond(MUCH)
    return timed(lambda: limiter.hit(item, "ada"))


def _limits_moving(module: Any) -> Callable[[], float]:
    # A window that fills makes each hit dearer; its memory grows by an entry a hit, so the window is short.
    limiter = module.strategies.MovingWindowRateLimiter(module.storage.MemoryStorage())
    item = module.RateLimitItemPerSecond(100_000)
    return timed(lambda: limiter.hit(item, "ada"))


def _pyrate(module: Any) -> Callable[[], float]:
    limiter = module.Limiter(module.Rate(100_000, module.Duration.SECOND))
    return timed(lambda: limiter.try_acquire("ada", blocking=False))


def _throttled(module: Any) -> Callable[[], float]:
    quota = module.rate_limiter.per_sec(1_000_000, burst=1_000_000)
    limiter = module.Throttled(key="ada", using="token_bucket", quota=quota, store=module.store.MemoryStore())
    return timed(limiter.limit)


def _aiolimiter(module: Any) -> Callable[[], float]:
    async def many() -> float:
        limiter = module.AsyncLimiter(MUCH, 1)
        began = timeit.default_timer()
        for _ in range(CALLS):
            await limiter.acquire()
        return (timeit.default_timer() - began) / CALLS * 1e9

    return lambda: asyncio.run(many())


def synced_writes(folder: str) -> Callable[[], float] | None:
    """The disk's own pace: one block, written over and synced."""
    file = os.open(Path(folder) / "block", os.O_RDWR | os.O_CREAT)
    block = bytes(4096)

    def once() -> None:
        os.pwrite(file, block, 0)
        os.fdatasync(file)

    return timed(once, 50)


def sqlite_pairs(folder: str) -> Callable[[], float]:
    """A plain ledger in SQLite: for each pair two changes of an account and two entries; 128 pairs a transaction."""
    file = sqlite3.connect(Path(folder) / "plain.db", isolation_level=None)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA synchronous=NORMAL")
    file.execute("CREATE TABLE account(id INTEGER PRIMARY KEY, posted INTEGER, pending INTEGER)")
    file.execute("CREATE TABLE entry(seq INTEGER PRIMARY KEY, id TEXT, nusd INTEGER)")
    file.execute("INSERT INTO account VALUES(1, 0, 0)")

    def group() -> None:
        file.execute("BEGIN IMMEDIATE")
        for number in range(128):
            file.execute("UPDATE account SET pending = pending + ? WHERE id = 1", (200_000,))
            file.execute("INSERT INTO entry(id, nusd) VALUES(?, ?)", (f"request-{number}", 200_000))
            file.execute(
                "UPDATE account SET pending = pending - ?, posted = posted + ? WHERE id = 1", (200_000, 140_000)
            )
            file.execute("INSERT INTO entry(id, nusd) VALUES(?, ?)", (f"request-{number}", 140_000))
        file.execute("COMMIT")

    groups = timed(group, 40)
    return lambda: groups() / 128


def keys() -> dict[str, Callable[[], float]]:
    try:
        import token_bucket  # noqa: PLC0415 - it may be absent
    except ImportError:
        absent("token-bucket")
        return {}

    def once() -> float:
        consume = token_bucket.Limiter(1, 10, token_bucket.MemoryStorage()).consume
        names = [f"user-{number}" for number in range(KEYS)]
        return timeit.timeit(lambda: deque(map(consume, names), maxlen=0), number=1) / KEYS * 1e9

    return {"token-bucket": once}


FIVE = "tk.Limit(f'10 {name}/minute', name=name, per=['user'])"
SIZES = {
    "ours, 5 dimensions": "import tierkit as tk\n"
    f"rules = [{FIVE} for name in ('requests', 'input_tokens', 'output_tokens', 'total_tokens', 'USD')]\n"
    "take = tk.Limiter(rules).take\n"
    "call = lambda name: take({'user': name}, input_tokens=1, output_tokens=1, usd='0.01')",
    "ours, 1 dimension": "import tierkit as tk\n"
    "take = tk.Limiter([tk.Limit('10 requests/minute', per=['user'])]).take\n"
    "call = lambda name: take({'user': name})",
    "token-bucket": "import token_bucket as t; take = t.Limiter(1, 10, t.MemoryStorage()).consume; call = take",
    "limits, fixed window": "import limits; store = limits.storage.MemoryStorage()\n"
    "hit = limits.strategies.FixedWindowRateLimiter(store)\n"
    "item = limits.RateLimitItemPerHour(10); call = lambda name: hit.hit(item, name)",
}
GROWTH = f"""
import resource
def kept():
    with open('/proc/self/statm') as pages:
        return int(pages.read().split()[1]) * resource.getpagesize()
call('first')
before = kept()
for number in range({KEYS}):
    assert call(f'user-{{number}}'), 'a key that is refused is not kept'
print((kept() - before) / {KEYS})
"""


def key_sizes() -> Iterator[tuple[str, float]]:
    """How the memory of a process grows with its keys; the peers have one dimension. Linux only."""
    for name, begin in SIZES.items():
        ended = subprocess.run([sys.executable, "-c", begin + GROWTH], capture_output=True, text=True, check=False)
        if ended.returncode == 0:
            yield name, float(ended.stdout)
