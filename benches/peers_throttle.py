"""Takes and reservations next to named peers, in one run: a table of ratios, or `--json`. Installs nothing.

Each figure is the median of several turns, taken in alternation, so that a busy moment hits all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import throttle_levels
import throttle_peers
import throttle_processes
import throttle_threads
import throttle_waiters
from throttle_ours import hot_key, keys, pairs, pairs_on_disk, strict_callers
from throttle_peers import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEERS = ("token-bucket", "limits", "pyrate-limiter", "throttled-py", "aiolimiter", "redis", "token-throttle", "litellm")


class Row(NamedTuple):
    case: str
    ours_ns: float
    peer: str
    peer_ns: float

    @property
    def ratio(self) -> float:
        return self.peer_ns / self.ours_ns


def alternating(timed: dict[str, Callable[[], float]], turns: int) -> dict[str, float]:
    """Median ns per call of each."""
    seen: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(turns):
        for name, once in timed.items():
            seen[name].append(once())
    return {name: median(times) for name, times in seen.items()}


def compared(case: str, ours: Callable[[], float], peers: dict[str, Callable[[], float]], turns: int) -> Iterator[Row]:
    found = alternating({"ours": ours, **peers}, turns)
    yield from (Row(case, found["ours"], name, found[name]) for name in peers)


def rows(turns: int) -> Iterator[Row]:
    # First: what a million keys leave behind costs every later task of the process a share of the collector's time.
    yield from waiters()
    yield from compared("hot key, take, in memory", hot_key(None), throttle_peers.hot_key(), turns)
    with TemporaryDirectory() as state:
        memory = hot_key(None)
        yield from compared("hot key, take, shared state", hot_key(state), {"the same in memory": memory}, turns)
    yield from processes(turns)
    with TemporaryDirectory() as relaxed, TemporaryDirectory() as strict:
        case = "reserve + settle, 4 levels of 5 dimensions"
        memory = pairs(None, "relaxed")
        for name, once in (("relaxed", pairs(relaxed, "relaxed")), ("strict", pairs(strict, "strict"))):
            yield from compared(f"{case}, {name}", once, {"the same in memory": memory}, turns)
        plain = {"SQLite NORMAL, 128 in a transaction": throttle_peers.sqlite_pairs(relaxed)}
        yield from compared(f"{case}, relaxed, written to the ledger", pairs_on_disk(relaxed), plain, turns)
        if (peer := throttle_peers.synced_writes(strict)) is not None:
            yield from compared(f"{case}, strict", pairs(strict, "strict"), {"4 KiB write + fdatasync": peer}, turns)
        alone = {"one caller": strict_callers(strict, 1)}
        yield from compared(f"{case}, strict, 64 callers", strict_callers(strict, 64), alone, turns)
    yield from levels(turns)
    threads = {"one thread": throttle_threads.takes(1)}
    yield from compared("take, two threads, a key each", throttle_threads.takes(2), threads, turns)
    readings = {"one thread": throttle_threads.readings(1)}
    yield from compared("time.time, two threads: the interpreter's own", throttle_threads.readings(2), readings, turns)
    yield from compared("the first take of each of 1,000,000 keys", keys, throttle_peers.keys(), 3)


def levels(turns: int) -> Iterator[Row]:
    """Every way of ours beside every peer, all in turns."""
    ours, peers = throttle_levels.ours(), throttle_levels.peers()
    found = alternating({**ours, **peers}, turns)
    for way in ours:
        case = f"take + settle, 4 levels of 5 dimensions, {way}"
        yield from (Row(case, found[way], name, found[name]) for name in peers)


def waiters() -> Iterator[Row]:
    """Time and CPU of each waiter; whether order and bound held goes to stderr."""
    found = throttle_waiters.waiters()
    ideal_s = (throttle_waiters.WAITERS - throttle_waiters.BURST) / throttle_waiters.RATE
    for name, run in found.items():
        print(
            f"{name}: {run.took_s / ideal_s:.3f} x ideal, {run.displaced} displaced, {run.excess} in excess",
            file=sys.stderr,
        )
    for name, admitted in throttle_waiters.evictions().items():
        print(f"{name}: {admitted} of 10 admitted while other keys fill a store of 64", file=sys.stderr)
    if (peer := found.get("aiolimiter")) is not None:
        each = 1e9 / throttle_waiters.WAITERS
        yield Row("10,000 waiters, time", found["ours"].took_s * each, "aiolimiter", peer.took_s * each)
        yield Row("10,000 waiters, CPU", found["ours"].cpu_s * each, "aiolimiter", peer.cpu_s * each)


def processes(turns: int) -> Iterator[Row]:
    """All processes together: ns from one take to the next, whoever makes it."""
    with throttle_processes.redis_server() as address:
        for count in (1, 2, 4):
            peers: dict[str, Callable[[], float]] = {}
            if address is not None:
                peers["Redis script, unix socket"] = throttle_processes.peer(count, address)
            peers["one process in memory"] = throttle_processes.ours(1, shared=False)
            case = f"hot key, take, shared state, {count} processes"
            yield from compared(case, throttle_processes.ours(count, shared=True), peers, min(turns, 5))


def versions() -> str:
    found = [f"Python {platform.python_version()}"]
    for name in PEERS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent(name)
    return ", ".join([*found, f"{os.cpu_count()} CPUs"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--turns", type=int, default=9)
    asked = parser.parse_args()
    print(versions(), file=sys.stderr)
    found = []
    for row in rows(asked.turns):
        found.append({**row._asdict(), "ratio": row.ratio})
        if not asked.json:
            print(
                f"| {row.case} | {row.ours_ns:,.0f} | {row.peer} | {row.peer_ns:,.0f} | {row.ratio:.2f} |", flush=True
            )
    if asked.json:
        print(json.dumps(found, indent=1))
    print(*(f"{name}: {bytes_:.0f} B a key" for name, bytes_ in throttle_peers.key_sizes()), sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
