"""Fault rows L3 and L5: the disk is full, files may not grow, no descriptor is left; then it is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tierkit as tk
from tierkit.report.export import ledger_entries
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits and mounts of Linux")
PROGRAM = Path(__file__).parents[1] / "store_fault.py"
CEILING, PRICE = Decimal("0.00102"), Decimal("0.001002")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the segment and a few MiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root to mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def _told(fault: str, state: Path, on_state_error: str, durability: str) -> dict[str, Any]:
    start = [sys.executable, "-W", "ignore", PROGRAM, fault, state, on_state_error, durability]
    done = subprocess.run(start, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)  # no SIGBUS, no SIGXFSZ
    return json.loads(done.stdout)


def _nothing_is_lost_or_double(state: Path, told: dict[str, Any]) -> None:
    proof = LedgerProof(state).run()
    assert proof["ok"], proof
    entries = list(ledger_entries(state))
    ends = [entry["id"] for entry in entries if entry["kind"] == "post"]
    assert len(ends) == len(set(ends)) == told["settled"]
    posted = sum(Decimal(entry["usd"]) for entry in entries if entry["kind"] == "post")
    assert posted == Decimal(told["posted"]) == told["settled"] * PRICE
    # A strict admission that could not be confirmed may stay on hold until it expires; it never frees money.
    assert Decimal(told["pending"]) in {0 * CEILING, told["unsure"] * CEILING}


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
@pytest.mark.parametrize("fault", ["full", "fsize"])
def test_L03_refuses_by_policy_and_recovers(small_disk: Path, fault: str, durability: str) -> None:  # noqa: N802 - the row's name
    told = _told(fault, small_disk, "refuse", durability)
    assert told["refused"], told
    sentence, path, fix = told["refused"]
    assert path == str(small_disk / "ledger.db")
    assert sentence.count("ledger.db") == 1
    assert "free disk space" in fix
    assert told["recovered_ms"] < 2_000
    _nothing_is_lost_or_double(small_disk, told)


@pytest.mark.parametrize("fault", ["full", "fsize"])
def test_L03_allows_by_policy_and_writes_later(small_disk: Path, fault: str) -> None:  # noqa: N802 - as above
    told = _told(fault, small_disk, "allow", "relaxed")
    assert told["refused"] is None, told
    assert told["admitted"] > 100
    _nothing_is_lost_or_double(small_disk, told)


@pytest.mark.parametrize("on_state_error", ["refuse", "allow"])
def test_L05_no_descriptor_left_stops_nobody(tmp_path: Path, on_state_error: str) -> None:  # noqa: N802 - as above
    told = _told("nofile", tmp_path, on_state_error, "relaxed")
    assert told["refused"] is None, "all that a running governor needs is open"
    _nothing_is_lost_or_double(tmp_path, told)


def test_L03_a_disk_too_small_is_a_start_error(tmp_path: Path) -> None:  # noqa: N802 - as above
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs root to mount a small disk")
    try:
        budget = tk.Budget("1 USD", name="all", period="total")
        tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
        with pytest.raises(tk.StateError, match="local disk with room") as caught:
            tk.Governor(tk.Policy(tiers=[tier], budgets=[budget]), state=tmp_path)
        assert caught.value.path == str(tmp_path / "segment")
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
