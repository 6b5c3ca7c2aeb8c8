"""What the decision does to pairs of questions written for it: floors that no change of the guards may fall under."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tierkit import SemanticCache
from tierkit.cache import embed_many

PAIRS = Path(__file__).parents[1] / "fixtures/cache/questions.jsonl"
VAGUE = ("similarity", "too little")  # reasons of the odds, not of a guard
NOT_EDITED = "topic"  # another question altogether, which the odds refuse


@pytest.fixture(scope="module")
def judged() -> list[tuple[dict[str, object], bool, bool]]:
    """Each pair, whether it hits, and whether a guard objects."""
    rows = [json.loads(line) for line in PAIRS.read_text(encoding="utf-8").splitlines()]
    cosines = (embed_many([row["cached"] for row in rows]) * embed_many([row["new"] for row in rows])).sum(axis=1)
    cache, found = SemanticCache(), []
    for row, cosine in zip(rows, cosines.tolist(), strict=True):
        verdict = cache.decide(row["cached"], row["new"], min(1.0, max(-1.0, cosine)))
        found.append((row, verdict.hit, any(not reason.startswith(VAGUE) for reason in verdict.reasons)))
    return found


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def test_paraphrases_hit_and_few_are_blocked(judged: list[tuple[dict[str, object], bool, bool]]) -> None:
    same = [(hit, guarded) for row, hit, guarded in judged if row["should_hit"]]
    assert share([hit for hit, _ in same]) >= 0.47
    assert share([guarded for _, guarded in same]) <= 0.08


def test_edited_questions_are_blocked_and_none_hits(judged: list[tuple[dict[str, object], bool, bool]]) -> None:
    other = [(row, hit, guarded) for row, hit, guarded in judged if not row["should_hit"]]
    assert [(row["cached"], row["new"]) for row, hit, _ in other if hit] == []
    assert share([guarded for row, _, guarded in other if row["kind"] != NOT_EDITED]) >= 0.96


def test_verdicts_are_the_same_both_ways(judged: list[tuple[dict[str, object], bool, bool]]) -> None:
    cache = SemanticCache()
    for row, _, _ in judged:
        there, back = cache.decide(row["cached"], row["new"], 0.9), cache.decide(row["new"], row["cached"], 0.9)
        assert there.hit == back.hit, row
