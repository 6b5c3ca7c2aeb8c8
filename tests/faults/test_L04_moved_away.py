"""Fault row L4 at run time: the state directory is removed, replaced, moved, locked, or its disk turns read-only."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.report.verify import LedgerProof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts and modes of Linux")
PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}
BUDGET = tk.Budget("9 USD", name="all", period="total")
SEEN_WITHIN_S = 10


def _policy(on_state_error: str = "refuse") -> tk.Policy:
    return tk.Policy(tiers=[tk.Tier("only", model="m", price=PRICE)], budgets=[BUDGET], on_state_error=on_state_error)


def _admit(governor: tk.Governor) -> tk.Admission:
    return governor.admit(None, input_tokens=1_000, max_output_tokens=10)


def _fault(governor: tk.Governor) -> tk.StateError:
    """Wait until the governor notices."""
    until = time.monotonic() + SEEN_WITHIN_S
    while time.monotonic() < until:
        try:
            _admit(governor).cancel()
        except tk.StateError as error:
            return error
        time.sleep(0.02)
    raise AssertionError("nobody noticed")


def _heals(governor: tk.Governor) -> None:
    until = time.monotonic() + SEEN_WITHIN_S
    while True:
        try:
            return _admit(governor).settle(tk.Usage(1_000, 1)) and None
        except tk.StateError:
            assert time.monotonic() < until, "the fault stays when its cause is gone"
            time.sleep(0.02)


def _ledger_replaced(state: Path) -> None:
    (state / "ledger.db").rename(state / "older.db")
    shutil.copy(state / "older.db", state / "ledger.db")


HARM: dict[str, tuple[Callable[[Path], object], str]] = {
    "the directory is removed": (shutil.rmtree, "ledger.db': removed while it was in use"),
    "the ledger is removed": (lambda state: (state / "ledger.db").unlink(), "ledger.db': removed while"),
    "its log is removed": (lambda state: (state / "ledger.db-wal").unlink(), "ledger.db-wal': removed while"),
    "the segment is removed": (lambda state: (state / "segment").unlink(), "segment': removed while"),
    "the ledger is replaced": (_ledger_replaced, "ledger.db': replaced by another file"),
}


@pytest.mark.parametrize("harm", HARM)
def test_L04_files_that_go_are_noticed(tmp_path: Path, harm: str) -> None:  # noqa: N802 - the row's name
    state, (do, told) = tmp_path / "state", HARM[harm]
    governor = tk.Governor(_policy(), state=state)
    early = _admit(governor)
    governor.flush()
    do(state)
    error = _fault(governor)
    assert told in str(error)
    assert error.path.startswith(str(state))
    assert "put it back" in error.fix
    early.settle(tk.Usage(1_000, 1))  # what was admitted ends, and is kept
    with pytest.raises(tk.StateError, match="while it was in use"):
        governor.close()


def test_L04_allow_goes_on_without_the_directory(tmp_path: Path) -> None:  # noqa: N802 - as above
    governor, watcher = (
        tk.Governor(_policy("allow"), state=tmp_path / "state"),
        tk.Governor(_policy(), state=tmp_path / "state"),
    )
    shutil.rmtree(tmp_path / "state")
    _fault(watcher)
    _admit(governor).settle(tk.Usage(1_000, 1))
    assert str(governor.balances()[0].posted) == "0.001002"


def test_L04_a_directory_that_is_put_back_is_whole(tmp_path: Path) -> None:  # noqa: N802 - as above
    state, aside = tmp_path / "state", tmp_path / "aside"
    governor = tk.Governor(_policy(), state=state)
    early = _admit(governor)
    governor.flush()
    state.rename(aside)
    _fault(governor)
    early.settle(tk.Usage(1_000, 1))
    aside.rename(state)
    _heals(governor)
    governor.close()
    assert LedgerProof(state).run()["ok"]
    with tk.Governor(_policy(), state=state) as again:
        assert str(again.balances()[0].posted) == "0.002004"


OTHER = """
import sys
import tierkit as tk
tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("9 USD", name="all", period="total")])
with tk.Governor(policy, state=sys.argv[1]) as governor:
    governor.admit(None, input_tokens=5_000, max_output_tokens=10).settle(tk.Usage(5_000, 1))
    print(governor.balances()[0].posted)
"""


def test_L04_who_stayed_behind_writes_nothing_into_a_directory_made_again(tmp_path: Path) -> None:  # noqa: N802 - as above
    state = tmp_path / "state"
    governor = tk.Governor(_policy(), state=state)
    early = [_admit(governor) for _ in range(20)]
    governor.flush()
    shutil.rmtree(state)
    made = subprocess.run(
        [sys.executable, "-c", OTHER, str(state)], capture_output=True, text=True, timeout=50, check=True
    )
    assert made.stdout.strip() == "0.005002"
    _fault(governor)
    for admission in early:
        admission.settle(tk.Usage(1_000, 1))
    # In one process, too, a new governor has the new directory.
    with tk.Governor(_policy(), state=state) as fresh:
        assert str(fresh.balances()[0].posted) == "0.005002"
    with pytest.raises(tk.StateError, match="while it was in use"):
        governor.close()
    proof = LedgerProof(state).run()
    assert proof["ok"], proof


LOCKED = """
import os, sys
from pathlib import Path
import tierkit as tk
tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("1 USD", name="all", period="total")])
state = Path(sys.argv[1])
tk.Governor(policy).admit(None, input_tokens=1, max_output_tokens=1)  # loads what it loads before rights are dropped
if os.geteuid() == 0:
    os.chown(state, 65534, 65534), os.setgid(65534), os.setuid(65534)
with tk.Governor(policy, state=state, durability="strict") as governor:
    for number in range(3):
        governor.admit(None, input_tokens=1_000, max_output_tokens=1).settle(tk.Usage(1_000, 1))
        for path in [*state.glob("*"), state]:
            path.chmod(0)
        __import__("time").sleep(1.2)
state.chmod(0o700)
for path in state.glob("*"):
    path.chmod(0o600)
with tk.Governor(policy, state=state) as governor:
    print(governor.balances()[0].posted)
"""


def test_L04_rights_taken_away_stop_nobody_who_has_the_files_open(tmp_path: Path) -> None:  # noqa: N802 - as above
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    state = tmp_path / "state"
    state.mkdir()
    start = [sys.executable, "-W", "ignore", "-c", LOCKED, str(state)]
    done = subprocess.run(start, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "0.003006"), done.stderr


@pytest.fixture
def own_disk(tmp_path: Path) -> Iterator[Path]:
    """An ext4 of one's own, which its kernel turns read-only on demand as after an error of the disk."""
    image, mounted = tmp_path / "image", tmp_path / "disk"
    mounted.mkdir()
    with image.open("wb") as file:
        file.truncate(96 << 20)
    made = [["mkfs.ext4", "-q", str(image)], ["mount", "-o", "loop", str(image), str(mounted)]]
    for step in made:
        if os.geteuid() != 0 or shutil.which(step[0]) is None or subprocess.run(step, check=False).returncode != 0:
            pytest.skip(f"SKIPPED, nothing was tested: needs root, loop devices and {step[0]}")
    yield mounted
    subprocess.run(["umount", "-l", str(mounted)], check=True)


READ_ONLY = """
import subprocess, sys, time
import tierkit as tk
tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
budget = tk.Budget("9 USD", name="all", period="total")
disk, word, durability = sys.argv[1:]
policy = tk.Policy(tiers=[tier], budgets=[budget], on_state_error=word)
governor = tk.Governor(policy, state=disk + "/state", durability=durability)
early = governor.admit(None, input_tokens=1_000, max_output_tokens=1)
governor.flush()
subprocess.run(["mount", "-o", "remount,abort", disk], capture_output=True)
try:
    open(disk + "/probe", "w").write("x")
    sys.exit("the disk is still writable")
except OSError:
    pass
seen, until = None, time.monotonic() + 10
while seen is None and time.monotonic() < until:
    try:
        governor.admit(None, input_tokens=1, max_output_tokens=1).cancel()
    except tk.StateError as error:
        seen = error
    if word == "allow" and time.monotonic() > until - 9:
        break
try:
    early.settle(tk.Usage(1_000, 1))
except tk.StateError as error:
    assert durability == "strict", error
print("" if seen is None else seen.path, "|", "" if seen is None else seen.fix)
try:
    governor.close()
except tk.StateError as error:
    print("closing:", error)
"""


@pytest.mark.parametrize(("word", "durability"), [("refuse", "relaxed"), ("refuse", "strict"), ("allow", "relaxed")])
def test_L04_a_disk_that_turns_read_only_is_told_of(own_disk: Path, word: str, durability: str) -> None:  # noqa: N802 - as above
    start = [sys.executable, "-W", "ignore", "-c", READ_ONLY, str(own_disk), word, durability]
    done = subprocess.run(start, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)  # no SIGBUS from the mapped file
    first, *rest = done.stdout.splitlines()
    if word == "refuse":
        path, _, fix = first.partition(" | ")
        assert path == str(own_disk / "state" / "ledger.db")
        assert "make the file writable" in fix
    else:
        assert first.strip() == "|"
    assert rest
    assert rest[0].startswith("closing: state ")
