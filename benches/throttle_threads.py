"""Two threads next to one: takes on keys of their own, each thread with its own handle (T4)."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 200_000


def takes(threads: int) -> Callable[[], float]:
    """Ns from one take to the next, by all threads together."""
    limiter = tk.Limiter([tk.Limit("1000000000 requests/second", per=["org"])])
    handles = [limiter.bind({"org": f"org-{number}"}).take for number in range(threads)]

    def job(take: Callable[[], object]) -> None:
        for _ in range(CALLS // threads):
            take()

    def once() -> float:
        workers = [threading.Thread(target=job, args=(take,)) for take in handles]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return (time.perf_counter() - began) / CALLS * 1e9

    return once
