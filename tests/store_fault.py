"""One governor whose disk fails for a while, as a program: it tells on one line of JSON what its callers saw.

python store_fault.py FAULT STATE ON_STATE_ERROR DURABILITY
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Iterator

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}


def policy(on_state_error: str) -> tk.Policy:
    budget = tk.Budget("9000 USD", name="all", period="total")
    return tk.Policy(tiers=[tk.Tier("only", model="m", price=PRICE)], budgets=[budget], on_state_error=on_state_error)


@contextmanager
def files_may_not_grow(state: Path) -> Iterator[None]:
    size = (state / "ledger.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextmanager
def no_descriptor_is_left(_state: Path) -> Iterator[None]:
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    taken = []
    try:
        while True:
            taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    yield
    for number in taken:
        os.close(number)


@contextmanager
def the_disk_is_full(state: Path) -> Iterator[None]:
    filler = state / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    yield
    filler.unlink()


FAULTS = {"fsize": files_may_not_grow, "nofile": no_descriptor_is_left, "full": the_disk_is_full}


def ask(governor: tk.Governor, number: int) -> tk.Admission:
    return governor.admit(None, input_tokens=1_000, max_output_tokens=10, id=f"r{number}")


def settle(admission: tk.Admission, told: dict[str, Any]) -> None:
    """With `strict` the caller hears of the fault, and the settle is kept all the same."""
    try:
        admission.settle(tk.Usage(1_000, 1))
    except tk.StateError:
        told["settles_unsure"] += 1
    told["settled"] += 1


def main(fault: str, state: Path, on_state_error: str, durability: str) -> dict[str, Any]:
    told: dict[str, Any] = {"settled": 0, "settles_unsure": 0, "admitted": 0, "refused": None, "unsure": 0}
    with tk.Governor(policy(on_state_error), state=state, durability=durability) as governor:
        early = [ask(governor, number) for number in range(20)]
        governor.flush()
        with FAULTS[fault](state):
            number, until = 20, time.monotonic() + 1.5
            while told["refused"] is None and number < 3_000 and time.monotonic() < until:
                try:
                    admission = ask(governor, number)
                    told["admitted"] += 1
                    settle(admission, told)
                except tk.StateError as error:
                    told["refused"] = [str(error), error.path, error.fix]
                    told["unsure"] = 1
                number += 1
            for admission in early[:10]:
                settle(admission, told)
        began, again = time.monotonic(), 10_000
        while True:
            again += 1  # what was given back is no admission any more
            try:
                ask(governor, again).cancel()
                governor.flush()
                break
            except tk.StateError:
                assert time.monotonic() - began < 10, "the fault stays when its cause is gone"
                time.sleep(0.02)
        told["recovered_ms"] = round((time.monotonic() - began) * 1_000)
        for admission in early[10:]:
            settle(admission, told)
        governor.flush()
        (row,) = governor.balances()
        told["posted"], told["pending"] = str(row.posted), str(row.pending)
    return told


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4])))
