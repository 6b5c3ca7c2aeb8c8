"""A few calls on a shared state whose disk fails, written down as `crash_worker` does.

python failing_worker.py STATE LOG DURABILITY
"""

from __future__ import annotations

import sys
from pathlib import Path

from crash_worker import CALLS, INPUT, OUTPUT, POLICY, Worker

import tierkit as tk

REQUESTS, TOKENS, RESERVED, USED = 4, 10, 5, 3
# One fault alone is over at the next try.
TRIES = 3


def opened(state: Path, log: Path, durability: str) -> Worker | None:
    """A worker on the state; None when it cannot be opened, which is told as the documented error."""
    for _ in range(TRIES):
        try:
            return Worker(tk.Governor(POLICY, state=state, durability=durability), log, 1)
        except tk.StateError as error:
            print("StateError", error)
    return None


def request(worker: Worker, name: str) -> None:
    """Reserves and ends one request, each call tried again when its answer is not known."""
    labels, nusd = CALLS | {"team": "a"}, TOKENS * INPUT + RESERVED * OUTPUT

    def ask() -> tk.Admission:
        return worker.governor.admit(None, labels=labels, input_tokens=TOKENS, max_output_tokens=RESERVED, id=name)

    for _ in range(TRIES):
        admission = worker.call("reserve", name, nusd, ask)
        if isinstance(admission, tk.Admission):
            end(worker, admission, name)
            return


def end(worker: Worker, admission: tk.Admission, name: str) -> None:
    for _ in range(TRIES):
        if worker.call("post", name, TOKENS * INPUT + USED * OUTPUT, lambda: admission.settle(tk.Usage(TOKENS, USED))):
            return


def main(state: Path, log: Path, durability: str) -> None:
    worker = opened(state, log, durability)
    if worker is None:
        return
    for number in range(REQUESTS):
        request(worker, f"{log.stem}/{number}")
    for last in (worker.governor.flush, worker.governor.close):
        try:
            last()
        except tk.StateError as error:
            print("StateError", error)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
