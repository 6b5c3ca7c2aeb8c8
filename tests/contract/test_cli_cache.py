"""`tierkit cache stats|purge|export|report`: what they print, in which shape, and that running processes follow."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

import tierkit as tk

TIERKIT = Path(sys.executable).with_name("tierkit")
SHAPES = json.loads(Path(__file__).with_name("cli.schema.json").read_text())
PRICE = {"input": "1 USD/Mtok", "output": "2 USD/Mtok"}


def run(*arguments: str | Path, ends: int = 0) -> str:
    done = subprocess.run(
        [TIERKIT, "cache", *arguments], capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == ends, done.stderr
    return done.stdout if ends < 2 else done.stderr


def checked(text: str, shape: str) -> dict[str, object]:
    value = json.loads(text)
    jsonschema.validate(value, {**SHAPES, "$ref": f"#/$defs/{shape}"})
    assert isinstance(value, dict)
    return value


def answered(governor: tk.Governor, org: str, question: str) -> bytes | None:
    """Ask, and answer where the cache does not."""
    with governor.admit(question, labels={"org": org}, max_output_tokens=10) as admission:
        if admission.hit is not None:
            return admission.hit.value
        admission.settle(tk.Usage(input_tokens=8, output_tokens=4), answer=f"to {question}")
    return None


def governed(state: Path) -> tk.Governor:
    policy = tk.Policy(tiers=[tk.Tier("small", model="m", price=PRICE)], cache=tk.policy.CacheSettings(per=["org"]))
    return tk.Governor(policy, state=state)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with governed(tmp_path / "state") as governor:
        for org in ("acme", "initech"):
            for question in ("Why?", "How?", "=1+1"):
                answered(governor, org, question)
        for _ in range(3):
            assert answered(governor, "acme", "Why?") == b"to Why?"
    return tmp_path / "state"


def test_stats_by_namespace(state: Path) -> None:
    found = checked(run("stats", "--state", state, "--json"), "cache_stats")
    assert found["entries"] == 6
    acme, initech = found["namespaces"]  # type: ignore[misc]
    assert (acme["namespace"], acme["exact_hits"], acme["saved_usd"]) == ("org=acme", 3, "0.000048")
    assert (initech["namespace"], initech["entries"], initech["exact_hits"]) == ("org=initech", 3, 0)
    assert "org=acme" in run("stats", "--path", state / "cache.db")


def test_a_governor_that_runs_follows_a_purge_and_a_report(state: Path) -> None:
    with governed(state) as governor:
        for org in ("acme", "initech"):
            assert answered(governor, org, "How?") == b"to How?"
        purged = run("purge", "--state", state, "--namespace", "acme", "--yes", "--json")
        assert checked(purged, "cache_purge")["removed"] == 3
        until_s = time.monotonic() + 20
        while answered(governor, "acme", "How?") is not None:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        assert answered(governor, "initech", "How?") == b"to How?"
        governor.flush()
        rows = [json.loads(line) for line in run("export", "--state", state).splitlines()]
        wrong = next(row for row in rows if row["namespace"] == "org=initech" and row["text"] == "How?")
        assert checked(run("report", wrong["id"], "--bad", "--state", state, "--json"), "cache_report")["held"] is True
        while answered(governor, "initech", "How?") is not None:
            assert time.monotonic() < until_s
            time.sleep(0.01)
    again = run("report", wrong["id"], "--bad", "--state", state, ends=0)
    assert "removed" in again
    assert run("report", "1", "--bad", "--state", state, ends=1) == "not held; remembered as wrong\n"


def test_export_shows_answers_only_when_asked(state: Path) -> None:
    rows = [checked(line, "cache_entry") for line in run("export", "--state", state).splitlines()]
    assert len(rows) == 6
    assert all("value" not in row for row in rows)
    with_values = [checked(line, "cache_entry") for line in run("export", "--state", state, "--values").splitlines()]
    assert {row["value"] for row in with_values} == {f"small\0to {text}" for text in ("Why?", "How?", "=1+1")}
    table = list(csv.DictReader(io.StringIO(run("export", "--state", state, "--format", "csv"))))
    assert sorted({row["text"] for row in table}) == ["'=1+1", "How?", "Why?"]
    out = state / "answers.jsonl"
    assert run("export", "--state", state, "--out", out) == ""
    assert len(out.read_text().splitlines()) == 6


def test_purge_by_tag_and_age_and_all(tmp_path: Path) -> None:
    path, now = tmp_path / "cache.db", time.time_ns()
    with tk.SemanticCache(path=path) as cache:
        for number in range(6):
            cache.put(namespace=b"\x01\xff", key=b"%d" % number, value=b"\xff", ttl_s=600, tag=f"t{number % 2}")
    assert now < time.time_ns()
    assert run("purge", "--path", path, "--tag", "t1", "--older-than", "1h", "--yes") == "0 entries removed\n"
    assert run("purge", "--path", path, "--tag", "t1", "--yes") == "3 entries removed\n"
    row = checked(run("export", "--path", path, "--values").splitlines()[0], "cache_entry")
    assert (row["namespace"], row["value_base64"]) == ("01ff", "/w==")
    assert run("purge", "--path", path, "--namespace", "01ff", "--older-than", "0s", "--yes") == "3 entries removed\n"
    assert run("purge", "--path", path, "--all", "--yes") == "0 entries removed\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["stats"], "--state DIR"),
        (["stats", "--state", "nowhere"], "no cache here"),
        (["purge", "--state", "nowhere"], "name what to remove"),
        (["purge", "--state", "nowhere", "--all", "--tag", "t"], "name what to remove"),
        (["report", "7", "--state", "nowhere"], "--bad"),
        (["report", "x", "--bad", "--state", "nowhere"], "not a valid integer"),
        (["export", "--state", "a", "--path", "b"], "name one cache"),
    ],
)
def test_mistakes_are_one_sentence(arguments: list[str], words: str) -> None:
    assert words in run(*arguments, ends=2)


def test_mistakes_with_a_file(state: Path, tmp_path: Path) -> None:
    assert "the cache knows org=acme, org=initech" in run(
        "purge", "--state", state, "--namespace", "acm", "--yes", ends=2
    )
    assert "expected a whole number and a unit" in run(
        "purge", "--state", state, "--older-than", "soon", "--yes", ends=2
    )
    assert "--yes" in run("purge", "--state", state, "--all", ends=2)
    (tmp_path / "notes.db").write_text("my notes " * 100)
    assert "no cache" in run("stats", "--path", tmp_path / "notes.db", ends=2)
    assert json.loads(run("stats", "--state", state, "--json"))["entries"] == 6
