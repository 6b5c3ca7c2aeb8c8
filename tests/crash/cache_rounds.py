"""Kills processes of a shared cache at random instants, opens it again, and looks for another question's answer.

A round is one kill -9. Every value names its namespace, its key and the put that made it, so that a wrong one shows.
After each batch the file is opened by a new process: what it answers must be whole, what was told to be in the file
before the kills must be there, and what was reported as wrong or purged before them must not.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import tierkit as tk

BATCH, WORKERS = 10, 3
NAMESPACES, KEYS = ("acme", "initech", "acme2"), 40
# Half of the values stay in the file alone.
MEMORY_BYTES = 40_000


def opened(path: Path) -> tk.SemanticCache:
    return tk.SemanticCache(path=path, memory_bytes=MEMORY_BYTES)


def text_of(key: int) -> str:
    return f"how do I open drawer number {key} of the cabinet"


def value_of(namespace: str, key: int, put: int) -> bytes:
    head = f"{namespace}/{key}/{put}/".encode()
    return head + bytes(put % 251 for _ in range(200 + put * 37 % 3_000))


def is_right(value: bytes, namespace: str, key: int) -> bool:
    parts = value.split(b"/", 3)
    return parts[:2] == [namespace.encode(), b"%d" % key] and value == value_of(namespace, key, int(parts[2]))


def wrong_answers(cache: tk.SemanticCache, chance: Random, looks: int) -> list[str]:
    """Look for answers, exact and near ones, that belong elsewhere."""
    found = []
    for _ in range(looks):
        namespace, key = chance.choice(NAMESPACES), chance.randrange(KEYS)
        hit = cache.get(namespace=namespace, key=b"%d" % key)
        if hit is not None and not is_right(hit.value, namespace, key):
            found.append(f"{namespace}/{key} got {hit.value[:30]!r}")
        near = cache.get(namespace=namespace, key=b"?", text=text_of(key), embedding=tk.cache.embed(text_of(key)))
        if near is not None and not is_right(near.value, namespace, key):
            found.append(f"near {namespace}/{key} got {near.value[:30]!r}")
    return found


def work(path: Path, log: Path, seed: int) -> None:
    """Put, look, and now and then tell what is in the file for certain; until killed."""
    chance, put = Random(seed), seed * 1_000_000
    cache = opened(path)
    with closing(log.open("a", encoding="utf-8", buffering=1)) as told:
        while True:
            wrong = wrong_answers(cache, chance, 2)
            for line in wrong:
                told.write(f"wrong {line}\n")
            put += 1
            namespace, key = chance.choice(NAMESPACES), chance.randrange(KEYS)
            cache.put(
                namespace=namespace,
                key=b"%d" % key,
                text=text_of(key),
                embedding=tk.cache.embed(text_of(key)),
                value=value_of(namespace, key, put),
                ttl_s=3_600,
            )
            if put % 20 == 0:
                own = b"own %d" % put
                if cache.put(namespace="own", key=own, value=own, ttl_s=3_600) is not None:
                    cache.flush()
                    told.write(f"kept own {put}\n")
            if put % 33 == 0:
                gone = b"gone %d" % put
                identity = cache.put(namespace="own", key=gone, value=gone, ttl_s=3_600, tag=f"tag {put}")
                if identity is not None and put % 2:
                    cache.report(identity, ok=False)
                else:
                    cache.purge(tag=f"tag {put}")
                told.write(f"gone gone {put}\n")


def forked(path: Path, log: Path, seed: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            work(path, log, seed)
        except BaseException as error:  # noqa: BLE001 - it is told, and the status says so
            print("worker:", repr(error), file=sys.stderr, flush=True)
        os._exit(1)
    return child


def batch(folder: Path, chance: Random, kills: int, seed: int) -> list[str]:
    """Some kills on one file; gives what was wrong."""
    path, started = folder / "cache.db", 0

    def start() -> int:
        nonlocal started
        started += 1
        return forked(path, folder / f"{started}.log", seed + started)

    running = [start() for _ in range(WORKERS)]
    faults = []
    time.sleep(0.3)
    for _ in range(kills):
        time.sleep(chance.random() * 0.08)
        victim = running.pop(chance.randrange(len(running)))
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        status = os.waitpid(victim, 0)[1]
        if status != signal.SIGKILL:
            faults.append(f"a worker ended by itself with {status}")
        running.append(start())
    for process in running:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    return faults + aftermath(folder, path, chance)


def aftermath(folder: Path, path: Path, chance: Random) -> list[str]:
    """Open what the killed left, and compare it with what they told."""
    faults = []
    with opened(path) as cache:
        faults += wrong_answers(cache, chance, 200)
        if cache.stats()["damaged"] or list(folder.glob("*.damaged*")):
            faults.append(f"damaged: {cache.stats()}")
        for log in folder.glob("*.log"):
            for line in log.read_text(encoding="utf-8").splitlines():
                kind, _, rest = line.partition(" ")
                if kind == "wrong":
                    faults.append(rest)
                elif kind in ("kept", "gone") and rest.count(" ") == 1:
                    hit = cache.get(namespace="own", key=rest.encode())
                    if (hit is not None) != (kind == "kept"):
                        faults.append(f"{rest}: told as {kind}, found {hit}")
        cache.put(namespace="own", key=b"after", value=b"v", ttl_s=60)
        cache.flush()
    return faults


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    chance, done, faults = Random(asked.seed), 0, []
    while done < asked.rounds and not faults:
        folder = Path(tempfile.mkdtemp(prefix="tierkit-cache-"))
        kills = min(BATCH, asked.rounds - done)
        faults = batch(folder, chance, kills, done * 100)
        done += kills
        if not faults:
            shutil.rmtree(folder)
    print(f"{done} kills, seed {asked.seed}; {len(faults)} faults")
    for fault in faults[:20]:
        print(" ", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
