"""`tierkit check --state`: what a policy would change in a directory whose processes run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

import tierkit as tk

TIERKIT = Path(sys.executable).with_name("tierkit")
SHAPES = json.loads(Path(__file__).with_name("cli.schema.json").read_text())
TIER = '[[tier]]\nname = "only"\nmodel = "m"\nprice = { input = "1 USD/Mtok", output = "0 USD/Mtok" }\n'
FIRST = (
    "version = 1\n"
    + TIER
    + """
[[limit]]
name = "rate"
rate = "60 requests/minute"
[[limit]]
name = "slots"
concurrency = 4
[[limit]]
name = "tokens"
rate = "7 input_tokens/13m"
[[budget]]
name = "day"
amount = "2.5 USD"
period = "day"
per = ["team"]
[[budget]]
name = "all"
amount = "9 USD"
period = "total"
"""
)
SECOND = (
    FIRST.replace("60 requests", "30 requests")
    .replace("concurrency = 4", "concurrency = 8")
    .replace('name = "tokens"\n', 'name = "tokens"\nmode = "observe"\n')
    .replace('period = "day"', 'period = "month"')
    .replace('name = "all"', 'name = "every"')
)


def check(file: Path, state: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [TIERKIT, "check", file, "--state", state, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def changes(file: Path, state: Path) -> list[dict[str, Any]] | None:
    done = check(file, state, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    jsonschema.validate(found, {**SHAPES, "$ref": "#/$defs/check_valid"})
    rows: list[dict[str, Any]] | None = found["changes"]
    return rows


def test_every_kind_of_change_is_named(tmp_path: Path) -> None:
    file, state = tmp_path / "tierkit.toml", tmp_path / "state"
    file.write_text(FIRST)
    with tk.Governor(tk.Policy.from_toml(file), state=state) as governor:
        assert changes(file, state) == []
        assert "changes no limit and no budget" in check(file, state).stdout
        file.write_text(SECOND)
        rows = changes(file, state)
        assert rows is not None
        assert [tuple(row.values()) for row in rows] == [
            ("rate", "lowered", "1 requests per 1 s, burst 60", "1 requests per 2 s, burst 30"),
            ("slots", "raised", "4 at once", "8 at once"),
            ("tokens", "changed", "7 input_tokens per 780 s, burst 7", "7 input_tokens per 780 s, burst 7"),
            ("day", "renewed", "2.5 USD per day per team", "2.5 USD per month per team"),
            ("every", "added", None, "9 USD in all"),
            ("all", "removed", "9 USD in all", None),
        ]
        said = check(file, state).stdout
        assert all(word in said for word in ("lowered", "raised", "renewed", "added", "removed"))
        governor.reload()
        assert changes(file, state) == []


def test_without_a_live_state_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    file = tmp_path / "tierkit.toml"
    file.write_text(FIRST)
    (tmp_path / "state").mkdir()
    assert changes(file, tmp_path / "state") is None
    assert "nothing ran" in check(file, tmp_path / "state").stdout
