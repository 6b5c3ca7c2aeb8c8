"""Fault row L5: limits of the process. A file size that kills it, no memory to map, no memory at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.report.export import ledger_entries
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
PRICE = Decimal("0.001002")

# Each id is told once its settle has returned. Standard output is a pipe, which no limit of file sizes concerns.
START = """
import os, resource, signal, sys
from pathlib import Path
import tierkit as tk
tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("9000 USD", name="all", period="total")])
state = Path(sys.argv[1])
def work(governor, name, count):
    for number in range(count):
        admission = governor.admit(None, input_tokens=1_000, max_output_tokens=10, id=f"{name}/{number}")
        admission.settle(tk.Usage(1_000, 1))
        os.write(1, f"{name}/{number}\\n".encode())
def size_kb():
    return int(Path("/proc/self/status").read_text().split("VmSize:")[1].split()[0])
"""

FILE_SIZE = """
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, other programs do not
governor = tk.Governor(policy, state=state, durability=sys.argv[2])
work(governor, "first", 20)
governor.flush()
size = (state / "ledger.db-wal").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20_000, resource.RLIM_INFINITY))
work(governor, "second", 100_000)
"""

MAPPING = """
tk.Governor(policy, state=state / "warm").close()
free = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, ((size_kb() + 16 * 1024) * 1024, free[1]))  # a segment has 34 MiB
try:
    tk.Governor(policy, state=state / "new")
except tk.StateError as error:
    print(error.path, "|", error)
resource.setrlimit(resource.RLIMIT_AS, free)
with tk.Governor(policy, state=state / "new") as governor:
    governor.admit(None, input_tokens=1, max_output_tokens=1).cancel()
"""

MEMORY = """
governor = tk.Governor(policy, state=state)
work(governor, "first", 500)
governor.flush()
resource.setrlimit(resource.RLIMIT_AS, ((size_kb() + 512) * 1024, resource.RLIM_INFINITY))
kept = []
try:
    while True:
        kept.append(bytearray(4096))
except MemoryError:
    pass
work(governor, "second", 3_000)
"""


def _run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    start = [sys.executable, "-W", "ignore", "-c", START + code, *map(str, arguments)]
    return subprocess.run(start, capture_output=True, text=True, timeout=100, check=False)


def _holds_what_was_told(state: Path, told: list[str]) -> None:
    """Every settle that returned is there once, and the next start goes on from there."""
    with tk.Ledger([tk.Budget("9000 USD", name="all", period="total")], state=state) as ledger:
        ledger.flush()
        (row,) = ledger.balances()
    proof = LedgerProof(state).run()
    assert proof["ok"], proof
    posted = [entry["id"] for entry in ledger_entries(state) if entry["kind"] == "post"]
    assert len(posted) == len(set(posted))
    assert set(told) <= set(posted)
    # One more may have been booked whose caller was killed before it could tell.
    assert len(posted) <= len(told) + 1
    assert row.posted == len(posted) * PRICE


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
def test_L05_killed_by_the_limit_of_a_file_it_loses_nothing(tmp_path: Path, durability: str) -> None:  # noqa: N802 - the row's name
    done = _run(FILE_SIZE, tmp_path, durability)
    assert done.returncode == -signal.SIGXFSZ, (done.returncode, done.stderr)
    told = done.stdout.split()
    assert len(told) >= 20
    _holds_what_was_told(tmp_path, told)


def test_L05_a_segment_that_cannot_be_mapped_is_a_clear_error(tmp_path: Path) -> None:  # noqa: N802 - as above
    done = _run(MAPPING, tmp_path)
    assert done.returncode == 0, done.stderr
    path, _, sentence = done.stdout.strip().partition(" | ")
    assert path.startswith(str(tmp_path / "new"))
    assert "memory" in sentence


def test_L05_without_memory_nothing_that_was_told_is_lost(tmp_path: Path) -> None:  # noqa: N802 - as above
    done = _run(MEMORY, tmp_path)
    # It goes on, or Python or the allocator gives up; never silently.
    assert done.returncode in {0, 1, -signal.SIGABRT}, (done.returncode, done.stderr)
    assert done.returncode != 1 or "MemoryError" in done.stderr or "StateError" in done.stderr, done.stderr
    told = done.stdout.split()
    assert len(told) >= 500
    _holds_what_was_told(tmp_path, told)
