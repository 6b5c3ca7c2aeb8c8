"""One limit for every way in which servers and pools make processes, and no deadlock in what they fork."""

from __future__ import annotations

import http.client
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

BURST, ASKED = 60, 150
# The handlers block for a moment, so that parallel requests reach more than one worker.
SERVED = f"""
import os, time
import tierkit as tk
limiter = tk.Limiter([tk.Limit("1 requests/52w", name="rate", burst={BURST})], state=os.environ["STATE"])

def answer():
    time.sleep(0.005)
    return (200 if limiter.take() else 429), str(os.getpid()).encode()

def wsgi(environ, start):
    status, body = answer()
    start(f"{{status}} said", [("Content-Length", str(len(body)))])
    return [body]

async def asgi(scope, receive, send):
    status, body = answer()
    length = [(b"content-length", str(len(body)).encode())]
    await send({{"type": "http.response.start", "status": status, "headers": length}})
    await send({{"type": "http.response.body", "body": body}})
"""
SERVERS = {
    "gunicorn": ["gunicorn", "--preload", "-w", "4", "--no-control-socket", "served:wsgi", "-b"],
    "uvicorn": ["uvicorn", "--workers", "2", "--lifespan", "off", "--log-level", "error", "served:asgi", "--uds"],
}


class Local(http.client.HTTPConnection):
    """HTTP over a socket file."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask(path: str) -> tuple[int, bytes]:
    connection = Local(path)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def wait_for(path: str, server: subprocess.Popen[str]) -> None:
    """Until it listens; connecting asks nothing."""
    for _ in range(400):
        assert server.poll() is None, server.communicate()[0]
        with socket.socket(socket.AF_UNIX) as tried:
            if tried.connect_ex(path) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the server does not listen")


@pytest.mark.parametrize("name", SERVERS)
def test_all_workers_of_a_server_have_one_limit(tmp_path: Path, name: str) -> None:
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    (tmp_path / "served.py").write_text(SERVED)
    path = str(tmp_path / "socket")
    bound = f"unix:{path}" if name == "gunicorn" else path
    server = subprocess.Popen(
        [sys.executable, "-m", *SERVERS[name], bound],
        cwd=tmp_path,
        env={**os.environ, "STATE": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(path, server)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, [path] * ASKED))
    finally:
        server.terminate()
        said = server.communicate(timeout=30)[0]
    assert [status for status, _ in answers].count(200) == BURST, said
    assert len({worker for _, worker in answers}) > 1


POOLED = """
import multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
import tierkit as tk

limiter = None

def begin():
    global limiter
    if limiter is None:  # a forked child has its parent's
        limiter = tk.Limiter([tk.Limit("1 requests/52w", name="rate", burst=60)], state=os.environ["STATE"])

def take(_):
    begin()
    return bool(limiter.take())

def tell(queue):
    queue.put(sum(take(None) for _ in range(50)))

if __name__ == "__main__":
    begin()
    way = multiprocessing.get_context(sys.argv[1])
    if sys.argv[2] == "executor":
        with ProcessPoolExecutor(3, mp_context=way) as pool:
            taken = sum(pool.map(take, range(150), chunksize=5))
    else:
        queue = way.SimpleQueue()
        children = [way.Process(target=tell, args=(queue,)) for _ in range(3)]
        [child.start() for child in children]
        taken = sum(queue.get() for _ in children)
        [child.join() for child in children]
        assert [child.exitcode for child in children] == [0, 0, 0]
    print(taken, bool(limiter.take()))
    limiter.close()
"""


@pytest.mark.parametrize("how", ["executor", "process"])
@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
def test_all_processes_of_a_pool_have_one_limit(tmp_path: Path, way: str, how: str) -> None:
    program = tmp_path / "pooled.py"
    program.write_text(POOLED)
    assert ran([str(program), way, how], tmp_path) == f"{BURST} False\n"


def ran(arguments: list[str], folder: Path, **environment: str) -> str:
    """What a program says; one that is stuck fails the test."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        env={**os.environ, "STATE": str(folder / "state"), **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


BEGIN = """
import os, signal, sys, threading
import tierkit as tk
policy = tk.Policy(
    tiers=[tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})],
    limits=[tk.Limit(concurrency=50, name="slots")],
    budgets=[tk.Budget("1000 USD", name="spend", period="total")],
)
durability = os.environ["DURABILITY"]
state = None if durability == "memory" else os.environ["STATE"]
governor = tk.Governor(policy, state=state, durability="relaxed" if state is None else durability)
def one():
    governor.admit(None, input_tokens=1_000, max_output_tokens=1).settle(tk.Usage(1_000, 0))
"""
# Threads are inside calls at every fork. A child that cannot take a lock is ended by its alarm, with another status.
FORKED = """
import os, signal, threading
import tierkit as tk
durability = os.environ["DURABILITY"]
state = None if durability == "memory" else os.environ["STATE"]
budget = tk.Budget("1000000 USD", name="spend", period="total")
ledger = tk.Ledger([budget], state=state, durability="relaxed" if state is None else durability)
def one():
    ledger.post(ledger.reserve(usd="0.001"), usd="0.001")
done = threading.Event()
def busy():
    while not done.is_set():
        one()
threads = [threading.Thread(target=busy) for _ in range(3)]
[thread.start() for thread in threads]
codes = []
for _ in range(30):
    child = os.fork()
    if child == 0:
        signal.alarm(15)
        for _ in range(3):
            one()
        ledger.flush()
        os._exit(0)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
[thread.join() for thread in threads]
one()
print(set(codes))
"""
DURABILITIES = pytest.mark.parametrize("durability", ["memory", "relaxed", "strict"])


@DURABILITIES
def test_a_fork_while_threads_are_inside_calls_leaves_no_lock_behind(tmp_path: Path, durability: str) -> None:
    assert ran(["-c", FORKED], tmp_path, DURABILITY=durability) == "{0}\n"


def test_a_fork_while_a_thread_tells_of_a_release_leaves_no_lock_behind(tmp_path: Path) -> None:
    code = f"""{BEGIN}
# A thread that is between the lines of a step of `Waiting` when another one forks.
threading.Thread(target=governor._engine.waiting._lock.acquire).start()
child = os.fork()
if child == 0:
    signal.alarm(2)
    one()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert ran(["-c", code], tmp_path, DURABILITY="memory") == "0\n"


LEAVING = {
    "without a call": "pass",
    "after a call": "one()",
    "after closing": "one(); governor.close()",
    "after closing at once": "governor.close()",
}


@DURABILITIES
@pytest.mark.parametrize("leaving", LEAVING)
def test_a_child_that_ends_leaves_its_parent_working(tmp_path: Path, durability: str, leaving: str) -> None:
    code = f"""{BEGIN}
one()
for _ in range(3):
    child = os.fork()
    if child == 0:
        signal.alarm(15)
        {LEAVING[leaving]}
        sys.exit(0)  # with all that an interpreter does at its end
    assert os.waitpid(child, 0)[1] == 0
    one()
    governor.flush()
print(governor.balances()[0].posted)
governor.close()
"""
    shared = durability != "memory" and "one" in LEAVING[leaving]
    assert ran(["-c", code], tmp_path, DURABILITY=durability) == f"{'0.007' if shared else '0.004'}\n"


def test_a_process_that_was_stopped_has_no_more_than_its_burst(tmp_path: Path) -> None:
    code = """
import os, time
import tierkit as tk
limiter = tk.Limiter([tk.Limit("100 requests/second", name="rate", burst=10)], state=os.environ["STATE"])
began, taken, longest, last = time.monotonic(), 0, 0.0, time.monotonic()
print("up", flush=True)
while longest < 1 or time.monotonic() - last < 0.2:
    taken += bool(limiter.take())
    now = time.monotonic()
    if now - last > 1:
        longest = now - last
    last = now if longest < 1 else last
    if longest >= 1 and now - last > 0.2:
        break
print(taken, now - began, longest)
"""
    worker = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "STATE": str(tmp_path)}, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    worker.stdout.readline()
    worker.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    worker.send_signal(signal.SIGCONT)
    taken, lasted_s, stopped_s = (float(word) for word in worker.communicate(timeout=30)[0].split())
    # Before and after the stop a full bucket at most, and what refills while it runs.
    assert taken <= 10 + 10 + 100 * (lasted_s - stopped_s) + 1
