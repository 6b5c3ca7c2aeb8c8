"""Fault row L3, for so long that the journal is full too: refused, or admitted without entries and counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tierkit.report.export import ledger_entries
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts of Linux")
TESTS = Path(__file__).parents[1]
PRICE = Decimal("0.001002")
ROOM = 16_384

PROGRAM = """
import json, logging, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from store_fault import ask, policy, the_disk_is_full
import tierkit as tk
from tierkit.report.limits import live_limits

class Kept(logging.Handler):
    def emit(self, record):
        told["log"].append(record.getMessage())

state, word, durability = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
told = {"log": [], "admitted": 0, "settled": 0, "refused": None, "unsure": 0}
logging.getLogger("tierkit").addHandler(Kept())
def settle(admission):
    try:
        admission.settle(tk.Usage(1_000, 1))
    except tk.StateError:
        assert durability == "strict"
        told["unsure"] += 1
    told["settled"] += 1
governor = tk.Governor(policy(word), state=state, durability=durability)
early = [ask(governor, number) for number in range(100)]
governor.flush()
with the_disk_is_full(state):
    late = []
    for number in range(100, 10_000):
        try:
            admission = ask(governor, number)
        except tk.StateError as error:
            told["refused"] = str(error)
            break
        told["admitted"] += 1
        if number % 100 == 0:
            late.append(admission)
        else:
            settle(admission)
    for admission in early:
        settle(admission)
    told["during"] = live_limits(state)["disk"]
    command = [Path(sys.executable).with_name("tierkit"), "limits", "--state", state]
    told["shown"] = subprocess.run(command, capture_output=True, text=True).stdout
for _ in range(500):
    try:
        governor.flush()
        break
    except tk.StateError:
        __import__("time").sleep(0.02)
for admission in late:
    settle(admission)
ask(governor, 20_000).cancel()
governor.flush()
told["after"] = live_limits(state)["disk"]
(row,) = governor.balances()
told["posted"], told["pending"] = str(row.posted), str(row.pending)
governor.close()
print(json.dumps(told))
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the segment and a few MiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("SKIPPED, nothing was tested: needs root to mount a small disk")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def _told(state: Path, word: str, durability: str) -> dict[str, Any]:
    start = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(state), word, durability, str(TESTS)]
    done = subprocess.run(start, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("durability", ["relaxed", "strict"])
def test_L03_a_full_journal_stops_nobody_who_may_do_without(small_disk: Path, durability: str) -> None:  # noqa: N802 - row
    told = _told(small_disk, "allow", durability)
    assert told["refused"] is None
    assert told["admitted"] == 9_900, "all of them, and none waits 100 ms for a disk that is not there"
    during, after = told["during"], told["after"]
    assert "ledger.db" in during["fault"]
    assert during["unwritten"] > 1_000
    lacks = f"{during['unwritten']:,} requests of {during['unwritten_usd']} USD were admitted that the ledger lacks"
    assert lacks in " ".join(told["shown"].split())
    # Told once when it began and once when it was over, with what the ledger lacks.
    assert [line.partition("; ")[0].partition(": ")[0] for line in told["log"]] == [
        f"state '{small_disk}/ledger.db'",
        "the ledger is written again",
    ]
    assert "requests are admitted meanwhile" in told["log"][0]
    # Those that ended when there was room again are written whole; for the others the accounts stand.
    assert after["fault"] is None
    assert 0 < after["unwritten"] < during["unwritten"]
    proof = LedgerProof(small_disk).run()
    assert proof["ok"], proof
    entries = list(ledger_entries(small_disk))
    assert len(entries) > ROOM
    written = sum(Decimal(entry["usd"]) for entry in entries if entry["kind"] == "post")
    assert (Decimal(told["posted"]), Decimal(told["pending"])) == (told["settled"] * PRICE, 0)
    assert written + Decimal(after["unwritten_usd"]) == Decimal(told["posted"])
    ended = {entry["id"] for entry in entries if entry["kind"] in ("post", "void")}
    assert {entry["id"] for entry in entries if entry["kind"] == "reserve"} == ended


def test_L03_a_full_disk_refuses_by_default_and_lacks_nothing(small_disk: Path) -> None:  # noqa: N802 - as above
    told = _told(small_disk, "refuse", "relaxed")
    assert "free disk space" in told["refused"]
    assert told["admitted"] < 5_000
    assert told["during"]["unwritten"] == told["after"]["unwritten"] == 0
    assert told["log"] == []
    posts = [entry for entry in ledger_entries(small_disk) if entry["kind"] == "post"]
    assert len(posts) == told["settled"]
    assert LedgerProof(small_disk).run()["ok"]
