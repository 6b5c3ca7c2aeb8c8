"""Makes every system call of the durable path fail in its turn, and looks for a success that is not there.

For each call on the files of a state directory and each k, a real process reserves and settles while strace lets the
k-th such call of each of its threads fail: that one alone, or it and all after it. `make crash` tries each place.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import product
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from crash_checks import Told, ledger_faults, told
from crash_worker import opened

import tierkit as tk
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
LEDGER = ("ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db-journal")
FILES = ("", *LEDGER, "segment", "segment.new", "lock", "procs")
# How each call can fail on a disk that is full, broken, or interrupted. A `retval` is a write that wrote nothing.
WAYS = {
    "pwrite64": ("error=EIO", "error=ENOSPC", "error=EINTR", "retval=0"),
    "fsync": ("error=EIO", "error=ENOSPC"),
    "fdatasync": ("error=EIO", "error=ENOSPC"),
    "ftruncate": ("error=EIO", "error=EINTR"),
    "fallocate": ("error=ENOSPC", "error=EINTR"),
    "rename": ("error=EIO", "error=ENOSPC"),
    "mmap": ("error=ENOMEM", "error=ENODEV"),
    "openat": ("error=EIO", "error=EMFILE", "error=EINTR"),
    "unlink": ("error=EIO",),
    "mkdir": ("error=EIO", "error=ENOSPC"),
    "pread64": ("error=EIO", "error=EINTR"),
    "fcntl": ("error=EIO", "error=ENOLCK"),
    "flock": ("error=EIO", "error=ENOLCK"),
    "newfstatat": ("error=EIO",),
    "statx": ("error=EIO",),
}


class Point(NamedTuple):
    """One fault: which call, how it fails, from which one on, alone or with all after it, and in which program."""

    call: str
    way: str
    place: int
    stays: bool
    durability: str
    used: bool

    def injection(self) -> str:
        return f"inject={self.call}:{self.way}:when={self.place}{'+' if self.stays else ''}"


def missing() -> str | None:
    """Why strace cannot be used here, in a sentence; None when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed (Debian: apt-get install strace)"
    tried = subprocess.run(
        ["strace", "-e", "inject=chdir:error=EIO", "true"], capture_output=True, text=True, check=False
    )
    return None if tried.returncode == 0 else f"strace may not trace here: {tried.stderr.strip().splitlines()[-1:]}"


def worker(state: Path, log: Path, durability: str) -> list[str]:
    """The command of a worker."""
    return [sys.executable, "-W", "ignore", str(HERE / "failing_worker.py"), str(state), str(log), durability]


def traced(state: Path, log: Path, durability: str, options: list[str]) -> subprocess.CompletedProcess[str]:
    """A worker whose calls on the files of its state are traced."""
    paths = [part for name in FILES for part in ("-P", str(state / name) if name else str(state))]
    start = ["strace", "-f", "-qq", *paths, *options, *worker(state, log, durability)]
    return subprocess.run(start, capture_output=True, text=True, timeout=120, check=False)


def call_counts(durability: str, *, used: bool) -> Counter[str]:
    """How often a thread of a worker makes each call when none fails: the most of any of its threads."""
    with tempfile.TemporaryDirectory(prefix="tierkit-calls-") as name:
        folder = prepared(Path(name), used=used)
        trace = folder / "trace"
        calls = ",".join(WAYS)
        done = traced(folder / "state", folder / "2.log", durability, ["-o", str(trace), "-e", f"trace={calls}"])
        if done.returncode != 0:
            raise SystemExit(f"the worker fails without a fault: {done.stderr}")
        counted: Counter[tuple[str, str]] = Counter()
        for line in trace.read_text().splitlines():
            thread, _, rest = line.partition(" ")
            counted[thread, rest.strip().partition("(")[0]] += 1
    most: Counter[str] = Counter()
    for (_, call), count in counted.items():
        most[call] = max(most[call], count)
    return Counter({call: count for call, count in most.items() if call in WAYS})


def prepared(folder: Path, *, used: bool) -> Path:
    """A folder for one run; with `used`, its state was made and written before, without a fault."""
    if used:
        start = [
            sys.executable,
            "-W",
            "ignore",
            str(HERE / "failing_worker.py"),
            str(folder / "state"),
            str(folder / "1.log"),
        ]
        subprocess.run([*start, "strict"], check=True, capture_output=True, timeout=60)
    return folder


def all_points() -> Iterator[Point]:
    """Every place where every call of every program can fail, in every way."""
    for durability, used in product(("relaxed", "strict"), (False, True)):
        for call, count in sorted(call_counts(durability, used=used).items()):
            for place, way in product(range(1, count + 1), WAYS[call]):
                yield Point(call, way, place, stays=False, durability=durability, used=used)
                # An interrupted call is made again by whoever made it: one that always is would never end.
                if way != "error=EINTR":
                    yield Point(call, way, place, stays=True, durability=durability, used=used)


def faults_at(point: Point) -> tuple[list[str], int]:
    """What does not hold after one fault, and whether it was heard of."""
    with tempfile.TemporaryDirectory(prefix="tierkit-calls-") as name:
        folder = prepared(Path(name), used=point.used)
        state = folder / "state"
        options = ["-e", f"trace={point.call}", "-e", point.injection(), "-o", os.devnull]
        done = traced(state, folder / "2.log", point.durability, options)
        if done.returncode != 0:
            return [f"the worker ended with {done.returncode}: {done.stderr[-2_000:]}"], 0
        heard = done.stdout.count("StateError")
        seen = told(folder.glob("*.log"))
        early = strict_faults(state, seen) if point.durability == "strict" else []
        return early + unsynced(point, folder) + reopened_faults(state, seen), heard


def strict_faults(state: Path, seen: Told) -> list[str]:
    """What a strict call acknowledged is in the file before anybody opens the directory again."""
    if not any(kind != "take" for kind, _ in seen.done):
        return []
    return [f"before reopening: {fault}" for fault in ledger_faults(state, seen) if "lost" in fault]


def unsynced(point: Point, folder: Path) -> list[str]:
    """No strict answer without a sync that succeeded."""
    if point.call not in ("fsync", "fdatasync") or not point.stays or point.durability != "strict":
        return []
    # A worker that could not open the state wrote no log.
    booked = [call for call in told(folder.glob("2.log")).done if call[0] != "take"]
    return [f"{len(booked)} answers, {point.place - 1} syncs"] if len(booked) >= point.place else []


def reopened_faults(state: Path, seen: Told) -> list[str]:
    """With the fault gone, the directory opens, has every acknowledged entry once, and its ledger is whole."""
    try:
        with opened(state, "relaxed") as governor:
            governor.flush()
            governor.balances()
    except tk.StateError as error:
        return [f"it cannot be opened again: {error}"]
    proof = LedgerProof(state).run()
    return ledger_faults(state, seen) + ([] if proof["ok"] else [str(proof)])


def part_of(text: str) -> slice:
    """Read "2/3" as the second of three parts."""
    part, parts = (int(number) for number in text.split("/"))
    if not 1 <= part <= parts:
        raise ValueError(text)
    return slice(part - 1, None, parts)


def run(every: int, seed: int, within_s: float, part: slice) -> int:
    """Number of faults; stops early, and says so, when the time is over."""
    chance, found, heard, began, done = Random(seed), 0, 0, time.monotonic(), 0
    wanted = [point for point in all_points() if chance.randrange(every) == 0][part]
    chance.shuffle(wanted)
    for point in wanted:
        if time.monotonic() - began > within_s:
            break
        faults, told_of = faults_at(point)
        found, heard, done = found + len(faults), heard + bool(told_of), done + 1
        for fault in faults[:5]:
            print(f"{point}: {fault}", flush=True)
    calls = ", ".join(
        f"{count} {call}" for call, count in sorted(Counter(point.call for point in wanted[:done]).items())
    )
    print(f"seed {seed}: {done} of {len(wanted)} places ({calls}); {heard} surfaced; {found} faults", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="try one place of so many, by chance")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--part", type=part_of, default=part_of("1/1"), help="such as 2/3, for several at a time")
    parser.add_argument("--within-s", type=float, default=float("inf"), help="stop after so long")
    asked = parser.parse_args()
    reason = missing()
    if reason is not None:
        print(f"SKIPPED, nothing was tested: {reason}", flush=True)
        sys.exit(0)
    sys.exit(1 if run(asked.every, asked.seed, asked.within_s, asked.part) else 0)


if __name__ == "__main__":
    main()
