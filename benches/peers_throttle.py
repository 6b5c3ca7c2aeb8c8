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

import throttle_peers
import throttle_processes
from throttle_ours import hot_key, keys, pairs
from throttle_peers import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PEERS = ("token-bucket", "limits", "pyrate-limiter", "throttled-py", "aiolimiter", "redis")


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
        if (peer := throttle_peers.synced_writes(strict)) is not None:
            yield from compared(f"{case}, strict", pairs(strict, "strict"), {"4 KiB write + fdatasync": peer}, turns)
    yield from compared("a take of each of 100,000 keys", keys, throttle_peers.keys(), 3)


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
