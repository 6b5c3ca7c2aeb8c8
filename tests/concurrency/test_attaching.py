"""A process that attaches gives back what the dead one before it held; meanwhile the others work on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# Two work all the time. Again and again one dies with many open reservations, and the next takes over its number.
PROGRAM = """
import os, signal, time
import tierkit as tk

def opened():
    return tk.Ledger([tk.Budget("1000000 USD", period="total")], state=os.environ["STATE"])

def forked(job):
    child = os.fork()
    if child == 0:
        try:
            job(opened())
        except tk.StateError as error:
            os.write(1, f"{error}\\n".encode())
        os._exit(0)
    return child

def busy(ledger):
    while True:
        time.sleep(0.0005)
        ledger.post(ledger.reserve(usd="0.001"), usd="0.001")

def dying(ledger):
    for _ in range(1_500):
        ledger.reserve(usd="0.001")
    ledger.flush()
    os.kill(os.getpid(), signal.SIGKILL)

children = [forked(busy) for _ in range(2)]
time.sleep(0.4)
for _ in range(7):
    os.waitpid(forked(dying), 0)
    os.waitpid(forked(lambda ledger: ledger.flush()), 0)
for child in children:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
ledger = opened()
ledger.flush()
(row,) = ledger.balances()
print(10_500 <= int(row.pending * 1_000) <= 10_502)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_one_that_attaches_is_not_robbed(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "STATE": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.stdout == "True\n", ended.stdout + ended.stderr
