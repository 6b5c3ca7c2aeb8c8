"""A few of the rounds that `make crash` runs by the thousand, and that they would see a loss."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

# One worker's day, then its ledger as it is told: nothing, or one row, changed.
TAMPERED = """
import sqlite3, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from crash_checks import ledger_faults, told
from crash_worker import Worker, opened
folder, change = Path(sys.argv[2]), sys.argv[3]
worker = Worker(opened(folder / "state", "strict"), folder / "1.log", 1)
for _ in range(40):
    worker.one()
worker.governor.close()
del worker
database = sqlite3.connect(folder / "state" / "ledger.db")
database.execute(change)
database.commit()
database.close()
print(ledger_faults(folder / "state", told([folder / "1.log"])))
"""

COLUMNS = (
    "reservation, kind, at_ns, nano_usd, labels, units, usage, flags, saved_nano_usd, expires_ns, hash, adjustment, "
    "changes"
)
TWICE = f"INSERT INTO entry SELECT seq + 1000, {COLUMNS} FROM entry WHERE seq = 1"  # noqa: S608 - no input in it


def test_killed_processes_lose_nothing() -> None:
    start = [sys.executable, "-W", "ignore", str(HERE / "crash_rounds.py"), "--rounds", "30"]
    ended = subprocess.run(start, capture_output=True, text=True, timeout=55, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "; 0 faults" in ended.stdout


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("SELECT 1", "[]"),
        ("DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry WHERE kind = 'post')", "acknowledged and lost"),
        ("UPDATE entry SET nano_usd = nano_usd + 1 WHERE seq = 1", "not "),
        (TWICE, "2 times"),
        ("UPDATE account SET posted = posted + 1 WHERE rule = 'all'", "its postings"),
    ],
    ids=["nothing", "lost", "amount", "twice", "sum"],
)
def test_the_rounds_would_see(tmp_path: Path, change: str, found: str) -> None:
    start = [sys.executable, "-W", "ignore", "-c", TAMPERED, str(HERE), str(tmp_path), change]
    ended = subprocess.run(start, capture_output=True, text=True, timeout=55, check=True)
    assert found in ended.stdout
