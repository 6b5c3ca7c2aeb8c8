"""A strict caller that waits for the disk stands alone: the other threads of its process run on."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import tierkit as tk

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
HELD_S = 0.3
# A process of its own: record locks do not hold against the process that has them.
HOLDER = """
import sqlite3, sys
disk = sqlite3.connect(sys.argv[1], isolation_level=None)
disk.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_others_run_while_a_commit_is_waited_for(tmp_path: Path) -> None:
    """The ledger is held up until this thread lets it go, which it can only do if it still runs."""
    policy = tk.Policy(tiers=[tk.Tier("only", model="m", price=PRICE)], budgets=[tk.Budget("1 USD", period="day")])
    admitted: list[tk.Admission] = []
    with tk.Governor(policy, state=tmp_path, durability="strict") as governor:
        governor.admit("first", max_output_tokens=1).cancel()
        program = [sys.executable, "-c", HOLDER, str(tmp_path / "ledger.db")]
        with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdin is not None
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            caller = threading.Thread(target=lambda: admitted.append(governor.admit("second", max_output_tokens=1)))
            caller.start()
            caller.join(HELD_S)
            waited = caller.is_alive()
            holder.stdin.close()
        caller.join()
        assert waited, "the caller was answered before its commit, or kept this thread from running"
        assert len(admitted) == 1
        admitted[0].cancel()
