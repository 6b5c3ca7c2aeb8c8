"""L17: a program opens `ledger.db` with Python's own sqlite3, within a process that governs.

Two copies of SQLite in one process drop each other's file locks (POSIX locks belong to the process), so that is not to
be done. The election of the writer does not hang on those locks, and the ledger is whole if it is done all the same.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import tierkit as tk
from tierkit.cli.frame import run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

BUDGET = tk.Budget("100 USD", period="total", name="all")
OTHER = """
import sys, tierkit as tk
with tk.Ledger([tk.Budget("100 USD", period="total", name="all")], state=sys.argv[1]) as ledger:
    for n in range(200):
        ledger.post(ledger.reserve({}, usd="0.01", id=f"other-{n}"), usd="0.01")
"""


def read(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        (count,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    connection.close()
    return int(count)


def test_L17_a_reader_of_ones_own_process_takes_no_lock_from_the_writer(  # noqa: N802 - the row's name
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tk.Ledger([BUDGET], state=tmp_path) as ledger:
        other = subprocess.Popen([sys.executable, "-c", OTHER, str(tmp_path)])
        for n in range(200):
            ledger.post(ledger.reserve({}, usd="0.01", id=f"own-{n}"), usd="0.01")
            if n % 20 == 0:
                ledger.flush()
                assert read(tmp_path / "ledger.db") >= 2 * n
        assert other.wait(60) == 0
        ledger.flush()
        (row,) = ledger.balances()
        assert (row.posted, row.pending) == (4, 0)
    assert read(tmp_path / "ledger.db") == 2 * 400
    assert run(["ledger", "verify", "--state", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
