"""Calibration on labelled pairs, purge, and what a user says of hits."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import tierkit as tk
from tierkit.cache.calibration import Pair, calibrate
from tierkit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

SAME = Pair("How do I reset my password?", "how can I reset my password", same=True)
OTHER = Pair("Boil 2 eggs", "Boil 3 eggs", same=False)
LOOKS_SAME = Pair("How do I reset my password?", "how do I reset my password", same=False)


def test_few_pairs_promise_nothing() -> None:
    found = calibrate([SAME, OTHER])
    assert found.min_similarity is None
    assert found.bound > 0.9


def test_many_pairs_keep_the_promise() -> None:
    found = calibrate([SAME] * 10 + [OTHER] * 900)
    assert found.min_similarity == 0.4
    assert (found.hits, found.false_hits, found.recall, found.precision) == (10, 0, 1.0, 1.0)
    assert found.bound < 0.01


def test_false_hits_at_every_similarity_are_seen() -> None:
    found = calibrate([SAME] * 10 + [OTHER] * 900 + [LOOKS_SAME] * 100)
    assert found.min_similarity is None
    assert found.false_hits == 100
    assert found.bound > 0.1


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_bad_shares_are_refused(share: float) -> None:
    with pytest.raises(ConfigError, match="expected a share"):
        calibrate([SAME, OTHER], max_false_hits=share)
    with pytest.raises(ConfigError, match="expected at least one of each"):
        calibrate([SAME])


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from tierkit.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "cache", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_command_reads_pairs_and_says_the_bound(tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    lines = [{"cached": pair.cached, "new": pair.new, "should_hit": pair.same} for pair in [SAME] * 5 + [OTHER] * 900]
    pairs.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    run = command("calibrate", str(pairs), "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["min_similarity"] == 0.4
    pairs.write_text('{"cached": "a"}\n', encoding="utf-8")
    run = command("calibrate", str(pairs))
    assert run.returncode == 2
    assert "pairs.jsonl:1" in run.stderr
    assert "should_hit" in run.stderr
    assert command("calibrate", str(tmp_path / "none.jsonl")).returncode == 2


def test_the_command_decides() -> None:
    run = command("decide", "Boil 2 eggs", "Boil 3 eggs", "--json")
    assert run.returncode == 1
    assert json.loads(run.stdout)["reasons"][0] == "numbers differ: 2 against 3"
    assert command("decide", "Boil two eggs", "boil 2 eggs").returncode in {0, 1}


def test_purge_by_namespace_tag_and_age() -> None:
    now = [0]
    cache = tk.SemanticCache(clock=lambda: now[0])
    for at, (namespace, tag) in enumerate([("a", "x"), ("a", "y"), ("b", "x")]):
        now[0] = at * 10**9
        cache.put(namespace=namespace, key=b"k" + bytes([at]), value=b"v", ttl_s=60, tag=tag)
    assert cache.purge(namespace="a", tag="x") == 1
    assert cache.purge(namespace=b"a") == 0  # bytes name another namespace than a text
    assert cache.purge(older_than_s=0.5) == 1
    assert cache.purge(tag="x") == 1
    assert len(cache) == 0
    with pytest.raises(ConfigError, match="purge of everything"):
        cache.purge()
    with pytest.raises(ConfigError, match="older_than_s"):
        cache.purge(older_than_s=float("nan"))


def test_praise_raises_the_odds_of_later_hits() -> None:
    from tierkit.cache import embed

    cache = tk.SemanticCache()
    old, new = "Which fees apply to card payments abroad?", "What fees apply abroad to payments by credit card"
    put = cache.put(namespace="a", key=b"k", text=old, embedding=embed(old), value=b"v", ttl_s=60)
    before = cache.get(namespace="a", key=b"q", text=new, embedding=embed(new))
    assert put is not None
    for _ in range(3):
        cache.report(put, ok=True)
    after = cache.get(namespace="a", key=b"q", text=new, embedding=embed(new))
    assert before is None or after is not None
