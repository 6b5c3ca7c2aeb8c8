"""The state directory: what is acknowledged and committed is there again, and nobody shares it unnoticed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.governor.reading import ledger_spend

if TYPE_CHECKING:
    from pathlib import Path

PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
POLICY = tk.Policy(
    tiers=[tk.Tier("only", model="m", price=PRICE)], budgets=[tk.Budget("1 USD", period="day", per=["team"])]
)


def test_reopening_restores_every_balance(tmp_path: Path) -> None:
    clock = tk.testing.ManualClock()
    with tk.Governor(POLICY, state=tmp_path, clock=clock) as governor:
        for team, output in (("a", 10), ("a", 20), ("b", 30)):
            governor.admit(None, input_tokens=100, max_output_tokens=50, labels={"team": team}).settle(
                tk.Usage(100, output)
            )
        governor.admit(None, input_tokens=100, max_output_tokens=50, labels={"team": "b"}, id="open")
        governor.admit(None, input_tokens=100, max_output_tokens=50, labels={"team": "b"}, id="void").cancel()
        before = governor.balances()
    with tk.Governor(POLICY, state=tmp_path, clock=clock) as governor:
        assert governor.balances() == before
        again = governor.admit(None, input_tokens=100, max_output_tokens=50, labels={"team": "b"}, id="open")
        assert governor.balances() == before, "the same id is not charged again"
        again.settle(tk.Usage(100, 50))
        assert all(row.pending == 0 for row in governor.balances())
        with pytest.raises(tk.ReservationConflict):
            governor.admit(None, input_tokens=101, max_output_tokens=50, labels={"team": "b"}, id="open")
    clock.advance(s=700)
    with tk.Governor(POLICY, state=tmp_path, clock=clock) as governor:
        assert [str(row.posted) for row in governor.balances()] == ["0.00026", "0.00036"]


def test_what_nobody_settled_expires_as_posted_after_a_restart(tmp_path: Path) -> None:
    clock = tk.testing.ManualClock()
    governor = tk.Governor(POLICY, state=tmp_path, clock=clock)
    late = governor.admit(None, input_tokens=100, max_output_tokens=50, labels={"team": "a"})
    governor.close()
    clock.advance(s=3_600)
    with tk.Governor(POLICY, state=tmp_path, clock=clock) as governor:
        (row,) = governor.balances()
        assert (str(row.posted), row.pending) == ("0.0002", 0)
        governor.admit(None, input_tokens=100, max_output_tokens=50, labels={"team": "a"}, id=late.id).settle(
            tk.Usage(100, 0)
        )
        assert [entry["kind"] for entry in governor.explain(late.id)["entries"]] == ["reserve", "expire", "post"]
        (row,) = governor.balances()
        assert str(row.posted) == "0.0001"
        governor.flush()
        (spend,) = ledger_spend(tmp_path, by=[])
        assert (spend.requests, str(spend.usd)) == (1, "0.0001")


def test_a_clock_of_its_own_keeps_the_directory_to_itself(tmp_path: Path) -> None:
    with (
        tk.Governor(POLICY, state=tmp_path, clock=tk.testing.ManualClock()),
        pytest.raises(tk.StateError, match="does not share it") as caught,
    ):
        tk.Governor(POLICY, state=tmp_path)
    assert caught.value.path == str(tmp_path)
    assert "own directory" in caught.value.fix
    with tk.Governor(POLICY, state=tmp_path), pytest.raises(tk.StateError, match="clock of its own"):
        tk.Governor(POLICY, state=tmp_path, clock=tk.testing.ManualClock())
    tk.Governor(POLICY, state=tmp_path, clock=tk.testing.ManualClock()).close()


@pytest.mark.parametrize("damage", ["garbage", "other", "newer", "link", "folder"])
def test_a_damaged_file_is_refused_with_the_way_out(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "ledger.db"
    if damage == "garbage":
        file.write_bytes(b"not a database, and long enough to look like one " * 50)
    elif damage == "link":
        file.symlink_to(tmp_path / "elsewhere")
    elif damage == "folder":
        file.mkdir()
    else:
        if damage == "newer":
            tk.Governor(POLICY, state=tmp_path).close()
        with sqlite3.connect(file) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS other(x)")
            if damage == "newer":
                connection.execute("PRAGMA user_version = 99")
        connection.close()
    with pytest.raises(tk.StateError) as caught:
        tk.Governor(POLICY, state=tmp_path)
    assert "ledger.db" in caught.value.path
    assert caught.value.fix


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(tk.StateError, match="may write"):
        tk.Governor(POLICY, state=tmp_path / "state")


@pytest.mark.parametrize("seed", range(5))
def test_kill_9_loses_no_acknowledged_commit(tmp_path: Path, seed: int) -> None:
    code = f"""
import sys, tierkit as tk
policy = tk.Policy(tiers=[tk.Tier("only", model="m", price={PRICE!r})], budgets=[tk.Budget("1000 USD", period="total")])
governor = tk.Governor(policy, state={str(tmp_path)!r}, durability="strict")
for n in range(1_000_000):
    admission = governor.admit(None, input_tokens=1000, max_output_tokens=10, id=f"r{{n}}")
    admission.settle(tk.Usage(1000, n % 10))
    print(n, flush=True)
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged = -1
    for _ in range(20 + 13 * seed):
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    rest = child.stdout.read().split("\n")
    acknowledged = max([acknowledged, *(int(line) for line in rest[:-1] if line)])
    child.stdout.close()
    child.wait()
    policy = POLICY.with_(budgets=[tk.Budget("1000 USD", period="total")])
    with tk.Governor(policy, state=tmp_path) as governor:
        for n in (0, acknowledged // 2, acknowledged):
            assert governor.explain(f"r{n}")["state"] == "posted"
        (row,) = governor.balances()
        (spend,) = ledger_spend(tmp_path, by=[])
        assert row.posted == spend.usd.usd
        assert spend.requests >= acknowledged + 1
        assert spend.usd.nusd == sum(1_000_000 + 2_000 * (n % 10) for n in range(spend.requests))


@pytest.mark.parametrize("owner", ["one process", "all processes"])
def test_a_threshold_is_told_once_in_its_window_whoever_restarts(
    owner: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    budgets = [tk.Budget("1 USD", name="b", period="total", warn_at=[0.5, 0.8])]
    clock = tk.testing.ManualClock() if owner == "one process" else None
    for usd in ("0.6", "0.1", "0.15"):
        with tk.Ledger(budgets, state=tmp_path, clock=clock) as ledger:
            ledger.post(ledger.reserve(usd=usd), usd=usd)
        if clock is None:
            (tmp_path / "segment").unlink()  # as after a reboot
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "budget b {}: 0.6 of 1 USD spent (threshold 50 %)",
        "budget b {}: 0.85 of 1 USD spent (threshold 80 %)",
    ]
