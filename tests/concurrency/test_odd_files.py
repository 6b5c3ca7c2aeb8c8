"""What stands where a file of the state should be is refused by name, at once, and never opened as something else."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NAMES = pytest.mark.parametrize("name", ["segment", "procs", "lock", "ledger.db"])
OPEN = """
import os
import tierkit as tk
try:
    tk.Ledger([tk.Budget("1 USD", period="total")], state=os.environ["STATE"])
except tk.StateError as error:
    print(error.path, "|", error.fix)
"""


def refusal(state: Path) -> str:
    """In a process of its own: a pipe that is opened for reading would block for ever."""
    ended = subprocess.run(
        [sys.executable, "-c", OPEN],
        env={**os.environ, "STATE": str(state)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@NAMES
def test_a_pipe_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    path, fix = refusal(tmp_path).split("|")
    assert path.strip().endswith(name)
    assert fix.strip()


@NAMES
def test_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    path, fix = refusal(tmp_path).split("|")
    assert path.strip().endswith(name)
    assert fix.strip()


@pytest.mark.parametrize("clock", ["None", "tk.testing.ManualClock()"])
def test_nobody_else_may_write_to_a_new_directory_whatever_the_umask(tmp_path: Path, clock: str) -> None:
    state = tmp_path / "new" / "state"
    code = f"import os; os.umask(0)\nimport tierkit as tk\ntk.Ledger([], state={str(state)!r}, clock={clock}).flush()"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    made = [state.parent, state, *state.iterdir()]
    assert {path.name: oct(path.stat().st_mode & 0o022) for path in made} == {path.name: "0o0" for path in made}
