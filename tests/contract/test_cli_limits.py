"""`tierkit limits` and `tierkit top`: beside a running governor, after it, and where only a ledger is left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import tierkit as tk
from tierkit.report.limits import live_limits

if TYPE_CHECKING:
    from collections.abc import Iterator

TIERKIT = Path(sys.executable).with_name("tierkit")
SHAPES = json.loads(Path(__file__).with_name("cli.schema.json").read_text())
POLICY = tk.Policy(
    tiers=[tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "0 USD/Mtok"})],
    limits=[
        tk.Limit("60 requests/hour", name="rate", per=["team"]),
        tk.Limit(concurrency=4, name="slots"),
        tk.Limit("1000 input_tokens/hour", name="watched", mode="observe"),
    ],
    budgets=[tk.Budget("1 USD", name="spend", period="total", per=["team"])],
)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [TIERKIT, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def shown(state: Path, command: str = "limits") -> dict[str, Any]:
    done = run(command, "--state", state, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    jsonschema.validate(found, {**SHAPES, "$ref": "#/$defs/limits"})
    return found


@pytest.fixture
def governor(tmp_path: Path) -> Iterator[tk.Governor]:
    with tk.Governor(POLICY, state=tmp_path) as made:
        settled = made.admit(None, input_tokens=10_000, max_output_tokens=1, labels={"team": "b"}, id="x")
        settled.settle(tk.Usage(10_000, 0))
        for team, count in (("a", 3), ("b", 1)):
            for _ in range(count):
                made.admit(None, input_tokens=100_000, max_output_tokens=1, labels={"team": team})
        yield made


@pytest.mark.parametrize("command", ["limits", "top"])
def test_another_process_sees_every_scope(governor: tk.Governor, tmp_path: Path, command: str) -> None:
    assert governor.balances()
    found = shown(tmp_path, command)
    assert found["source"] == "segment"
    rows = {(row["rule"], row["key"].get("team")): row for row in found["scopes"]}
    assert found["scopes"][0]["rule"] == "slots", "the tightest first"
    slots = rows["slots", None]
    assert (slots["left"], slots["held"], slots["limit"], slots["frees_in_ns"]) == (0, 4, 4, None)
    rate = rows["rate", "a"]
    assert (rate["kind"], rate["left"], rate["limit"], rate["held"]) == ("rate", 57, 60, None)
    assert 0 < rate["frees_in_ns"] <= 180_000_000_000
    spend = rows["spend", "a"]
    assert (spend["left"], spend["held"], spend["posted"], spend["limit"]) == ("0.7", "0.3", "0", "1")
    assert (rows["spend", "b"]["left"], rows["spend", "b"]["posted"]) == ("0.89", "0.01")
    assert spend["end_ns"] is None


def test_the_table_is_for_people(governor: tk.Governor, tmp_path: Path) -> None:
    assert governor.balances()
    done = run("limits", "--state", tmp_path)
    assert done.returncode == 0
    assert "team=a" in done.stdout
    assert "on release" in done.stdout
    once = run("top", "--state", tmp_path, "--once")
    assert once.returncode == 0
    assert "UTC, " in once.stdout
    assert "$0.70" in once.stdout


def test_where_only_a_ledger_is_left_it_says_so(governor: tk.Governor, tmp_path: Path) -> None:
    governor.close()
    assert shown(tmp_path)["source"] == "segment", "what the last process left still counts"
    (tmp_path / "segment").unlink()
    found = shown(tmp_path)
    assert found["source"] == "ledger"
    assert {(row["key"]["team"], row["held"], row["posted"], row["limit"]) for row in found["scopes"]} == {
        ("a", "0.3", "0", None),
        ("b", "0.1", "0.01", None),
    }
    done = run("limits", "--state", tmp_path)
    assert "Nothing ran here since the machine started" in done.stdout


@pytest.mark.parametrize("damage", ["short", "zeros", "noise"])
def test_a_damaged_segment_is_not_believed(governor: tk.Governor, tmp_path: Path, damage: str) -> None:
    governor.close()
    segment = tmp_path / "segment"
    size = segment.stat().st_size
    segment.write_bytes({"short": b"x", "zeros": bytes(size), "noise": b"\xa5" * size}[damage])
    assert shown(tmp_path)["source"] == "ledger"


def test_looking_is_consistent_and_takes_nothing(tmp_path: Path) -> None:
    policy = POLICY.with_(limits=[], budgets=[tk.Budget("1000 USD", name="spend", period="total")])
    with tk.Governor(policy, state=tmp_path) as governor:
        stop = threading.Event()

        def work() -> None:
            while not stop.is_set():
                governor.admit(None, input_tokens=1_000, max_output_tokens=1).settle(tk.Usage(1_000, 0))

        worker = threading.Thread(target=work)
        worker.start()
        try:
            for row in (row for _ in range(200) for row in live_limits(tmp_path)["scopes"]):
                left, held, posted = (tk.Money(row[word]) for word in ("left", "held", "posted"))
                assert left + held + posted == tk.Money(1000)
        finally:
            stop.set()
            worker.join()
