"""Fault row I2: `report` and `explain` on ledgers that are empty, damaged, of the future, or hold hostile names."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tierkit import Governor, Policy, Tier, Usage

TIERKIT = Path(sys.executable).with_name("tierkit")
HOSTILE = ["=1+1", "@SUM(A1)", "[bold red]x[/]", "\x1b[2J\x1b[31mred", "</script>", "-", "naïve \u202e txt", "x" * 200]


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [TIERKIT, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def state(tmp_path: Path) -> Path:
    tier = Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
    with Governor(Policy(tiers=[tier]), state=tmp_path / "state") as governor:
        for number, name in enumerate(HOSTILE):
            labels = {"team": name} if name.isprintable() else {"team": name.replace("\x1b", "\x9b")}
            governor.admit(None, input_tokens=1000, max_output_tokens=9, labels=labels, id=f"r{number}").settle(
                Usage(1000, 0)
            )
    return tmp_path / "state"


def _ledger(state: Path) -> Path:
    return state / "ledger.db"


def test_I02_hostile_names_stay_text(state: Path) -> None:  # noqa: N802 - the row's name
    done = _run("report", "--state", state, "--by", "team")
    assert done.returncode == 0
    assert not any(character in done.stdout for character in "\x1b\x9b\u202e")
    for name in ("=1+1", "@SUM(A1)", "[bold red]x[/]", "</script>"):
        assert name in done.stdout
    rows = json.loads(_run("report", "--state", state, "--by", "team", "--json").stdout)["rows"]
    assert len(rows) == len(HOSTILE)
    for number in range(len(HOSTILE)):
        told = _run("explain", f"r{number}", "--state", state)
        assert told.returncode == 0
        assert "\x9b" not in told.stdout


def test_I02_an_empty_ledger_is_an_answer(tmp_path: Path) -> None:  # noqa: N802 - as above
    tier = Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})
    Governor(Policy(tiers=[tier]), state=tmp_path).close()
    assert _run("report", "--state", tmp_path).returncode == 0
    assert json.loads(_run("report", "--state", tmp_path, "--json").stdout) == {"rows": [], "total_usd": "0"}


def test_I02_a_folder_without_a_ledger_is_one_line_and_stays_empty(tmp_path: Path) -> None:  # noqa: N802 - as above
    done = _run("report", "--state", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["noise", "cut", "empty", "directory"])
@pytest.mark.parametrize("command", [("report",), ("explain", "r0")])
def test_I02_a_damaged_ledger_is_one_line(state: Path, kind: str, command: tuple[str, ...]) -> None:  # noqa: N802 - as above
    ledger = _ledger(state)
    data = ledger.read_bytes()
    for file in state.glob("ledger.db*"):
        file.unlink()
    if kind == "directory":
        ledger.mkdir()
    else:
        ledger.write_bytes({"noise": b"not a ledger" * 999, "cut": data[: len(data) // 3], "empty": b""}[kind])
    done = _run(*command, "--state", state)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "ledger.db" in done.stderr


def test_I02_a_ledger_of_the_future_is_one_line(state: Path) -> None:  # noqa: N802 - as above
    with closing(sqlite3.connect(_ledger(state))) as ledger:
        ledger.execute("PRAGMA user_version = 99")
    done = _run("report", "--state", state)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "99" in done.stderr
