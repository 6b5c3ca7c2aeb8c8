"""The installed `tierkit` command: what it prints, in which shape, and how it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

import jsonschema
import pytest

TIERKIT = Path(sys.executable).with_name("tierkit")
SHAPES = json.loads(Path(__file__).with_name("cli.schema.json").read_text())
TRACES = Path(__file__).parents[1] / "fixtures" / "traces"
POLICY = """\
version = 1
[[tier]]
name = "small"
model = "small-1"
price = { input = "0.10 USD/Mtok", output = "0.40 USD/Mtok" }
[[tier]]
name = "large"
model = "large-1"
price = { input = "1.00 USD/Mtok", output = "5.00 USD/Mtok" }
[routing]
share = { large = 0.5 }
[[budget]]
name = "team-hourly"
amount = "0.02 USD"
period = "hour"
per = ["team"]
[cache]
per = ["team"]
"""
COMMANDS = (
    "init",
    "check",
    "route",
    "fit",
    "eval",
    "replay",
    "demo",
    "report",
    "explain",
    "limits",
    "top",
    "ledger verify",
    "ledger export",
    "cache",
)


class Run:
    """One run of the command."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", errors="replace")
        self.err = done.stderr.decode("utf-8", errors="replace")
        assert "Traceback" not in self.err, self.err

    def json(self, shape: str) -> Any:
        value = json.loads(self.out)
        jsonschema.validate(value, {**SHAPES, "$ref": f"#/$defs/{shape}"})
        return value


def tierkit(*arguments: str | Path, cwd: Path | None = None, stdin: bytes = b"", **environment: str) -> Run:
    done = subprocess.run(
        [TIERKIT, *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
    return Run(done)


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(POLICY)
    return file


def _trace(folder: Path, *rows: dict[str, Any]) -> Path:
    file = folder / "trace.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def test_no_arguments_print_the_help() -> None:
    run = tierkit()
    assert run.code == 0
    assert all(command.split()[0] in run.out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_page_with_examples(command: str) -> None:
    run = tierkit(*command.split(), "--help")
    assert run.code == 0
    assert f"tierkit {command}" in run.out.split("Examples:")[1]
    assert "--json" in run.out


def test_the_version_is_the_packages() -> None:
    import tierkit as package

    assert tierkit("--version").out == f"tierkit {package.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command"),
        (["check", "--nonsense"], "No such option"),
        (["replay", "trace"], "Missing option '--policy'"),
        (["report"], "Missing option '--state'"),
        (["check", "missing.toml"], "missing.toml"),
        (["replay", "--policy", "missing.toml", "trace"], "missing.toml"),
        (["report", "--state", "missing"], "missing: there is no state directory"),
        (["explain", "id", "--state", "missing"], "missing: there is no state directory"),
        (["limits", "--state", "missing"], "missing: there is no state directory"),
        (["top", "--state", "."], "no ledger here"),
        (["ledger", "verify", "--state", "missing"], "missing: there is no state directory"),
        (["ledger", "verify", "--state", "."], "no ledger here"),
        (["ledger", "export", "--state", "."], "no ledger here"),
        (["ledger", "export", "--state", ".", "--since", "yesterday"], "ISO 8601"),
        (["report", "--state", ".", "--by", "team,team"], "asked twice"),
        (["report", "--state", ".", "--by", "usd"], "not a label"),
        (["init", "no/such/folder/t.toml"], "make it first"),
        (["route", "--label", "team", "Hi"], "NAME=VALUE"),
    ],
)
def test_a_mistake_is_a_sentence_and_2(tmp_path: Path, arguments: list[str], words: str) -> None:
    run = tierkit(*arguments, cwd=tmp_path)
    assert run.code == 2
    assert words in run.err
    assert run.out == ""


def test_init_writes_a_policy_that_check_accepts_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    run = tierkit("init", "--json", cwd=tmp_path)
    assert run.code == 0
    assert run.json("init")["path"] == "tierkit.toml"
    assert tierkit("check", cwd=tmp_path).code == 0
    assert tierkit("check", "--json", cwd=tmp_path).json("check_valid")["tiers"] >= 2
    (tmp_path / "tierkit.toml").write_text("mine")
    again = tierkit("init", cwd=tmp_path)
    assert (again.code, (tmp_path / "tierkit.toml").read_text()) == (2, "mine")
    assert "--force" in again.err
    assert tierkit("init", "--force", cwd=tmp_path).code == 0
    assert (tmp_path / "tierkit.toml").read_text() != "mine"


def test_check_tells_every_mistake_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(
        POLICY.replace('period = "hour"', 'period = "hourly"').replace("per = ", "pre = ")
    )
    run = tierkit("check", "bad.toml", cwd=tmp_path)
    assert run.code == 2
    assert "bad.toml:16:" in run.err
    rows = tierkit("check", "--json", "bad.toml", cwd=tmp_path)
    assert rows.code == 2
    assert 16 in [row["line"] for row in rows.json("check_wrong")["errors"]]


def test_check_warns_of_a_rule_that_can_never_match(tmp_path: Path) -> None:
    text = POLICY + '[[limit]]\nname = "typo"\nrate = "5 requests/second"\nwhere = { tier = "smal" }\n'
    (tmp_path / "odd.toml").write_text(text)
    run = tierkit("check", "odd.toml", cwd=tmp_path)
    assert run.code == 0
    assert "typo" in run.out
    assert "did you mean 'small'" in run.out
    assert tierkit("check", "--strict", "odd.toml", cwd=tmp_path).code == 1
    assert tierkit("check", "--json", "odd.toml", cwd=tmp_path).json("check_valid")["warnings"]


def test_route_names_a_tier_of_the_policy(policy: Path) -> None:
    found = tierkit("route", "--json", "--policy", policy, "What is 2 + 2?").json("route")
    assert found["tier"] in {"small", "large"}
    assert found["model"] == f"{found['tier']}-1"
    assert Decimal(found["price_ceiling_usd"]) > 0


LABELLED = "".join(
    json.dumps({"prompt": f"{'prove' if hard else 'name'} the {word} {n}", "q_cheap": 1 - hard, "q_strong": 1}) + "\n"
    for n in range(80)
    for hard, word in ((n % 2, "lemma"), (1 - n % 2, "river"))
)


def test_fit_writes_what_eval_measures(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(LABELLED)
    fitted = tierkit("fit", "--json", "--data", rows, "--out", tmp_path / "mine", "--loss", "0.2").json("fit")
    assert (fitted["fitted"], fitted["kept_back"]) == (128, 32)
    assert fitted["apgr"] > 0.7
    picture = tmp_path / "curves.svg"
    found = tierkit("eval", "--json", "--data", rows, "--classifier", tmp_path / "mine", "--picture", picture).json(
        "eval"
    )
    assert found["sources"]["all"]["apgr"] > 0.7
    assert picture.read_text().startswith("<svg")
    assert "APGR" in tierkit("eval", "--data", rows).out


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "rows.jsonl:1: not JSON"),
        ('{"q_cheap": 1}', "prompt None: expected a text"),
        ('{"prompt": "a"}', "q_cheap, a number from 0 to 1"),
        ('{"prompt": "a", "q_cheap": 7}', "q_cheap 7: expected a quality"),
        ('{"prompt": "a", "q_cheap": 1}', "none has the strong tier's quality"),
        ("", "no rows"),
    ],
)
def test_labelled_rows_that_cannot_be_used(tmp_path: Path, line: str, sentence: str) -> None:
    (tmp_path / "rows.jsonl").write_text(line)
    run = tierkit("eval", "--data", tmp_path / "rows.jsonl")
    assert run.code == 2
    assert sentence in run.err


def test_route_reads_standard_input_of_any_kind() -> None:
    for prompt in (b"Prove it.", "héé \U0001f642".encode(), b"\xff\xfe broken", b""):
        run = tierkit("route", "--json", "-", stdin=prompt)
        assert run.code == 0, run.err
        run.json("route")


def test_replay_adds_up(tmp_path: Path, policy: Path) -> None:
    rows = [
        {"ts": second, "labels": {"team": "search"}, "input_tokens": 1000, "output_tokens": 100} for second in range(99)
    ]
    found = tierkit("replay", "--json", "--policy", policy, _trace(tmp_path, *rows)).json("replay")
    assert found["requests"] == 99
    assert found["admitted"] + sum(found["refused"].values()) == 99
    assert sum(found["by_tier"].values()) + found["cache_hits"] == found["admitted"]
    assert found["refused"].keys() == {"budget"}
    small, large = found["by_tier"]["small"], found["by_tier"]["large"]
    # 1,000 input and 100 output tokens cost 0.00014 USD on the small tier and 0.0015 USD on the large one
    assert Decimal(found["spend_usd"]) == small * Decimal("0.00014") + large * Decimal("0.0015")
    assert Decimal(found["baseline_usd"]) == found["admitted"] * Decimal("0.0015")
    assert Decimal(found["saved_usd"]) == Decimal(found["baseline_usd"]) - Decimal(found["spend_usd"])
    assert Decimal(found["spend_usd"]) <= Decimal("0.02") + Decimal(found["overshoot_usd"])
    assert found["by_label"]["team"]["search"]["spend_usd"] == found["spend_usd"]


def test_replay_of_the_same_prompts_hits_the_cache(tmp_path: Path, policy: Path) -> None:
    row = {"labels": {"team": "search"}, "prompt": "What is the capital of France?", "output_tokens": 6}
    trace = _trace(tmp_path, *({"ts": 10 * number, **row} for number in range(5)))
    found = tierkit("replay", "--json", "--policy", policy, trace).json("replay")
    assert found["cache_hits"] == 4
    assert sum(found["by_tier"].values()) == 1


@pytest.mark.parametrize(
    ("name", "requests"), [("azure_small.csv", 6), ("mooncake_small.jsonl", 4), ("own_small.jsonl", 5)]
)
def test_replay_reads_three_formats(policy: Path, name: str, requests: int) -> None:
    found = tierkit("replay", "--json", "--policy", policy, "--label", "team=code", TRACES / name).json("replay")
    assert found["requests"] == requests
    assert "code" in found["by_label"]["team"]


def test_requests_without_labels_are_unattributed(policy: Path) -> None:
    found = tierkit("replay", "--json", "--policy", policy, TRACES / "azure_small.csv").json("replay")
    assert list(found["by_label"]["team"]) == ["unattributed"]


def test_a_bad_trace_line_is_told_with_its_place(tmp_path: Path, policy: Path) -> None:
    trace = _trace(
        tmp_path, {"ts": 0, "input_tokens": 1, "output_tokens": 1}, {"ts": 1, "input_tokens": -1, "output_tokens": 1}
    )
    run = tierkit("replay", "--policy", policy, trace)
    assert (run.code, run.out) == (2, "")
    assert f"{trace}:2: input_tokens -1" in run.err


def test_replay_report_and_explain_tell_the_same_ledger(tmp_path: Path, policy: Path) -> None:
    state = tmp_path / "state"
    found = tierkit("replay", "--json", "--policy", policy, "--state", state, TRACES / "own_small.jsonl").json("replay")
    by_team = tierkit("report", "--json", "--state", state, "--by", "team,tier").json("report")
    assert by_team["total_usd"] == found["spend_usd"]
    assert {row["team"] for row in by_team["rows"]} >= {"search", "batch", "support", None}
    text = tierkit("report", "--state", state, "--by", "team")
    assert text.code == 0
    assert "search" in text.out
    unknown = tierkit("explain", "no-such-id", "--state", state)
    assert unknown.code == 1
    assert "no-such-id" in unknown.err
    assert tierkit("explain", "no-such-id", "--state", state, "--json").json("explain")["entries"] == []


def test_explain_tells_the_story_of_one_request(tmp_path: Path, policy: Path) -> None:
    import tierkit as tk

    with tk.Governor(tk.Policy.from_toml(policy), state=tmp_path / "state") as governor:
        admission = governor.admit("Hi", labels={"team": "[red]=1+1"}, max_output_tokens=9, id="req-1")
        admission.settle(tk.Usage(input_tokens=5, output_tokens=3))
    run = tierkit("explain", "req-1", "--state", tmp_path / "state", "--json")
    entries = run.json("explain")["entries"]
    assert entries[-1]["kind"] == "post"
    assert entries[-1]["labels"]["team"] == "[red]=1+1"
    text = tierkit("explain", "req-1", "--state", tmp_path / "state")
    assert "[red]=1+1" in text.out


def test_the_demo_shows_all_of_it(tmp_path: Path) -> None:
    run = tierkit("demo", "--json", "--out", tmp_path / "demo")
    assert run.code == 0, run.err
    found = run.json("demo")
    assert found["cache_hits"] > 0
    assert {"budget", "rate"} <= found["refused"].keys()
    assert all(found["by_tier"].values())
    assert Decimal(found["saved_usd"]) > 0
    assert Path(found["picture"]).read_text().startswith("<svg")
    report = tierkit("report", "--json", "--state", tmp_path / "demo" / "state").json("report")
    assert report["total_usd"] == found["spend_usd"]
    again = tierkit("demo", "--out", tmp_path / "demo")
    assert again.code == 0, again.err
    assert "Try next" in again.out
    assert "\x1b" not in again.out


def test_the_demo_removes_nothing_that_it_did_not_write(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "ledger.db").write_text("precious")
    run = tierkit("demo", "--out", tmp_path)
    assert run.code == 2
    assert (tmp_path / "state" / "ledger.db").read_text() == "precious"


@pytest.mark.skipif(os.name != "posix", reason="needs a shell's pipe")
@pytest.mark.parametrize(
    "arguments", ["", "--help", "replay --json --policy {policy} {trace}", "replay --policy {policy} {trace}"]
)
def test_a_closed_pipe_is_quiet(policy: Path, arguments: str) -> None:
    command = arguments.format(policy=policy, trace=TRACES / "azure_small.csv")
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [TIERKIT, *command.split()], stdout=write, stderr=subprocess.PIPE, timeout=60, check=False
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONIOENCODING": "ascii"},
        {"COLUMNS": "40"},
        {"NO_COLOR": "1"},
        {"TERM": "dumb"},
    ],
    ids="-".join,
)
def test_any_terminal_is_good_enough(tmp_path: Path, policy: Path, environment: dict[str, str]) -> None:
    label = "Zoë-日本"
    row = {"ts": 0, "labels": {"team": label}, "input_tokens": 10, "output_tokens": 1}
    run = tierkit("replay", "--policy", policy, _trace(tmp_path, row), **environment)
    assert run.code == 0, run.err
    assert "Zo" in run.out
    assert "\x1b" not in run.out
    if "COLUMNS" in environment:
        assert max(len(line) for line in run.out.splitlines() if "|" not in line) <= 90
    as_json = tierkit("replay", "--json", "--policy", policy, _trace(tmp_path, row), **environment).json("replay")
    assert label in as_json["by_label"]["team"]


def _wait_until_read(pipe: IO[bytes]) -> None:
    """Wait until the other side took everything, however long a busy machine takes to start it."""
    import fcntl
    import termios

    for _ in range(600):
        left = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
        if left == bytes(4):
            return
        time.sleep(0.1)


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_an_interrupt_leaves_with_130(policy: Path) -> None:
    running = subprocess.Popen(
        [TIERKIT, "replay", "--policy", policy, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert running.stdin is not None
    running.stdin.write(b'{"ts": 0, "input_tokens": 1, "output_tokens": 1}\n')
    running.stdin.flush()
    _wait_until_read(running.stdin)
    time.sleep(0.2)  # it now waits for the rest of the trace
    running.send_signal(signal.SIGINT)
    running.stdin.close()
    assert running.stdout is not None
    assert running.stderr is not None
    out, err = running.stdout.read(), running.stderr.read()
    assert running.wait(timeout=30) == 130
    assert b"Traceback" not in err
    assert out == b""
    running.stdout.close()
    running.stderr.close()


def test_without_the_extra_the_pip_line_is_named() -> None:
    code = (
        "import sys; from importlib import util; real = util.find_spec;"
        "util.find_spec = lambda name, *a: None if name in ('click', 'rich') else real(name, *a);"
        "import tierkit.cli; sys.argv = ['tierkit', 'demo']; tierkit.cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'tierkit[cli]'" in done.stderr
    assert "Traceback" not in done.stderr
