"""Fault row L4: a directory or a ledger that may not be written, or opened when no descriptor is left."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import tierkit as tk

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="modes of Linux")
NOBODY = 65_534

OPEN = """
import os, resource, sys
import tierkit as tk
from tierkit.report.verify import LedgerProof
tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("1 USD", name="all", period="total")])
tk.Governor(policy).admit(None, input_tokens=1, max_output_tokens=1)  # loads what it loads before rights are dropped
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    with tk.Governor(policy, state=sys.argv[1]) as governor:
        governor.admit(None, input_tokens=1, max_output_tokens=1).cancel()
        governor.flush()
except tk.StateError as error:
    print(error.path, "|", error.fix)
"""


def _policy() -> tk.Policy:
    tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
    return tk.Policy(tiers=[tier], budgets=[tk.Budget("1 USD", name="all", period="total")])


@pytest.fixture
def state() -> Iterator[Path]:
    """A used state directory that belongs to whoever the program runs as."""
    folder = Path(tempfile.mkdtemp())
    with tk.Governor(_policy(), state=folder) as governor:
        governor.admit(None, input_tokens=1, max_output_tokens=1).cancel()
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


def _said(state: Path) -> str:
    start = [sys.executable, "-W", "ignore", "-c", OPEN, str(state)]
    done = subprocess.run(start, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("locked", "mode"),
    [
        ("ledger.db", 0o400),
        ("ledger.db", 0),
        ("segment", 0o400),
        ("segment", 0),
        ("procs", 0),
        ("lock", 0o400),
        (".", 0),
    ],
)
def test_L04_is_named_with_the_way_out_and_heals(state: Path, locked: str, mode: int) -> None:  # noqa: N802 - the row's name
    before = stat.S_IMODE((state / locked).stat().st_mode)
    (state / locked).chmod(mode)
    path, _, fix = _said(state).partition(" | ")
    assert path.startswith(str(state))
    assert locked in path or locked == "."
    assert fix
    (state / locked).chmod(before)
    assert _said(state) == "", "the fault clears when its cause is gone"


def test_L04_a_directory_without_rights_to_make_files(state: Path) -> None:  # noqa: N802 - as above
    shutil.rmtree(state, ignore_errors=True)
    state.mkdir(mode=0o500)
    if os.geteuid() == 0:
        os.chown(state, NOBODY, NOBODY)
    path, _, fix = _said(state).partition(" | ")
    assert path.startswith(str(state))
    assert "may write" in fix


def test_L05_opening_without_a_descriptor_is_a_clear_error(tmp_path: Path) -> None:  # noqa: N802 - as above
    code = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (32, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
import tierkit as tk
tier = tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
policy = tk.Policy(tiers=[tier], budgets=[tk.Budget("1 USD", name="all", period="total")])
tk.Governor(policy, state=sys.argv[1] + "/warm").close()
taken, errors = [], 0
try:
    while True:
        taken.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
while taken:
    try:
        governor = tk.Governor(policy, state=sys.argv[1] + "/state")
        break
    except tk.StateError as error:
        assert error.path.startswith(sys.argv[1]) and error.fix, error
        errors += 1
        os.close(taken.pop())
governor.admit(None, input_tokens=1, max_output_tokens=1).cancel()
governor.flush()
governor.close()
print(errors)
"""
    start = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path)]
    done = subprocess.run(start, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert 3 <= int(done.stdout) <= 12
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0
