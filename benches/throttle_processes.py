"""One hot key in several processes: our shared state, and a Redis script over a unix socket."""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from throttle_peers import absent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.synchronize import Barrier

OURS, PEER = 100_000, 2_000
# A bucket as such scripts are written: level and instant in a hash, the server's time, one key.
SCRIPT = """
local now = redis.call('TIME'); now = now[1] * 1000000 + now[2]
local seen = redis.call('HMGET', KEYS[1], 'level', 'at')
local level = math.min(1e9, (tonumber(seen[1]) or 1e9) + (now - (tonumber(seen[2]) or now)) * 1000)
if level < 1 then return 0 end
redis.call('HSET', KEYS[1], 'level', level - 1, 'at', now)
return 1
"""


def _ours(state: str | None, barrier: Barrier) -> None:
    import tierkit as tk  # noqa: PLC0415 - each process opens its own

    limiter = tk.Limiter([tk.Limit("1000000000 requests/second", name="rate")], state=state)
    take = limiter.bind({}).take
    take()
    barrier.wait()
    for _ in range(OURS):
        take()
    barrier.wait()


def _peer(address: str, barrier: Barrier) -> None:
    import redis  # noqa: PLC0415 - it may be absent

    call = redis.Redis(unix_socket_path=address).register_script(SCRIPT)
    call(keys=["ada"])
    barrier.wait()
    for _ in range(PEER):
        call(keys=["ada"])
    barrier.wait()


def _together(count: int, job: Callable[..., None], place: str | None, calls: int) -> float:
    """Ns from one call to the next, by all processes together."""
    way = multiprocessing.get_context("spawn")
    barrier = way.Barrier(count + 1)
    children = [way.Process(target=job, args=(place, barrier)) for _ in range(count)]
    for child in children:
        child.start()
    barrier.wait(60)
    began = time.perf_counter()
    barrier.wait(60)
    took = time.perf_counter() - began
    for child in children:
        child.join()
    return took / (calls * count) * 1e9


def ours(count: int, *, shared: bool) -> Callable[[], float]:
    def once() -> float:
        with TemporaryDirectory() as state:
            return _together(count, _ours, state if shared else None, OURS)

    return once


def peer(count: int, address: str) -> Callable[[], float]:
    return lambda: _together(count, _peer, address, PEER)


@contextlib.contextmanager
def redis_server() -> Iterator[str | None]:
    """A server of its own on a socket file; None where there is none."""
    try:
        import redis  # noqa: F401, PLC0415 - it may be absent
    except ImportError:
        absent("redis (the client)")
        yield None
        return
    program = shutil.which("redis-server")
    if program is None:
        absent("redis-server")
        yield None
        return
    with TemporaryDirectory() as folder:
        address = str(Path(folder) / "socket")
        server = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", address, "--save", "", "--appendonly", "no", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            while not Path(address).exists() and server.poll() is None:
                time.sleep(0.02)
            yield address
        finally:
            server.terminate()
            server.wait()
