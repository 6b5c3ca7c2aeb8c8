"""What a reboot leaves of a shared state: the segment is of another boot, and everything comes from the ledger file."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.report.limits import live_limits
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the boot id of Linux")
BOOT = 16  # the place of the 16 bytes in the segment's header that name the boot
LIMITS = [
    tk.Limit("100 requests/week", name="slow", per=["user"]),
    tk.Limit("50 output_tokens/second", name="quick", burst=1_000_000, per=["user"]),
    tk.Limit("9 input_tokens/week", name="debt"),
]


def _reboot(state: Path) -> None:
    """The file as a machine finds it that was started again since."""
    with (state / "segment").open("r+b") as segment:
        segment.seek(BOOT)
        boot = segment.read(16)
        segment.seek(BOOT)
        segment.write(bytes(byte ^ 0xFF for byte in boot))
    assert live_limits(state)["source"] == "ledger"


def _take(state: Path, limits: list[tk.Limit], *calls: tuple[str, dict[str, int]]) -> None:
    """A process's life: a limiter that goes away in the end."""
    limiter = tk.Limiter(limits, state=state)
    for user, units in calls:
        assert limiter.take({"user": user}, **{"requests": 0, **units})
    limiter.close()


def _left(state: Path) -> dict[tuple[str, str | None], int]:
    scopes = live_limits(state)["scopes"]
    return {(row["rule"], row["key"].get("user")): row["left"] for row in scopes}


def test_limits_go_on_where_they_stood(tmp_path: Path) -> None:
    calls = [("ada", {"requests": 60, "output_tokens": 1_000_000}), ("bob", {"requests": 100, "input_tokens": 5})]
    _take(tmp_path, LIMITS, *calls)
    began = time.monotonic()
    _reboot(tmp_path)
    time.sleep(0.2)
    with tk.Limiter(LIMITS, state=tmp_path) as limiter:
        left = _left(tmp_path)
        passed_s = time.monotonic() - began
        assert (left["slow", "ada"], left["slow", "bob"], left["debt", None]) == (40, 0, 4)
        assert 10 <= left["quick", "ada"] <= 50 * (passed_s + 2), "what came in while it was off, and no more"
        assert limiter.take({"user": "ada"}, requests=41).cause == "rate"
        assert limiter.take({"user": "cy"}, requests=100), "a new key is full"
    assert LedgerProof(tmp_path).run()["ok"]


PROGRAM = """
import sys, time, tierkit as tk
limiter = tk.Limiter([tk.Limit("100 requests/week", name="slow", per=["user"])], state=sys.argv[1])
limiter.take({"user": "ada"}, requests=60)
time.sleep(2.5)
limiter.take({"user": "ada"}, requests=1)
print("taken", flush=True)
time.sleep(60)
"""


def test_a_power_cut_gives_back_a_second_of_takes_at_most(tmp_path: Path) -> None:
    start = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(start, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(signal.SIGKILL)
    _reboot(tmp_path)
    with tk.Limiter(LIMITS[:1], state=tmp_path):
        assert _left(tmp_path)["slow", "ada"] in (39, 40)


def test_another_policy_takes_what_it_knows(tmp_path: Path) -> None:
    _take(tmp_path, LIMITS, ("ada", {"requests": 60, "input_tokens": 9}))
    _reboot(tmp_path)
    changed = [
        tk.Limit("10 requests/week", name="slow", per=["user"]),
        tk.Limit("9 output_tokens/week", name="debt"),
    ]
    with tk.Limiter(changed, state=tmp_path) as limiter:
        assert _left(tmp_path) == {}, "40 are above the new burst, and the other counts something else now"
        assert limiter.take({"user": "ada"}, requests=10)


@pytest.mark.parametrize("column", ["rule", "scope", "dimension", "level", "at_ns", "hash"])
def test_a_changed_level_is_found_and_not_believed(tmp_path: Path, column: str) -> None:
    _take(tmp_path, LIMITS[:1], ("ada", {"requests": 60}))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
        (value,) = ledger.execute(f"SELECT {column} FROM bucket").fetchone()  # noqa: S608 - the names above
        other = value + 1 if isinstance(value, int) else value + (b" " if isinstance(value, bytes) else " ")
        ledger.execute(f"UPDATE bucket SET {column} = ?", (other,))  # noqa: S608 - as above
    found = LedgerProof(tmp_path).run()
    assert (found["ok"], found["finding"]["table"]) == (False, "bucket")
    _reboot(tmp_path)
    with tk.Limiter(LIMITS[:1], state=tmp_path):
        assert _left(tmp_path) == {}
