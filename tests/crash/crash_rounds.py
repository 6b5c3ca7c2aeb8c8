"""Kills processes of a shared state at random instants, opens it again, and looks for anything lost, doubled or stuck.

A round is one kill -9. `--rounds 1000` is what `make crash` runs; the seed repeats the choices, not the instants.
"""

from __future__ import annotations

import argparse
import faulthandler
import fcntl
import json
import os
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from crash_checks import Told, figures, ledger_faults, state_faults, told
from crash_worker import opened, work

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH, WORKERS = 12, 4
# Far longer than any call; only a lock that nobody gives back takes so long.
STUCK_S = 60


def forked(job: Callable[[], object]) -> int:
    """The process that does a job; it never returns into the caller's code."""
    child = os.fork()
    if child == 0:
        try:
            job()
        except BaseException as error:  # noqa: BLE001 - it is told, and the exit status says so
            print("worker:", repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return child


class Batch:
    """Some workers on one directory."""

    def __init__(self, folder: Path, chance: Random, durability: str) -> None:
        self.folder, self.state, self.chance, self.durability = folder, folder / "state", chance, durability
        self.running: list[int] = []
        self.started = 0
        self.kinds: Counter[str] = Counter()

    def start(self) -> None:
        self.started += 1
        log, seed = self.folder / f"{self.started}.log", self.started
        self.running.append(forked(lambda: work(self.state, log, seed, self.durability)))

    def start_all(self) -> None:
        """All workers, and waits until one of them was answered: on a busy machine that can take a while."""
        earlier = self.started
        for _ in range(WORKERS):
            self.start()
        logs = [self.folder / f"{number}.log" for number in range(earlier + 1, self.started + 1)]
        until_s = time.monotonic() + 30
        while not any(log.exists() and "!" in log.read_text() for log in logs) and time.monotonic() < until_s:
            time.sleep(0.02)
        time.sleep(0.1)

    def writer(self) -> int | None:
        """The process that writes the ledger: the one that has the first byte of `procs`."""
        try:
            with (self.state / "procs").open("rb+") as procs:
                asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
                kind, _, _, _, process = struct.unpack("hhqqi4x", fcntl.fcntl(procs, fcntl.F_GETLK, asked))
        except FileNotFoundError:
            return None
        return process if kind != fcntl.F_UNLCK and process in self.running else None

    def round(self) -> None:
        """One kill -9: of anybody, of the writer, or of one that was stopped in the middle of something."""
        time.sleep(self.chance.random() * 0.08)
        writer = self.writer()
        victim = writer if writer is not None and self.chance.random() < 0.3 else self.chance.choice(self.running)
        self.kinds["writer" if victim == writer else "other"] += 1
        if self.chance.random() < 0.25:
            self.kinds["stopped"] += 1
            os.kill(victim, signal.SIGSTOP)
            time.sleep(self.chance.random() * 0.4)
            if self.chance.random() < 0.5:
                os.kill(victim, signal.SIGCONT)
                time.sleep(self.chance.random() * 0.01)
        self.end(victim)

    def end(self, victim: int) -> None:
        os.kill(victim, signal.SIGKILL)
        _, status = os.waitpid(victim, 0)
        self.running.remove(victim)
        if os.WIFEXITED(status):
            raise SystemExit(f"worker {victim} ended by itself: {os.waitstatus_to_exitcode(status)}")

    def end_all(self) -> None:
        for victim in list(self.running):
            self.end(victim)

    def faults(self) -> list[str]:
        """Everything that does not hold, with nobody left alive."""
        seen = told(self.folder.glob("*.log"))
        self.kinds["calls"] += len(seen.done)
        # What a strict call acknowledged is in the file before anybody opens the directory again.
        early = strict_faults(self.state, seen) if self.durability == "strict" else []
        began = time.monotonic()
        answer = self.folder / "figures.json"
        checker = forked(lambda: reopen(self.state, self.durability, answer))
        while os.waitpid(checker, os.WNOHANG) == (0, 0):
            if time.monotonic() - began > STUCK_S:
                os.kill(checker, signal.SIGKILL)
                return [*early, "the state cannot be opened again: something is stuck"]
            time.sleep(0.01)
        if not answer.exists():
            return [*early, "the state cannot be opened again"]
        found = json.loads(answer.read_text())
        answer.unlink()
        return early + ledger_faults(self.state, seen) + state_faults(self.state, seen, found)


def strict_faults(state: Path, seen: Told) -> list[str]:
    return [f"before reopening: {fault}" for fault in ledger_faults(state, seen) if "lost" in fault]


def reopen(state: Path, durability: str, answer: Path) -> None:
    faulthandler.dump_traceback_later(STUCK_S - 10)
    with opened(state, durability) as governor:
        time.sleep(0.3)
        governor.flush()
        answer.write_text(json.dumps(figures(governor)))


def run(rounds: int, seed: int, keep: Path | None) -> int:
    """Number of faults."""
    chance, kinds, done, found = Random(seed), Counter[str](), 0, 0
    while done < rounds:
        with tempfile.TemporaryDirectory(prefix="tierkit-crash-") as name:
            durability = ("relaxed", "strict")[done // (2 * BATCH) % 2]
            batch = Batch(Path(name), chance, durability)
            for _half in range(2):
                # The second half works on what the first one, killed as a whole, left behind.
                batch.start_all()
                for _ in range(min(BATCH, rounds - done)):
                    batch.round()
                    batch.start()
                    done += 1
                batch.end_all()
                faults = batch.faults()
                found += len(faults)
                if faults and keep is not None:
                    shutil.copytree(batch.folder, keep / f"{seed}-{done}", dirs_exist_ok=True)
                for fault in faults[:20]:
                    print(f"round {done}, {durability}: {fault}", flush=True)
            kinds.update(batch.kinds)
        told_kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        print(f"{done} kills ({told_kinds}); {found} faults", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--keep", type=Path, help="folder for a copy of every state that has a fault")
    asked = parser.parse_args()
    sys.exit(1 if run(asked.rounds, asked.seed, asked.keep) else 0)


if __name__ == "__main__":
    main()
