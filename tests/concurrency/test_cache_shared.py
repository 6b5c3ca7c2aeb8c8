"""One cache file, many processes: what one puts, reports or purges, the others know; a fork takes no handle along."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

import pytest

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WAIT_S = 20.0


def until(true: Callable[[], object]) -> None:
    end_s = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end_s, "did not happen"
        time.sleep(0.005)


class Worker:
    """Another process with the same cache, told by lines what to do."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-c", _WORKER, str(path)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __enter__(self) -> Self:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        assert self.process.wait(WAIT_S) == 0
        self.process.stdout.close()

    def do(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().strip()


_WORKER = """
import sys
import tierkit as tk
with tk.SemanticCache(path=sys.argv[1]) as cache:
    print("ready", flush=True)
    for line in sys.stdin:
        what, _, rest = line.strip().partition(" ")
        if what == "put":
            key, _, value = rest.partition(" ")
            text = f"what is {key}"
            cache.put(namespace="a", key=key.encode(), text=text, embedding=tk.cache.embed(text), value=value.encode(),
                      ttl_s=600, tag="made by worker")
            cache.flush()
            print("done", flush=True)
        elif what == "get":
            hit = cache.get(namespace="a", key=rest.encode())
            print("-" if hit is None else hit.value.decode(), flush=True)
        elif what == "report":
            hit = cache.get(namespace="a", key=rest.encode())
            print(cache.report(hit.id, ok=False), flush=True)
        elif what == "purge":
            print(cache.purge(tag=rest), flush=True)
"""


def value(cache: tk.SemanticCache, key: str) -> bytes | None:
    hit = cache.get(namespace="a", key=key.encode())
    return None if hit is None else hit.value


def test_two_processes_share_puts_reports_and_purges(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with tk.SemanticCache(path=path) as cache, Worker(path) as worker:
        worker.do("put fox red")
        until(lambda: value(cache, "fox") == b"red")
        text = "what is a fox"
        near = cache.get(namespace="a", key=b"?", text=text, embedding=tk.cache.embed(text))
        assert near is None or near.value == b"red"
        cache.put(namespace="a", key=b"fox", value=b"grey", ttl_s=600, tag="ours")
        cache.flush()
        until(lambda: worker.do("get fox") == "grey")
        assert worker.do("report fox") == "True"
        until(lambda: value(cache, "fox") is None)
        for number in range(20):
            worker.do(f"put {number} v{number}")
        until(lambda: all(value(cache, str(number)) for number in range(20)))
        cache.put(namespace="a", key=b"stays", value=b"v", ttl_s=600, tag="ours")
        assert cache.purge(tag="made by worker") == 20
        until(lambda: all(worker.do(f"get {number}") == "-" for number in range(20)))
        until(lambda: worker.do("get stays") == "v")
        assert cache.stats()["damaged"] == cache.stats()["faults"] == 0


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with tk.SemanticCache(path=path) as cache:
        program = (
            "import sys, tierkit as tk\n"
            "with tk.SemanticCache(path=sys.argv[1]) as cache:\n"
            "    for number in range(300):\n"
            "        key = f'{sys.argv[2]}-{number}'.encode()\n"
            "        cache.put(namespace='a', key=key, value=key * 20, ttl_s=600)\n"
        )
        writers = [subprocess.Popen([sys.executable, "-c", program, str(path), str(number)]) for number in range(4)]
        assert [writer.wait(60) for writer in writers] == [0] * 4
        until(lambda: len(cache) == 1_200)
        for key in (f"{writer}-{number}" for writer in range(4) for number in range(300)):
            assert value(cache, key) == key.encode() * 20
    with tk.SemanticCache(path=path) as cache:
        assert len(cache) == 1_200


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_parent_and_child_go_on_after_a_fork(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with tk.SemanticCache(path=path) as cache:
        cache.put(namespace="a", key=b"before", value=b"1", ttl_s=600)
        children = []
        for number in range(4):
            child = os.fork()
            if child == 0:
                try:
                    ok = value(cache, "before") in (b"1", None)
                    cache.put(namespace="a", key=b"child %d" % number, value=b"c%d" % number, ttl_s=600)
                    cache.flush()
                    until(lambda: value(cache, "before") == b"1")
                    until(lambda: value(cache, "parent") == b"2")
                    cache.close()
                    os._exit(0 if ok else 1)
                finally:
                    os._exit(2)
            children.append(child)
            cache.put(namespace="a", key=b"parent", value=b"2", ttl_s=600)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        until(lambda: all(value(cache, f"child {number}") == b"c%d" % number for number in range(4)))
        assert cache.stats()["faults"] == 0
    with tk.SemanticCache(path=path) as cache:
        assert len(cache) == 6


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("beside_a_file", [False, True])
def test_a_fork_while_threads_are_inside_leaves_no_lock_behind(tmp_path: Path, *, beside_a_file: bool) -> None:
    path = tmp_path / "cache.db" if beside_a_file else None
    stop = threading.Event()
    with tk.SemanticCache(path=path, memory_bytes=20_000) as cache:

        def work(name: int) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                cache.put(namespace="a", key=b"%d-%d" % (name, number % 50), value=bytes(1_000), ttl_s=600)
                cache.get(namespace="a", key=b"%d-%d" % (name, (number + 7) % 50))

        threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(15):
                child = os.fork()
                if child == 0:
                    cache.put(namespace="a", key=b"child", value=b"c", ttl_s=600)
                    os._exit(0 if value(cache, "child") == b"c" else 1)
                until(lambda child=child: os.waitpid(child, os.WNOHANG) == (child, 0))
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_governors_of_one_directory_share_answers(tmp_path: Path) -> None:
    program = (
        "import sys, tierkit as tk\n"
        "price = {'input': '1 USD/Mtok', 'output': '2 USD/Mtok'}\n"
        "policy = tk.Policy(tiers=[tk.Tier('small', model='m', price=price)])\n"
        "with tk.Governor(policy, state=sys.argv[1]) as governor:\n"
        "    with governor.admit('Say hello', labels={'org': 'acme'}, max_output_tokens=10) as admission:\n"
        "        hit = admission.hit\n"
        "        if hit is None:\n"
        "            admission.settle(tk.Usage(input_tokens=8, output_tokens=4), answer='Hello!')\n"
        "    print(None if hit is None else (hit.value, str(hit.saved)))\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "state")]
    told = [subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout for _ in range(2)]
    assert told[0] == "None\n"
    assert told[1] == "(b'Hello!', '0.000016')\n"
    assert (tmp_path / "state" / "cache.db").stat().st_mode & 0o777 == 0o600
