"""Fault row L13: a ledger that is whole in itself, but not the one that the processes of its directory wrote."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a segment that outlives its processes")
BUDGETS = [tk.Budget("9 USD", name="all", period="total")]


def _spend(ledger: tk.Ledger, *names: str) -> None:
    for name in names:
        ledger.post(ledger.reserve(usd="0.02", id=name), usd="0.01")
    ledger.flush()


def _copy(state: Path, to: Path) -> None:
    """The file and its log as they are now."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        if (state / name).exists():
            shutil.copy(state / name, to / name)


def _put_back(older: Path, state: Path) -> None:
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (state / name).unlink(missing_ok=True)
        if (older / name).exists():
            shutil.copy(older / name, state / name)


def test_L13_an_older_file_and_log_beside_a_living_segment(tmp_path: Path) -> None:  # noqa: N802 - the row's name
    state, older = tmp_path / "state", tmp_path / "older"
    with tk.Ledger(BUDGETS, state=state) as ledger:
        _spend(ledger, "a", "b")
        _copy(state, older)
        assert LedgerProof(older).run()["ok"], "the copy is whole in itself"
        _spend(ledger, "c")
        assert LedgerProof(state).run()["ok"]
        # What the writer has open stays its own; whoever opens the names finds the copy.
        _put_back(older, state)
        found = LedgerProof(state).run()
    assert not found["ok"]
    assert found["finding"]["table"] == "head"
    assert "entry 4, but the processes of this directory saw entry 6 committed" in found["finding"]["what"]


def test_L13_an_older_file_beside_what_the_last_process_left(tmp_path: Path) -> None:  # noqa: N802 - as above
    state, older = tmp_path / "state", tmp_path / "older"
    with tk.Ledger(BUDGETS, state=state) as ledger:
        _spend(ledger, "a", "b")
    _copy(state, older)
    with tk.Ledger(BUDGETS, state=state) as ledger:
        _spend(ledger, "c")
    assert LedgerProof(state).run()["ok"]
    _put_back(older, state)
    assert not LedgerProof(state).run()["ok"]
    # An operator who restores a backup on purpose opens it: from then on the backup counts.
    with tk.Ledger(BUDGETS, state=state) as ledger:
        assert str(ledger.balances()[0].posted) == "0.02"
        _spend(ledger, "d")
    assert LedgerProof(state).run()["ok"]


def test_L13_another_history_of_the_same_length(tmp_path: Path) -> None:  # noqa: N802 - as above
    state, other, older = tmp_path / "state", tmp_path / "other", tmp_path / "older"
    for place, names in ((state, ("a", "b")), (other, ("x", "y", "z"))):
        with tk.Ledger(BUDGETS, state=place) as ledger:
            _spend(ledger, *names)
    _copy(other, older)
    _put_back(older, state)
    found = LedgerProof(state).run()
    assert (found["ok"], found["finding"]["seq"]) == (False, 4)
    assert "another entry" in found["finding"]["what"]
