"""A replay's ledger adds up to the nano-dollar: every price is worked out again here, from tokens, in whole numbers."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tierkit.report.sample import POLICY, TRACE

TIERKIT = Path(sys.executable).with_name("tierkit")
TRACES = Path(__file__).parents[1] / "fixtures" / "traces"
# USD per million tokens is pico-USD per token times 10^6: input and output price of each tier of the demo's policy.
PUSD_PER_TOKEN = {"small": (50_000, 200_000), "medium": (250_000, 2_000_000), "large": (1_250_000, 10_000_000)}


def _tierkit(*arguments: str | Path) -> Any:
    done = subprocess.run([TIERKIT, *arguments, "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _nusd(usd: str) -> int:
    return int(Decimal(usd) * 10**9)


@pytest.mark.parametrize(
    "trace", [TRACE, TRACES / "azure_small.csv", TRACES / "mooncake_small.jsonl"], ids=lambda path: path.name
)
def test_the_ledger_of_a_replay_adds_up(tmp_path: Path, trace: Path) -> None:
    found = _tierkit("replay", "--policy", POLICY, "--state", tmp_path, "--label", "team=search", trace)
    by_team: defaultdict[str, int] = defaultdict(int)
    posted = 0
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger:
        for labels, usage, nusd in ledger.execute("SELECT labels, usage, nano_usd FROM entry WHERE kind = 'post'"):
            said, used = json.loads(labels), json.loads(usage or "{}")
            input_price, output_price = PUSD_PER_TOKEN[said["tier"]]
            pusd = used.get("input_tokens", 0) * input_price + used.get("output_tokens", 0) * output_price
            assert nusd == -(-pusd // 1000)
            by_team[said["team"]] += nusd
            posted += 1
        accounts = ledger.execute("SELECT sum(posted), sum(pending) FROM account").fetchone()
    assert posted == found["admitted"]
    assert sum(by_team.values()) == _nusd(found["spend_usd"])
    assert accounts == (sum(by_team.values()), 0)
    report = _tierkit("report", "--state", tmp_path, "--by", "team")
    assert {row["team"]: _nusd(row["usd"]) for row in report["rows"]} == dict(by_team)
    assert _nusd(report["total_usd"]) == sum(by_team.values())
