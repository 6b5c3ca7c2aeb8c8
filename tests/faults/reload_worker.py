"""Two policies that share nothing but a limit, and processes that work under them while they are exchanged.

Each policy has its own tier, price and budget, so a request that was decided by a mixture would show in the sums.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import count

import tierkit as tk

LIMIT = {"old": 1_000_000, "new": 1_500}
PRICE = {"old": 1, "new": 7}  # thousandths of a USD per request


def policy(kind: str) -> tk.Policy:
    price = {"input": f"{PRICE[kind]}000 USD/Mtok", "output": "0 USD/Mtok"}
    return tk.Policy(
        tiers=[tk.Tier(kind, model="m", price=price)],
        limits=[tk.Limit(f"{LIMIT[kind]} requests/8760h", name="rate", burst=LIMIT[kind])],
        budgets=[tk.Budget("1000000 USD", name=f"money-{kind}", period="total")],
    )


def ask(governor: tk.Governor, **more: object) -> tk.Admission:
    return governor.admit(None, input_tokens=1, max_output_tokens=1, cache="off", **more)  # type: ignore[arg-type]


def work(governor: tk.Governor, tiers: list[str], *, pause_s: float = 0.0) -> None:
    """Ask until the limit of the new policy is used up, and note which tier served."""
    refusals = 0
    while refusals < 20:
        try:
            admission = ask(governor)
        except tk.RateLimited:
            refusals += 1
            time.sleep(0.002)
        else:
            tiers.append(admission.tier)
            admission.settle(tk.Usage(1, 0))
            time.sleep(pause_s)


def load(governor: tk.Governor) -> None:
    tiers: list[str] = []
    work(governor, tiers, pause_s=0.001)
    governor.flush()
    print(json.dumps([tiers, governor.policy.tiers[0].name]), flush=True)


def wait(governor: tk.Governor) -> None:
    print(ask(governor, wait_s=30_000_000.0).tier, flush=True)


def flip(governor: tk.Governor) -> None:
    """Exchange the policies until killed."""
    for turn in count():
        governor.reload(policy(("new", "old")[turn % 2]))
        ask(governor, id=f"{os.getpid()}/{turn}").settle(tk.Usage(1, 0))


if __name__ == "__main__":
    _, what, kind, state = sys.argv
    LIMIT["new"] = LIMIT["old"] if what == "flip" else LIMIT["new"]
    opened = tk.Governor(policy(kind), state=state)
    print("up", flush=True)
    {"load": load, "wait": wait, "flip": flip}[what](opened)
    os._exit(0)
