"""`tierkit ledger`: what it prints, in which shape, and how it leaves."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest

import tierkit as tk

TIERKIT = Path(sys.executable).with_name("tierkit")
SHAPES = json.loads(Path(__file__).with_name("cli.schema.json").read_text())
DAY_NS = 86_400_000_000_000


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [TIERKIT, *arguments], capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def checked(value: object, shape: str) -> None:
    jsonschema.validate(value, {**SHAPES, "$ref": f"#/$defs/{shape}"})


@pytest.fixture
def state(tmp_path: Path) -> Path:
    policy = tk.Policy(
        tiers=[tk.Tier("only", model="m", price={"input": "1 USD/Mtok", "output": "2 USD/Mtok"})],
        budgets=[
            tk.Budget("1 USD", name="teams", period="day", per=["team"]),
            tk.Budget("9 USD", name="all", period="total"),
        ],
    )
    clock = tk.testing.ManualClock()
    with tk.Governor(policy, state=tmp_path / "state", clock=clock) as governor:
        for number, team in enumerate(("a", "b", "=1+1")):
            admission = governor.admit(
                None, input_tokens=1_000, max_output_tokens=100, labels={"team": team}, id=f"{'=+r'[number]}{number}"
            )
            admission.settle(tk.Usage(1_000, 200 * number))
            clock.advance(s=86_400)
        governor.admit(None, input_tokens=1_000, max_output_tokens=100, id="open")
    return tmp_path / "state"


def test_verify_says_whole_and_leaves_with_0(state: Path) -> None:
    done = run("ledger", "verify", "--state", state)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("whole: 7 entries, every account and every open reservation follows")
    found = json.loads(run("ledger", "verify", "--state", state, "--json").stdout)
    checked(found, "ledger_verify")
    assert (found["ok"], found["entries"], found["finding"]) == (True, 7, None)
    assert found["hash"] in done.stdout


def test_verify_names_what_does_not_fit_and_leaves_with_1(state: Path) -> None:
    with closing(sqlite3.connect(state / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE entry SET nano_usd = 1 WHERE seq = 4")
    done = run("ledger", "verify", "--state", state)
    assert done.returncode == 1
    assert done.stdout.startswith("damaged: entry 4: request '+1', post: its hash is not that of")
    done = run("ledger", "verify", "--state", state, "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    checked(found, "ledger_verify")
    assert (found["ok"], found["entries"], found["finding"]["seq"]) == (False, 3, 4)


def test_export_writes_json_lines(state: Path) -> None:
    done = run("ledger", "export", "--state", state, "--format", "jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    for entry in entries:
        checked(entry, "ledger_entry")
    assert [entry["seq"] for entry in entries] == list(range(1, 8))
    assert [entry["kind"] for entry in entries] == ["reserve", "post"] * 3 + ["reserve"]
    assert (entries[5]["usd"], entries[5]["marks"], entries[5]["units"]["usd"]) == ("0.0018", ["overrun"], "0.0018")
    assert entries[5]["labels"]["team"] == "=1+1"
    assert entries[5]["usage"]["output_tokens"] == 400
    spent = sum(Decimal(change["posted_usd"]) for entry in entries for change in entry["postings"])
    assert spent == 2 * Decimal("0.0042"), "each of two budgets holds the whole spend"
    assert run("ledger", "export", "--state", state, "--json").stdout == done.stdout


def test_export_writes_csv_that_no_spreadsheet_runs(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "ledger.csv"
    done = run("ledger", "export", "--state", state, "--out", out)
    assert (done.returncode, done.stdout) == (0, "")
    assert out.read_text() == run("ledger", "export", "--state", state).stdout
    rows = list(csv.DictReader(io.StringIO(out.read_text())))
    assert len(rows) == 7
    assert [row["id"] for row in rows[::2]] == ["'=0", "'+1", "r2", "open"]
    assert rows[5]["used_output_tokens"] == "400"
    assert rows[6]["used_output_tokens"] == ""
    assert json.loads(rows[5]["labels"])["team"] == "=1+1"
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())


def test_export_takes_a_span_of_time(state: Path) -> None:
    def seqs(*span: str) -> list[int]:
        done = run("ledger", "export", "--state", state, "--json", *span)
        return [json.loads(line)["seq"] for line in done.stdout.splitlines()]

    assert seqs("--since", "2026-01-02") == [3, 4, 5, 6, 7]
    assert seqs("--until", "2026-01-02T00:00:00Z") == [1, 2]
    assert seqs("--since", "2026-01-02T01:00:00+01:00", "--until", "2026-01-03") == [3, 4]
    assert seqs("--since", "2030-01-01") == []


def test_export_ends_quietly_when_its_reader_leaves(state: Path) -> None:
    with subprocess.Popen(
        [TIERKIT, "ledger", "export", "--state", state], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as done:
        assert done.stdout is not None
        assert done.stderr is not None
        done.stdout.close()
        assert done.stderr.read() == b""
    assert done.returncode == 0


def test_export_of_a_damaged_ledger_is_one_line(state: Path) -> None:
    with closing(sqlite3.connect(state / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE entry SET labels = '{' WHERE seq = 4")
    done = run("ledger", "export", "--state", state)
    assert done.returncode == 2
    assert done.stderr == "tierkit: ledger entry 4: cannot be read; see what `tierkit ledger verify` says\n"
    assert run("ledger", "export", "--state", state, "--out", state / "no" / "folder").returncode == 2
