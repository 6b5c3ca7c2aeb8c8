"""A process that works on a shared state until it is killed, and writes down what it asks and what was answered.

A line is `mark kind id nano-USD`: `?` before a call, `!` when it was done, `-` when it was refused, `~` when it failed.
What was killed in between has its `?` only. Lines go to the kernel at once, so they outlive the process.
"""

from __future__ import annotations

import os
import time
from random import Random
from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEAMS = ("a", "b", "c")
SLOTS = 64
TAKES = 10**9
# Nano-USD of a token in and out.
INPUT, OUTPUT = 1_000, 2_000
CALLS, RAW = {"kind": "call"}, {"kind": "raw"}
POLICY = tk.Policy(
    tiers=[tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})],
    limits=[
        tk.Limit(concurrency=SLOTS, name="slots", where=CALLS),
        # One unit a year: what is missing from the bucket was taken.
        tk.Limit("1 output_tokens/52w", name="taken", burst=TAKES, where=RAW),
    ],
    budgets=[
        tk.Budget("1000000 USD", name="teams", period="total", per=["team"], where=CALLS),
        tk.Budget("1000000 USD", name="all", period="total", where=CALLS),
    ],
    reservation_ttl_s=86_400,
)


class Worker:
    def __init__(self, governor: tk.Governor, log: Path, seed: int) -> None:
        self.chance, self.seed, self.count = Random(seed), seed, 0
        self.log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.governor = governor
        gate = self.governor._engine.gate
        self.raw = gate.bind(RAW)

    def tell(self, mark: str, kind: str, name: str, nusd: int) -> None:
        os.write(self.log, f"{mark} {kind} {name} {nusd}\n".encode())

    def call(self, kind: str, name: str, nusd: int, work: Callable[[], object]) -> object:
        """None when it was not done, or nobody knows."""
        self.tell("?", kind, name, nusd)
        try:
            answer = work()
        except (tk.StateError, tk.Refused) as error:
            self.tell("~" if isinstance(error, tk.StateError) else "-", kind, name, nusd)
            return None
        self.tell("!", kind, name, nusd)
        return answer

    def one(self) -> None:
        self.count += 1
        name = f"{self.seed}/{self.count}"
        if self.chance.random() < 0.2:
            self.call("take", name, 1, lambda: self.raw.take(requests=0, output_tokens=1))
            return
        tokens, output = self.chance.randrange(1, 500), self.chance.randrange(1, 50)
        labels = CALLS | {"team": self.chance.choice(TEAMS)}
        reserved = tokens * INPUT + output * OUTPUT
        admission = self.call(
            "reserve",
            name,
            reserved,
            lambda: self.governor.admit(None, labels=labels, input_tokens=tokens, max_output_tokens=output, id=name),
        )
        if isinstance(admission, tk.Admission):
            self.end(admission, name, tokens, self.chance.randrange(2 * output))

    def end(self, admission: tk.Admission, name: str, tokens: int, output: int) -> None:
        way = self.chance.random()
        if way < 0.02:
            return  # forgotten: it stays on hold
        if way < 0.2:
            self.call("void", name, 0, admission.cancel)
            return
        usage = tk.Usage(tokens, output)
        self.call("post", name, tokens * INPUT + output * OUTPUT, lambda: admission.settle(usage))
        if way < 0.4:
            self.again(admission, usage)

    def again(self, admission: tk.Admission, usage: tk.Usage) -> None:
        """The same end once more, which books nothing; a failed first one may be made good here."""
        name, nusd = admission.id, usage.input_tokens * INPUT + usage.output_tokens * OUTPUT
        self.call("again", name, nusd, lambda: admission.settle(usage))


def opened(state: Path, durability: str) -> tk.Governor:
    until_s = time.monotonic() + 30
    while True:
        try:
            return tk.Governor(POLICY, state=state, durability=durability)
        except tk.StateError:
            # A stopped process may hold the lock that an attach needs; it goes on, or is killed.
            if time.monotonic() > until_s:
                raise


def work(state: Path, log: Path, seed: int, durability: str) -> None:
    """Work until killed."""
    worker = Worker(opened(state, durability), log, seed)
    while True:
        worker.one()
