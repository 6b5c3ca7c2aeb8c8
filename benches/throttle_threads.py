"""Two threads next to one: takes on keys of their own, each thread with its own handle (T4).

Beside it a call that does nothing of ours: what two threads lose there is the interpreter's hand-over between them.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CALLS = 200_000


def takes(threads: int) -> Callable[[], float]:
    """Ns from one take to the next, by all threads together."""
    limiter = tk.Limiter([tk.Limit("1000000000 requests/second", per=["org"])])
    return _calls([limiter.bind({"org": f"org-{number}"}).take for number in range(threads)])


def readings(threads: int) -> Callable[[], float]:
    """Ns from one reading of the clock to the next, by all threads together."""
    return _calls([time.time] * threads)


def _calls(calls: Sequence[Callable[[], object]]) -> Callable[[], float]:
    def job(call: Callable[[], object]) -> None:
        for _ in range(CALLS // len(calls)):
            call()

    def once() -> float:
        workers = [threading.Thread(target=job, args=(call,)) for call in calls]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return (time.perf_counter() - began) / CALLS * 1e9

    return once
